"""`choral experiment stickers`: what private federated ranking keeps, by epsilon, number of devices and size of the head."""

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from choral.apps.stickers.device.catalogue import shipped
from choral.apps.stickers.study.market import LOGGED
from choral.apps.stickers.study.population import World
from choral.apps.stickers.study.real import Outcome as Real
from choral.apps.stickers.study.real import on_kaomoji, on_phones
from choral.apps.stickers.study.study import head_of
from choral.apps.stickers.study.trial import PLAIN, Trial, named, simulated
from choral.cli.experiment.page import FOLDER, check_folder, page, save_figure, table
from choral.cli.experiment.stickers_text import AROUND, KAOMOJI, PHONES, POPULATION, noise_of_few
from choral.cli.outputs import progress, write_json
from choral.errors import UsageError
from choral.mechanisms.base import DELTA
from choral.privacy.amplification import shuffled_epsilon
from choral.simulation.scores import Mean, mean_of

EPSILONS = (1.0, 2.0, 4.0, 8.0)
SIZES = (10_000, 100_000, 1_000_000)
HEADS = (300, 600)
HEADLINE, MIDDLE = 4.0, 100_000
FEWEST_SEEDS, MOST_SEEDS = 2, 100
KEPT = "stickers.partial.json"  # finished trials, so that an interrupted experiment goes on; removed at the end
Found = Mapping[str, Any]  # an Outcome as JSON


@dataclass(frozen=True, slots=True)
class Plan:
    """Which trials: every number of devices at every epsilon, and larger heads at the middle one."""

    devices: tuple[int, ...]
    heads: tuple[int, ...]
    epsilons: tuple[float, ...]
    middle: int
    seeds: range
    held_out: int
    rounds: int
    logged: int = LOGGED

    def trials(self) -> list[Trial]:
        """The small ones first."""
        usual = Trial(0, self.middle, self.epsilons, rounds=self.rounds, held_out=self.held_out, logged=self.logged)
        found = [
            replace(usual, seed=seed, devices=devices, averaged=devices == self.middle)
            for devices in self.devices
            for seed in self.seeds
        ]
        larger = [replace(usual, seed=seed, epsilons=(HEADLINE,), size=size) for size in self.heads for seed in self.seeds]
        return found + larger


def stickers(
    seeds: Annotated[int, typer.Option(help="Runs of each setting; the error bars come from them.")] = 5,
    seed: Annotated[int, typer.Option(help="The first seed; the others follow it.")] = 1,
    quick: Annotated[bool, typer.Option(help="A few thousand devices: to see that it works, not for figures.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the page, the plot and the JSON go.")] = FOLDER,
) -> None:
    """Sticker ranking under local privacy: what of the gain is kept, and real choices. Needs CHORAL_DATA_DIR, 25 minutes."""
    check_folder(folder)
    if not FEWEST_SEEDS <= seeds <= MOST_SEEDS:
        raise UsageError(f"need {FEWEST_SEEDS} to {MOST_SEEDS} seeds, got {seeds}")
    if "CHORAL_DATA_DIR" not in os.environ and not quick:
        raise UsageError("set CHORAL_DATA_DIR to the folder of the source data, which has real choices")
    plan, started = _plan(range(seed, seed + seeds), quick), time.perf_counter()
    found, before = _found(plan.trials(), folder / KEPT)
    real = _real(seed)
    seconds = before + time.perf_counter() - started
    document = {"plan": asdict(plan) | {"seeds": [*plan.seeds]}, "seconds": round(seconds, 1)}
    trials = [asdict(trial) | {"found": one} for trial, one in found]
    write_json(
        folder / "stickers.json", document | {"trials": trials, "real": {name: asdict(one) for name, one in real.items()}}
    )
    _draw(folder / "stickers.png", plan, found)
    (folder / "stickers.md").write_text(_page(plan, found, real, seconds), encoding="utf-8")
    (folder / KEPT).unlink(missing_ok=True)
    print(f"wrote {folder / 'stickers.md'}, stickers.json and stickers.png")


def _plan(seeds: range, quick: bool) -> Plan:
    if quick:
        return Plan((500, 1_000), (), (HEADLINE,), 1_000, seeds[:2], held_out=300, rounds=5, logged=1_000)
    return Plan(SIZES, HEADS, EPSILONS, MIDDLE, seeds, held_out=20_000, rounds=50)


def _found(trials: Sequence[Trial], kept: Path) -> tuple[list[tuple[Trial, Found]], float]:
    """Each trial with its figures, those of an interrupted run taken from `kept`; and the seconds that those took."""
    done_before = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    results: dict[str, Any] = dict(done_before)
    with progress(sum(trial.devices for trial in trials)) as done:
        for trial in trials:
            if repr(trial) not in results:
                started = time.perf_counter()
                outcome = _plain(asdict(simulated(trial, shipped(), done)))
                results[repr(trial)] = {"found": outcome, "seconds": time.perf_counter() - started}
                write_json(kept, results)
    return [(trial, results[repr(trial)]["found"]) for trial in trials], sum(one["seconds"] for one in done_before.values())


def _plain(outcome: Any) -> Any:
    """The same with rounded numbers and lists, as JSON would give it back."""
    return json.loads(json.dumps(outcome), parse_float=lambda text: round(float(text), 6))


def _real(seed: int) -> dict[str, Real]:
    if "CHORAL_DATA_DIR" not in os.environ:
        return {}
    source = Path(os.environ["CHORAL_DATA_DIR"])
    return {"phones": on_phones(source, seed), "kaomoji": on_kaomoji(source, seed)}


def _group(found: Iterable[tuple[Trial, Found]], devices: int, size: int = 150) -> list[Found]:
    return [one for trial, one in found if trial.devices == devices and trial.size == size]


def _mean(group: Sequence[Found], ranking: str, measure: str = "ndcg5") -> Mean:
    return mean_of([one["means"][ranking][measure]["mean"] for one in group])


def _share(group: Sequence[Found], name: str) -> Mean:
    return mean_of([one["kept"][name]["share"]["mean"] for one in group])


def _page(plan: Plan, found: list[tuple[Trial, Found]], real: Mapping[str, Real], seconds: float) -> str:
    middle = _group(found, plan.middle)
    headline = _share(middle, named(HEADLINE))
    own, everyone = (mean_of([one["agreement"][place] for one in middle]) for place in (0, 1))
    gains = [one["kept"][named(HEADLINE)]["gain_nonprivate"]["mean"] for _, one in found]
    return page(
        "Stickers learnt under local privacy",
        f"With {plan.middle:,} devices and one report each at epsilon {HEADLINE:g}, a head of 150 numbers keeps **{headline}** "
        f"of what federated training without privacy gains in NDCG@5 over the best untrained ranking. Seeds {plan.seeds[0]} to "
        f"{plan.seeds[-1]}, each with a world of its own; ± is the standard error of the mean over seeds. Judged by "
        f"{plan.held_out:,} people of each seed who are not trained on.",
        "## What is kept",
        _kept_table(plan, found),
        "![Share of the gain that is kept, against devices](stickers.png)",
        AROUND.format(rounds=plan.rounds),
        "## All rankings",
        f"{plan.middle:,} devices. `with history` adds the person's own earlier choices on the device, as the app does.",
        _rankings_table(middle),
        "## Larger heads",
        f"{plan.middle:,} devices, epsilon {HEADLINE:g}.",
        _heads_table(plan, found),
        "## The people",
        POPULATION.format(
            stickers=len(shipped()),
            keywords=len(World.of(shipped(), plan.seeds[0]).held),
            own=f"{own.mean:.1%}",
            everyone=f"{everyone.mean:.2%}",
            least=f"{min(gains):.3f}",
        ),
        *_real_parts(real),
        seconds=seconds,
    )


def _kept_table(plan: Plan, found: list[tuple[Trial, Found]]) -> str:
    head = ["devices", "epsilon", "share kept", "NDCG@5", "not private", "best untrained", "in a batch", "all shuffled"]
    rows = []
    for devices in plan.devices:
        group = _group(found, devices)
        best = mean_of([max(one["means"][name]["ndcg5"]["mean"] for name in ("popularity", "untrained")) for one in group])
        for epsilon in plan.epsilons:
            shuffled = [shuffled_epsilon(epsilon, count, DELTA) for count in (devices // plan.rounds, devices)]
            means = [_share(group, named(epsilon)), _mean(group, named(epsilon)), _mean(group, PLAIN), best]
            rows.append([f"{devices:,}", f"{epsilon:g}", *means, *(f"{one:.2f}" for one in shuffled)])
    return table(head, rows)


def _rankings_table(group: Sequence[Found]) -> str:
    measures = {"NDCG@5": "ndcg5", "MRR": "mrr", "first": "hit1", "among five": "hit5"}
    names = sorted(group[0]["means"], key=lambda name: _mean(group, name).mean)
    rows = [[name.replace("_", " "), *(_mean(group, name, measure) for measure in measures.values())] for name in names]
    return table(["ranking", *measures], rows)


def _heads_table(plan: Plan, found: list[tuple[Trial, Found]]) -> str:
    rows = []
    for size in (150, *plan.heads):
        group, head = _group(found, plan.middle, size), head_of(size)
        means = [_share(group, named(HEADLINE)), _mean(group, named(HEADLINE)), _mean(group, PLAIN)]
        rows.append([str(size), f"{head.personal} x {head.item}", *means])
    return table(["numbers", "person x sticker", "share kept", f"NDCG@5, epsilon {HEADLINE:g}", "not private"], rows)


def _real_parts(real: Mapping[str, Real]) -> list[str]:
    if not real:
        return ["## Real choices", "Not measured in this run: CHORAL_DATA_DIR was not set."]
    phones, kaomoji = real["phones"], real["kaomoji"]
    own, everyone = phones.agreement or (0.0, 0.0)
    return [
        "## Real choices: emoticons on phones",
        PHONES.format(
            people=phones.people,
            choices=phones.choices,
            candidates=phones.candidates,
            own=f"{own:.0%}",
            everyone=f"{everyone:.0%}",
            few=noise_of_few(phones.people),
        ),
        _real_table(phones),
        "## Real choices: kaomoji behind Japanese messages",
        KAOMOJI.format(people=kaomoji.people, public=kaomoji.people, choices=kaomoji.choices, candidates=kaomoji.candidates),
        _real_table(kaomoji),
    ]


def _real_table(real: Real) -> str:
    rows = [
        [row.name, row.ndcg5, row.mrr, row.above, f"{row.above.mean / row.above.error:+.1f}" if row.above.error else "-"]
        for row in real.rows
    ]
    return table(["ranking", "NDCG@5", "MRR", f"above {real.beside}", "standard errors"], rows)


def _draw(path: Path, plan: Plan, found: list[tuple[Trial, Found]]) -> None:
    """A line for each epsilon: the share of the gain that is kept, against devices."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.8), layout="constrained")
    axes: Any = figure.subplots()
    for epsilon in plan.epsilons:
        means = [_share(_group(found, devices), named(epsilon)) for devices in plan.devices]
        errors = [2 * one.error for one in means]
        axes.errorbar(
            plan.devices, [one.mean for one in means], yerr=errors, marker="o", capsize=4, label=f"epsilon {epsilon:g}"
        )
    axes.axhline(1, color="black", linewidth=0.8, linestyle=":")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("devices, one report each (bars: 2 standard errors over seeds)")
    axes.set_ylabel("share of the non-private gain in NDCG@5")
    axes.legend()
    save_figure(figure, path)
