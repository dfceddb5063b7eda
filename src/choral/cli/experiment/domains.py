"""`choral experiment domains`: a dictionary of 250,000 web domains, Apple's Hadamard sketch against the optimum."""

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from choral.cli.experiment.page import FOLDER, check_folder, page, save_figure, table
from choral.cli.outputs import check_devices, progress, write_json
from choral.engines import Processes, Serial
from choral.errors import UsageError
from choral.simulation.domains import Domains, read_domains
from choral.simulation.histogram import Senders, histogram
from choral.simulation.holders import Drawn
from choral.simulation.oracles import usual_oracle
from choral.simulation.scores import Mean, Score, mean_of, score

SIZE = 250_000
EPSILONS = (1.0, 2.0, 4.0, 8.0)
MECHANISMS = ("hcms", "pgr")
FEWEST_SEEDS, MOST_SEEDS = 2, 100


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One report of each device, who visited one domain each."""

    mechanism: str
    epsilon: float
    holders: Drawn


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial."""

    mechanism: str
    epsilon: float
    seed: int
    bits_per_report: int
    score: Score


Outcomes = dict[tuple[str, float], list[Outcome]]


def domains(
    devices: Annotated[int, typer.Option(help="Devices, one report each.")] = 5_000_000,
    seeds: Annotated[int, typer.Option(help="Runs of each setting; the error bars come from them.")] = 3,
    seed: Annotated[int, typer.Option(help="The first seed; the others follow it.")] = 1,
    size: Annotated[int, typer.Option(help="Domains in the dictionary.")] = SIZE,
    folder: Annotated[Path, typer.Option(help="Where the page, the plot and the JSON go.")] = FOLDER,
) -> None:
    """Which of 250,000 web domains are visited: Apple's Hadamard sketch against the optimum. Needs CHORAL_DATA_DIR."""
    check_folder(folder)
    check_devices(devices)
    if not FEWEST_SEEDS <= seeds <= MOST_SEEDS or not SIZE // 100 <= size <= 4 * SIZE:
        raise UsageError(f"need {FEWEST_SEEDS} to {MOST_SEEDS} seeds and 2,500 to 1,000,000 domains, got {seeds} and {size}")
    if "CHORAL_DATA_DIR" not in os.environ:
        raise UsageError("set CHORAL_DATA_DIR to the folder of the source data, which has the popularity of web domains")
    started = time.perf_counter()
    sites = read_domains(Path(os.environ["CHORAL_DATA_DIR"]), size)
    outcomes = _outcomes(sites, devices, range(seed, seed + seeds))
    seconds = time.perf_counter() - started
    write_json(folder / "domains.json", _document(sites, outcomes, devices, seconds))
    _draw(folder / "domains.png", outcomes)
    (folder / "domains.md").write_text(_page(sites, outcomes, devices, seconds), encoding="utf-8")
    print(f"wrote {folder / 'domains.md'}, domains.json and domains.png")


def run(trial: Trial) -> Outcome:
    """The trial, in this process."""
    oracle = usual_oracle(trial.mechanism, trial.epsilon, len(trial.holders.upto))
    found = histogram(Senders(oracle, trial.holders, trial.holders.seed), engine=Serial())
    points = score(found.estimate, found.truth, found.variance, epsilon=oracle.epsilon)
    return Outcome(trial.mechanism, trial.epsilon, trial.holders.seed, oracle.bits, points)


def _outcomes(sites: Domains, devices: int, seeds: range) -> Outcomes:
    upto = np.cumsum(sites.shares)
    trials = [Trial(name, epsilon, Drawn(upto, devices, seed)) for epsilon in EPSILONS for name in MECHANISMS for seed in seeds]
    found: Outcomes = {(name, epsilon): [] for epsilon in EPSILONS for name in MECHANISMS}
    with progress(len(trials), "runs") as done:
        for outcome in Processes(2).map(run, trials):
            found[outcome.mechanism, outcome.epsilon].append(outcome)
            done(1)
    return {key: sorted(runs, key=lambda one: one.seed) for key, runs in found.items()}


def _mean(runs: list[Outcome], name: str) -> Mean:
    return mean_of([getattr(one.score, name) for one in runs])


def _document(sites: Domains, outcomes: Outcomes, devices: int, seconds: float) -> dict[str, Any]:
    names = ("over_theory", "over_optimum", "top_hits", "found", "absent")
    return {
        "devices": devices,
        "domain": len(sites.shares),
        "measured": len(sites.names),
        "month": sites.month,
        "exponent": sites.exponent,
        "seconds": round(seconds, 1),
        "runs": [
            {
                "mechanism": mechanism,
                "epsilon": epsilon,
                "bits_per_report": runs[0].bits_per_report,
                "seeds": [one.seed for one in runs],
                **{name: asdict(_mean(runs, name)) for name in names},
            }
            for (mechanism, epsilon), runs in outcomes.items()
        ],
    }


def _page(sites: Domains, outcomes: Outcomes, devices: int, seconds: float) -> str:
    seeds = [one.seed for one in outcomes["pgr", EPSILONS[0]]]
    rows = [
        [
            f"{epsilon:g}",
            f"`{name}`",
            f"{runs[0].bits_per_report}",
            *(_mean(runs, what) for what in ("over_theory", "over_optimum", "top_hits", "found", "absent")),
        ]
        for (name, epsilon), runs in outcomes.items()
    ]
    head = ["epsilon", "mechanism", "bits", "error over theory", "over optimum", "top 10", "stand out", "of them absent"]
    return page(
        f"{len(sites.shares):,} web domains",
        f"{devices:,} devices report one visited domain each; seeds {seeds[0]} to {seeds[-1]}, ± is the standard error of the "
        "mean. `hcms` is Apple's Hadamard Count Mean Sketch at its published settings for Safari (m = 32,768, k = 1,024; there "
        "at epsilon 4), `pgr` the Projective Geometry Response.",
        f"Shares: the {len(sites.names):,} sites measured in {sites.month} (whotracks.me, CC BY 4.0), and a modelled tail that "
        f"goes on as rank ** -{sites.exponent:.3f}, the law fitted between ranks 10 and 500. Errors are mean squared errors "
        "over the whole dictionary; an item stands out at 5 % false discoveries; it is absent if no device held it.",
        table(head, rows),
        "![Squared error over the optimum, and domains that stand out, against epsilon](domains.png)",
        "One bit cannot carry more than about epsilon 2: from there on the Hadamard sketch buys nothing for its price.",
        seconds=seconds,
    )


def _draw(path: Path, outcomes: Outcomes) -> None:
    """Two panels against epsilon: error over the optimum, and how much stands out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), layout="constrained")
    panels: Any = figure.subplots(1, 2)
    titles = {"over_optimum": "squared error over the exact optimum", "found": "domains that stand out"}
    for axes, (what, title) in zip(panels, titles.items(), strict=True):
        for name in MECHANISMS:
            means = [_mean(outcomes[name, epsilon], what) for epsilon in EPSILONS]
            errors = [2 * one.error for one in means]
            axes.errorbar(EPSILONS, [one.mean for one in means], yerr=errors, marker="o", capsize=4, label=name)
        axes.set_xscale("log", base=2)
        axes.set_xticks(EPSILONS, [f"{epsilon:g}" for epsilon in EPSILONS])
        axes.set_yscale("log")
        axes.set_xlabel("epsilon (bars: 2 standard errors)")
        axes.set_title(title)
        axes.legend()
    save_figure(figure, path)
