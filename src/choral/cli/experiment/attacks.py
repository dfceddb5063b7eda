"""`choral experiment attacks`: what attackers gain, measured, beside what is promised; and whether planted faults show."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from choral.apps.companion.device.tasks import ratings_filter
from choral.apps.phishing.study.backdoor import Gating, open_back_door
from choral.apps.phishing.study.data import Links
from choral.cli.experiment.attacks_page import draw, written
from choral.cli.experiment.page import FOLDER, check_folder
from choral.cli.outputs import check_devices, progress, write_json
from choral.cli.simulate.phishing import links_from
from choral.device import Budget
from choral.errors import UsageError
from choral.mechanisms import FrequencyOracle, ProjectiveGeometryResponse, RandomizedResponse, SubsetSelection
from choral.mechanisms.audit_one_run import gaussian_epsilon
from choral.mechanisms.base import DELTA
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.privacy import Clones, micro
from choral.protocol import Terms
from choral.simulation.attacks.averaging import ask_daily, guess_by_averaging, guess_by_retries, majority_accuracy
from choral.simulation.attacks.differencing import Second, Target, guess_by_difference, in_histogram, in_sum
from choral.simulation.attacks.gain import measured_gain
from choral.simulation.attacks.guesses import Guesses, allowed_accuracy
from choral.simulation.attacks.one_run import Run, halved_noise, one_batch, one_training, opposite_canaries, unclipped
from choral.simulation.attacks.oracles import small_oracles
from choral.simulation.hiding import two_level

EPSILONS = (1.0, 4.0)
UNSURE = 0.05
DAYS = 730


@dataclass(frozen=True, slots=True)
class Size:
    """How much is run.

    tries: guesses a seed; devices: that learn of phishing; canaries: in a sum; nights: of the companion; honest: reports
    beside the hostile ones; prices: epsilons of a report in the maximal gain; shares, gates: of the back door
    """

    tries: int = 20_000
    devices: int = 100_000
    canaries: int = 4000
    nights: int = 60
    honest: int = 20_000
    prices: tuple[float, ...] = (1.0, 2.0, 4.0)
    shares: tuple[float, ...] = (0.0, 0.001, 0.01, 0.05)
    gates: tuple[Gating, ...] = ("none", "public", "marked")


QUICK = Size(400, 2000, 400, 4, 2000, prices=(4.0,), shares=(0.0, 0.05), gates=("public",))


def attacks(
    seeds: Annotated[int, typer.Option(help="Runs of each attack, each with its own noise.")] = 5,
    devices: Annotated[int, typer.Option(help="Devices that learn the phishing model, once each.")] = Size().devices,
    data: Annotated[Path | None, typer.Option(help="CSV of phishing links; else CHORAL_DATA_DIR, else synthetic.")] = None,
    quick: Annotated[bool, typer.Option(help="A small run, to see that it works.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the page, the plot and the JSON go.")] = FOLDER,
) -> None:
    """Differencing, averaging, maximal gain, a back door, a one-run audit: measured beside the promise. About 5 minutes."""
    check_folder(folder)
    check_devices(devices)
    if not 2 <= seeds <= 100:
        raise UsageError(f"need 2 to 100 seeds, got {seeds}")
    if devices < QUICK.devices:
        raise UsageError(f"{devices:,} devices are too few to learn from; choose {QUICK.devices:,} or more")
    size = QUICK if quick else Size(devices=devices)
    links, started = links_from(data), time.perf_counter()
    parts: dict[str, Callable[[Size, int], Iterator[dict[str, Any]]]] = {
        "differencing": _differencing,
        "averaging": _averaging,
        "retries": _retries,
        "ledger": _ledger,
        "gain": _gain,
        "back_door": lambda size, seed: _back_door(links, size, seed),
        "one_run": _one_run,
    }
    found: dict[str, Any] = {"seeds": seeds, "source": links.source, "devices": size.devices}
    with progress(len(parts) * seeds, "attacks") as done:
        for name, part in parts.items():
            found[name] = []
            for seed in range(1, seeds + 1):
                found[name] += [{"seed": seed, **_short(row)} for row in part(size, seed)]
                done(1)
    seconds = time.perf_counter() - started
    write_json(folder / "attacks.json", found | {"seconds": round(seconds, 1)})
    draw(folder / "attacks.png", found)
    (folder / "attacks.md").write_text(written(found, seconds), encoding="utf-8")
    print(f"wrote {folder / 'attacks.md'}, attacks.json and attacks.png")


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Figures to eight digits."""
    return {name: float(f"{value:.8g}") if isinstance(value, float) else value for name, value in row.items()}


def _guessed(guesses: Guesses) -> dict[str, Any]:
    return {"right": guesses.right, "tries": guesses.tries}


def _differencing(size: Size, seed: int) -> Iterator[dict[str, Any]]:
    """Each way to subtract, on two histograms and two sums; the claim is that of the batch, and of one report alone."""
    for name, target, local, epsilon, tries in _targets(size):
        alone = Target(target.mechanism, target.pair, target.others[:0], target.weights, 0.0)
        rows: list[tuple[str, Target, Second, float | None, float]] = [
            ("its report alone", alone, "truth", local, 0.0),
            ("the batch less what the others hold", target, "truth", epsilon, DELTA),
            ("the batch less another round without it", target, "round", epsilon, DELTA),
            ("planted: the batch less the same reports without its own", target, "overlap", epsilon, DELTA),
        ]
        for attack, of, second, claim, delta in rows:
            guesses = guess_by_difference(of, second, tries=tries, seed=seed)
            allowed = 1.0 if claim is None else allowed_accuracy(claim, delta)
            yield {"batch": name, "attack": attack, "epsilon": claim, "allowed": allowed, **_guessed(guesses)}


def _targets(size: Size) -> Iterator[tuple[str, Target, float | None, float, int]]:
    for epsilon, n in ((1.0, 500), (2.0, 1500)):
        for oracle in (RandomizedResponse.for_epsilon(epsilon, 2), SubsetSelection.for_epsilon(epsilon, 12)):
            hidden = two_level(oracle) or Clones.generic(oracle.epsilon)
            target = in_histogram(oracle, np.arange(n - 1) % oracle.domain)
            words = f"{n} reports, `{oracle.NAME}`, domain {oracle.domain}"
            yield words, target, oracle.epsilon, hidden.epsilon(n, DELTA), size.tries // 8
    for epsilon in EPSILONS:
        mechanism = GaussianVector.for_sum(epsilon, 8, clip_norm=1.0, minimum=100)
        claim = next(one.epsilon for one in mechanism.guarantees(100) if one.trust == "sum")
        others = np.tile(np.linspace(-0.3, 0.3, 8), (99, 1))
        yield (
            f"a sum of 100 at epsilon {epsilon:g}, `{mechanism.NAME}`, 8 numbers",
            in_sum(mechanism, others),
            None,
            claim,
            size.tries // 4,
        )


def _averaging(size: Size, seed: int) -> Iterator[dict[str, Any]]:
    """Up to 30 paid reports about one value, by two oracles at epsilon 1."""
    for oracle in (RandomizedResponse.for_epsilon(1.0, 2), ProjectiveGeometryResponse.for_epsilon(1.0, 60)):
        for number, guesses in enumerate(guess_by_averaging(oracle, 30, devices=size.tries, seed=seed), start=1):
            law = majority_accuracy(oracle.support.truth, number) if oracle.domain == 2 else None
            allowed = allowed_accuracy(number * oracle.epsilon)
            yield {"oracle": oracle.NAME, "reports": number, "allowed": allowed, "law": law, **_guessed(guesses)}


def _retries(size: Size, seed: int) -> Iterator[dict[str, Any]]:
    oracle = RandomizedResponse.for_epsilon(1.0, 2)
    for is_fresh in (False, True):
        for tries in (1, 7, 30):
            guesses = guess_by_retries(oracle, tries, devices=size.tries, seed=seed, is_fresh=is_fresh)
            allowed = allowed_accuracy(oracle.epsilon)
            yield {"fresh": is_fresh, "sent": tries, "allowed": allowed, **_guessed(guesses)}


def _ledger(_: Size, seed: int) -> Iterator[dict[str, Any]]:
    """How many reports a server gets out of a ledger by asking every day for two years; no seed is in it."""
    if seed > 1:
        return
    start, budget = datetime(2027, 1, 1, tzinfo=UTC), Budget.nats(day=4, year=12, life=30)
    terms = [_terms(number) for number in range(40)]
    for name, asked in (("one task", terms[:1]), ("40 tasks about the same value", terms)):
        answer = ask_daily(asked, budget, start, days=DAYS)
        allowed = allowed_accuracy(answer.paid)
        yield {"asked": name, "reports": answer.reports, "paid": answer.paid, "allowed": allowed, "ended": answer.ended}


def _terms(number: int) -> Terms:
    return Terms(
        f"question {number}", "a", "one report", "nobody", micro(1.0), 1, 7, 100, 30, False, "randomized-response/1", "count/1"
    )


def _gain(size: Size, seed: int) -> Iterator[dict[str, Any]]:
    """One hostile report in a hundred; targets are the last items, which no honest device holds."""
    honest = (np.sqrt(np.arange(size.honest) / size.honest) * 900).astype(np.int64)
    for epsilon in size.prices:
        for oracle in small_oracles(epsilon, 1000):
            for targets in (1, 10):
                yield {"epsilon": epsilon, "oracle": oracle.NAME} | _gained(oracle, targets, honest, seed)


def _gained(oracle: FrequencyOracle, targets: int, honest: Any, seed: int) -> dict[str, Any]:
    items = list(range(oracle.domain - targets, oracle.domain))
    gain = measured_gain(oracle, items, honest, hostile=len(honest) // 99, seed=seed)
    figures = {name: getattr(gain, name) for name in ("one", "total", "down", "published", "exceeds")}
    return {"targets": targets, **figures}


def _back_door(links: Links, size: Size, seed: int) -> Iterator[dict[str, Any]]:
    public = min(1000, len(links.labels) // 5)
    for epsilon in reversed(EPSILONS):
        for gate in size.gates:
            for share in size.shares:
                opened = open_back_door(
                    links, epsilon=epsilon, share=share, devices=size.devices, seed=seed, gate=gate, public=public
                )
                yield {
                    "epsilon": epsilon,
                    "gate": gate,
                    "share": share,
                    "passed": opened.passed,
                    "auc": opened.auc,
                    "rolled_back": opened.rolled_back,
                    "signs": list(opened.signs),
                }


def _one_run(size: Size, seed: int) -> Iterator[dict[str, Any]]:
    """A batch of canaries at two prices, and a companion's training; each as it is and with faults."""
    for epsilon in EPSILONS:
        mechanism = GaussianVector.for_sum(epsilon, size.canaries, clip_norm=1.0, minimum=size.canaries)
        for fault, used, length in (
            ("none", None, 1.0),
            ("half the noise", halved_noise(mechanism), 1.0),
            ("no clipping, vectors of 3 norms", unclipped(mechanism, 3), 3.0),
        ):
            run = one_batch(mechanism, opposite_canaries(mechanism, length=length), seed=seed, used=used)
            yield {"what": f"a sum of {size.canaries:,}", "fault": fault} | _audited(run)
    algorithm = ratings_filter()
    mechanism = GaussianVector.for_sum(4.0, algorithm.size, clip_norm=algorithm.clip_norm, minimum=300)
    for fault, used, scales in (
        ("none", None, 1.0),
        ("half the noise", halved_noise(mechanism), 1.0),
        ("no clipping, moods 5 scales apart", unclipped(mechanism, 10), 5.0),
    ):
        run = one_training(mechanism, algorithm, nights=size.nights, minimum=300, seed=seed, scales=scales, used=used)
        yield {"what": f"the companion's model, {size.nights} nights of 300", "fault": fault} | _audited(run)


def _audited(run: Run) -> dict[str, Any]:
    found, shift = run.found, run.found.mu(alpha=UNSURE)
    return {
        "canaries": found.canaries,
        "guesses": found.guesses,
        "right": found.right,
        "claimed": run.claimed,
        "bound": found.epsilon(delta=run.delta, alpha=UNSURE),
        "claimed_mu": run.claimed_mu,
        "bound_mu": shift,
        "bound_gaussian": gaussian_epsilon(shift, run.delta),
    }
