"""`choral simulate stickers`: how much better private federated training ranks stickers, for people nobody trained on."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from choral.apps.stickers.device.catalogue import Catalogue, shipped
from choral.apps.stickers.device.suggestion import CHOICES
from choral.apps.stickers.study.study import HEADS, head_of
from choral.apps.stickers.study.trial import FIT, PLAIN, Outcome, Trial, named, on_file, simulated
from choral.cli.memory import own_peak_bytes
from choral.cli.outputs import DPI, check_devices, check_outputs, progress, warn, write_json
from choral.errors import UsageError
from choral.mechanisms.base import DELTA
from choral.privacy.amplification import shuffled_epsilon
from choral.simulation.scores import Mean

USUAL_DEVICES, USUAL_ROUNDS = 100_000, 50
FEWEST_REPORTS = 20  # in a round, where the number of rounds is not given
MOST_EPSILON, LEAST_EPSILON = 20.0, 0.01
MOST_ROUNDS = 10_000
UNIT = f"one device: its only report, an update from up to {CHOICES} choices"
RANKINGS = {"random": "random", "popularity": "popularity", "untrained": "untrained", "own_history": "own_history"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    devices: int | None
    epsilon: float
    rounds: int | None
    seed: int
    size: int
    held_out: int

    def trial(self, devices: int) -> Trial:
        """For so many devices."""
        rounds = self.rounds or max(1, min(USUAL_ROUNDS, devices // FEWEST_REPORTS))
        return Trial(self.seed, devices, (self.epsilon,), rounds, self.size, self.held_out)


def stickers(
    devices: Annotated[int | None, typer.Option(help="Devices, one report each; 100,000, or all users of --data.")] = None,
    epsilon: Annotated[float, typer.Option(help="Local privacy of a report, in nats.")] = 4.0,
    rounds: Annotated[int | None, typer.Option(help="Steps of the server; 50, or fewer for few devices.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same people and numbers.")] = 1,
    head: Annotated[int, typer.Option(help=f"Numbers that are learnt: {', '.join(map(str, HEADS))}.")] = 150,
    held_out: Annotated[int, typer.Option(help="Generated people to judge by.")] = 20_000,
    data: Annotated[Path | None, typer.Option(help="Your choices: CSV with user, keyword, displayed, chosen.")] = None,
    catalogue: Annotated[Path | None, typer.Option(help="Your stickers, for --data; else those that are shipped.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the comparison here (.png, .svg or .pdf).")] = None,
) -> None:
    """Sticker suggestion learnt under local privacy: NDCG@5 on people not trained on, beside all that it must beat."""
    check_outputs(json_file, plot)
    asked = Asked(devices, epsilon, rounds, seed, head, held_out)
    _check(asked)
    started = time.perf_counter()
    if data is not None:
        trial, outcome = _from_file(asked, data, shipped() if catalogue is None else Catalogue.read(catalogue))
    elif catalogue is not None:
        raise UsageError("--catalogue goes with --data; generated people choose from the stickers that are shipped")
    else:
        trial = asked.trial(devices or USUAL_DEVICES)
        with progress(trial.devices) as done:
            outcome = simulated(trial, shipped(), done)
    warn(list(outcome.warnings))
    times = {"seconds": round(time.perf_counter() - started, 3), "peak_memory_mb": round(own_peak_bytes() / 1e6, 1)}
    found = summary(trial, outcome) | times
    write_json(json_file, found)
    if plot:
        _plot(plot, trial, outcome)
    _print(trial, outcome, found)


def summary(trial: Trial, outcome: Outcome) -> dict[str, Any]:
    """What `--json` writes: means over held-out people, each with its standard error; what does not exist is null.

    epsilon_shuffled: within one batch of reports; epsilon_shuffled_all: if, besides, each device's round were random
    """
    mechanism = head_of(trial.size).mechanism(trial.epsilons[0])
    local, shuffled = mechanism.guarantees(trial.devices // trial.rounds)[:2]
    private, share = outcome.means[named(trial.epsilons[0])], outcome.kept[named(trial.epsilons[0])]
    rankings = RANKINGS | {"central": FIT, "federated_nonprivate": PLAIN}
    found: dict[str, Any] = {name: _number(private[name].mean) for name in private}
    found |= {f"ndcg5_{key}": _number(outcome.means[name]["ndcg5"].mean) for key, name in rankings.items()}
    found["ndcg5_with_history"] = _number(outcome.means[f"{named(trial.epsilons[0])} with history"]["ndcg5"].mean)
    found |= {
        "best_untrained": share.best_untrained,
        "gain": _number(share.gain.mean),
        "gain_nonprivate": _number(share.gain_nonprivate.mean),
        "gain_kept": _number(share.share.mean),
        "epsilon": local.epsilon,
        "epsilon_shuffled": shuffled.epsilon,
        "delta": shuffled.delta,
        "assumption": shuffled.assumption,
        "epsilon_shuffled_all": shuffled_epsilon(local.epsilon, trial.devices, DELTA),
        "unit": UNIT,
        "model_size": trial.size,
        "devices": trial.devices,
        "rounds": trial.rounds,
        "reports_per_batch": trial.devices // trial.rounds,
        "agreement_own": outcome.agreement and outcome.agreement[0],
        "agreement_all": outcome.agreement and outcome.agreement[1],
        "explained_by_keywords": outcome.linear,
    }
    return found | {"stderr": _errors(private, share.gain, share.gain_nonprivate, share.share)}


def _errors(private: Any, gain: Mean, plain: Mean, share: Mean) -> dict[str, float | None]:
    """Standard errors over held-out people; those of gains are paired."""
    found = {name: _number(mean.error) for name, mean in private.items()}
    named_errors = {"gain": gain, "gain_nonprivate": plain, "gain_kept": share}
    return found | {name: _number(mean.error) for name, mean in named_errors.items()}


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _check(asked: Asked) -> None:
    check_devices(asked.devices)
    head_of(asked.size)
    if not LEAST_EPSILON <= asked.epsilon < MOST_EPSILON:
        raise UsageError(f"epsilon {asked.epsilon:g} is out of range; choose {LEAST_EPSILON:g} to below {MOST_EPSILON:g}")
    if asked.rounds is not None and not 1 <= asked.rounds <= MOST_ROUNDS:
        raise UsageError(f"{asked.rounds} rounds cannot be simulated; choose 1 to {MOST_ROUNDS:,}")
    if asked.held_out < 2:
        raise UsageError(f"{asked.held_out} held-out people tell nothing of others; give 2 or more")


def _from_file(asked: Asked, path: Path, catalogue: Catalogue) -> tuple[Trial, Outcome]:
    from choral.apps.stickers.study.own_file import crowds, read_lines

    crowd, others = crowds(read_lines(path, catalogue), catalogue, head_of(asked.size), seed=asked.seed, devices=asked.devices)
    trial = asked.trial(len(crowd))
    with progress(trial.devices) as done:
        return trial, on_file(trial, crowd, others, done)


def _print(trial: Trial, outcome: Outcome, found: dict[str, Any]) -> None:
    console = Console(highlight=False)
    grid = Table(title=f"{trial.devices:,} devices, one report each at epsilon {trial.epsilons[0]:g}; {trial.size} numbers")
    grid.add_column("ranking")
    for column in ("NDCG@5", "MRR", "first", "among five"):
        grid.add_column(column, justify="right")
    for name, one in outcome.means.items():
        grid.add_row(name.replace("_", " "), *(str(one[measure]) for measure in ("ndcg5", "mrr", "hit1", "hit5")))
    console.print(grid)
    share = outcome.kept[named(trial.epsilons[0])]
    console.print(
        f"Of the gain without privacy, {share.gain_nonprivate} over the best untrained ranking ({share.best_untrained}), "
        f"{share.share} is kept. ± is the standard error over held-out people, paired for gains."
    )
    if outcome.agreement:
        own, everyone = outcome.agreement
        console.print(f"Two choices of one person agree {own:.1%} of the time, two choices of anyone {everyone:.1%}.")
    console.print(
        f"Local epsilon {found['epsilon']:.3g}; in a batch of {found['reports_per_batch']:,} reports "
        f"{found['epsilon_shuffled']:.3g} at delta {found['delta']:g}, if {found['assumption']}. {found['seconds']:g} s."
    )


def _plot(path: Path, trial: Trial, outcome: Outcome) -> None:
    """NDCG@5 of every ranking with two standard errors, the best on top."""
    from matplotlib.figure import Figure

    rows = sorted(outcome.means.items(), key=lambda pair: pair[1]["ndcg5"].mean)
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes: Any = figure.subplots()
    means = [one["ndcg5"] for _, one in rows]
    colours = ["#1f4e6b" if name.startswith(named(trial.epsilons[0])) else "#7fb2d6" for name, _ in rows]
    axes.barh([name.replace("_", " ") for name, _ in rows], [one.mean for one in means], color=colours)
    axes.errorbar(
        [one.mean for one in means], range(len(rows)), xerr=[2 * one.error for one in means], fmt="none", color="black"
    )
    axes.set_xlabel("NDCG@5 on held-out people (bars: 2 standard errors)")
    axes.set_title(f"{trial.devices:,} devices, one report each at epsilon {trial.epsilons[0]:g}, {trial.size} numbers")
    figure.savefig(path, dpi=DPI)
