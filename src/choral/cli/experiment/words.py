"""`choral experiment words`: words nobody listed, Apple's puzzle against a prefix tree, and what emerges week by week."""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from choral.cli.experiment.page import FOLDER, check_folder, page, save_figure, table
from choral.cli.outputs import check_devices, progress, write_json
from choral.engines import Processes, Serial
from choral.errors import UsageError
from choral.simulation.scores import mean_of
from choral.simulation.vocabulary import Vocabulary
from choral.simulation.words_experiment import OLD, SPLITS, Run, new_words, puzzle_runs, tree_runs, weeks

EPSILONS = (2.0, 4.0, 8.0)
PARTS = (50, 20, 10, 5, 2, 1)  # the tree also runs with so many times fewer devices
COMPARED = 8.0  # epsilon at which the puzzle is measured
FEWEST_SEEDS, MOST_SEEDS = 2, 100


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One simulated task; `split` is above 0 for the fragment puzzle."""

    vocabulary: Vocabulary
    epsilon: float
    devices: int
    seed: int
    split: float = 0.0


def words(
    devices: Annotated[int, typer.Option(help="Devices, one new word each.")] = 5_000_000,
    seeds: Annotated[int, typer.Option(help="Runs of each setting; the error bars come from them.")] = 3,
    seed: Annotated[int, typer.Option(help="The first seed; the others follow it.")] = 1,
    week_count: Annotated[int, typer.Option("--weeks", help="Weeks of the study of trends.")] = 4,
    folder: Annotated[Path, typer.Option(help="Where the page, the plot and the JSON go.")] = FOLDER,
) -> None:
    """Words nobody listed: Apple's fragment puzzle against the prefix tree, and weekly trends. Needs CHORAL_DATA_DIR."""
    check_folder(folder)
    check_devices(devices)
    if not FEWEST_SEEDS <= seeds <= MOST_SEEDS or not 2 <= week_count <= 52:
        raise UsageError(f"need {FEWEST_SEEDS} to {MOST_SEEDS} seeds and 2 to 52 weeks, got {seeds} and {week_count}")
    if "CHORAL_DATA_DIR" not in os.environ:
        raise UsageError("set CHORAL_DATA_DIR to the folder of the source data, which has the frequencies of words")
    source, started = Path(os.environ["CHORAL_DATA_DIR"]), time.perf_counter()
    runs = _runs(_trials(new_words(source, OLD), devices, range(seed, seed + seeds)))
    trends = weeks(source, COMPARED, devices, number=week_count, seed=seed, engine=Serial(), clock=time.perf_counter)
    seconds = time.perf_counter() - started
    document = {"devices": devices, "seeds": [*range(seed, seed + seeds)], "seconds": round(seconds, 1)}
    write_json(folder / "words.json", document | {"runs": [asdict(run) for run in runs], "trends": trends})
    _draw(folder / "words.png", runs)
    (folder / "words.md").write_text(_page(runs, trends, devices, seconds), encoding="utf-8")
    print(f"wrote {folder / 'words.md'}, words.json and words.png")


def run(trial: Trial) -> list[Run]:
    """The trial, in this process."""
    if trial.split:
        found = puzzle_runs(
            trial.vocabulary,
            trial.epsilon,
            trial.devices,
            trial.seed,
            split=trial.split,
            engine=Serial(),
            clock=time.perf_counter,
        )
    else:
        found = tree_runs(
            trial.vocabulary, trial.epsilon, [trial.devices], [trial.seed], engine=Serial(), clock=time.perf_counter
        )
    return list(found)


def _trials(vocabulary: Vocabulary, devices: int, seeds: range) -> list[Trial]:
    puzzles = [Trial(vocabulary, COMPARED, devices, seed, split) for split in SPLITS for seed in seeds]
    sizes = [max(devices // part, 1) for part in PARTS]
    return puzzles + [Trial(vocabulary, epsilon, size, seed) for epsilon in EPSILONS for size in sizes for seed in seeds]


def _runs(trials: Sequence[Trial]) -> list[Run]:
    found: list[Run] = []
    with progress(len(trials), "runs") as done:
        for runs in Processes(2).map(run, trials):
            found += runs
            done(1)
    return sorted(found, key=lambda one: (one.method, one.epsilon, one.devices, one.split, one.threshold, one.seed))


def _settings(runs: Iterable[Run]) -> dict[tuple[str, float, int, float, float], list[Run]]:
    """The runs that differ in their seed alone, together."""
    found: dict[tuple[str, float, int, float, float], list[Run]] = {}
    for one in runs:
        found.setdefault((one.method, one.epsilon, one.devices, one.split, one.threshold), []).append(one)
    return found


def best_puzzles(runs: Iterable[Run]) -> dict[float, list[Run]]:
    """For each split the runs at the threshold with the best recall of those with a precision of 0.9 or more."""
    found: dict[float, list[Run]] = {}
    for (name, _, _, split, _), group in _settings(runs).items():
        precise = sum(one.precision for one in group) >= 0.9 * len(group)
        if name == "sfp" and (
            split not in found or (precise, _recall(group)) > (_precise(found[split]), _recall(found[split]))
        ):
            found[split] = group
    return found


def users_needed(runs: Iterable[Run], recall: float) -> int | None:
    """The fewest devices with which the tree reaches this recall at the compared epsilon, of the sizes tried."""
    groups = _settings(one for one in runs if one.method == "prefix" and one.epsilon == COMPARED)
    return min((key[2] for key, group in groups.items() if _recall(group) >= recall), default=None)


def _recall(group: Sequence[Run]) -> float:
    return sum(one.recall for one in group) / len(group)


def _precise(group: Sequence[Run]) -> bool:
    return sum(one.precision for one in group) >= 0.9 * len(group)


def _row(first: Sequence[str], group: Sequence[Run]) -> list[Any]:
    means = [mean_of([getattr(one, name) for one in group]) for name in ("found", "precision", "recall", "recall_300")]
    return [*first, *means, f"{max(one.decode_seconds for one in group):.2f}"]


def _page(runs: Sequence[Run], trends: dict[str, Any], devices: int, seconds: float) -> str:
    head = ["found", "precision", "of the 100 commonest", "of 300", "decoded in s"]
    trees = [_row([f"{key[1]:g}", f"{key[2]:,}"], group) for key, group in _settings(runs).items() if key[0] == "prefix"]
    puzzles = best_puzzles(runs)
    best = max(puzzles.values(), key=lambda group: (_precise(group), _recall(group)))
    needed = users_needed(runs, _recall(best))
    compared = (
        f"At its best split the puzzle finds {_recall(best):.0%} of the 100 commonest new words with {devices:,} devices; the "
        + (f"tree needs {needed:,} for that, {devices // needed} times fewer." if needed else "tree did not reach that.")
    )
    emerged = [[week["week"], week["found"], f"{week['precision']:.3f}", _named(week)] for week in trends["weeks"]]
    return page(
        "Words nobody listed",
        f"{devices:,} devices report one word each that is in no dictionary; ± is the standard error of the mean over "
        f"seeds {min(one.seed for one in runs)} to {max(one.seed for one in runs)}. Frequencies: strings of 2 to 14 letters "
        "on Twitter in 2015 that are not in the SCOWL dictionary (wordfreq, CC BY-SA 4.0; wamerican-huge). A word that is "
        "cut short counts as false.",
        "## The prefix tree",
        "Six rounds, devices split evenly by their own coin, the Projective Geometry Response in each round.",
        table(["epsilon", "devices", *head], trees),
        f"## Apple's Sequence Fragment Puzzle, epsilon {COMPARED:g}",
        "Published settings (m = 1,024, k = 2,048, 10 letters); for each split of epsilon the threshold of fragments with "
        "the best recall, which a deployment could not know beforehand.",
        table(
            ["word's share of epsilon", "threshold", *head],
            [_row([f"{split:g}", f"{group[0].threshold:g}"], group) for split, group in puzzles.items()],
        ),
        compared,
        "![Share of the 100 commonest new words found, against devices](words.png)",
        "## Week by week",
        f"Week 0 speaks as in 2015, later weeks as in 2021 (all sources), at epsilon {COMPARED:g}, other devices each week. "
        "Emerging: found, and neither in the list of 2015 nor found before. Of the "
        f"{len(trends['commonest_absent_in_2015'])} commonest such words {trends['of_these_found']} are found.",
        table(["week", "words found", "precision", "emerging, commonest first"], emerged),
        seconds=seconds,
    )


def _named(week: dict[str, Any]) -> str:
    return ", ".join(one["word"] for one in week["emerged"] if one["truth"]) or "-"


def _draw(path: Path, runs: Sequence[Run]) -> None:
    """Recall against devices: a line for each epsilon of the tree, a cross for each split of the puzzle."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.8), layout="constrained")
    axes: Any = figure.subplots()
    groups = _settings(runs)
    for epsilon in EPSILONS:
        chosen = [(key[2], group) for key, group in groups.items() if key[:2] == ("prefix", epsilon)]
        means = [mean_of([one.recall for one in group]) for _, group in chosen]
        sizes, errors = [size for size, _ in chosen], [2 * one.error for one in means]
        label = f"prefix tree, epsilon {epsilon:g}"
        axes.errorbar(sizes, [one.mean for one in means], yerr=errors, marker="o", capsize=4, label=label)
    for split, group in best_puzzles(runs).items():
        mean = mean_of([one.recall for one in group])
        label = f"fragment puzzle, epsilon {COMPARED:g}, {split:.0%} for the word"
        axes.errorbar([group[0].devices], [mean.mean], yerr=[2 * mean.error], marker="x", capsize=4, label=label)
    axes.set_xscale("log")
    axes.set_xlabel("devices (bars: 2 standard errors)")
    axes.set_ylabel("found of the 100 commonest new words")
    axes.set_ylim(0, 1.05)
    axes.legend(fontsize="small")
    save_figure(figure, path)
