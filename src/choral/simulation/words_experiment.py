"""How well two methods find words nobody listed: recall by number of devices, and what emerges week by week.

Knows the methods, real word frequencies and how to judge. Leaves pages and plots to the command.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from choral.engines import Engine
from choral.learning.words import FoundWords, spelled, word_codes
from choral.mechanisms.fragment_puzzle import FragmentPuzzle
from choral.numerics import SeededEntropy
from choral.simulation.vocabulary import Vocabulary, fragment_puzzle, prefix_tree, read_vocabulary
from choral.simulation.words import Asked, Learnt, Speakers, collected, judged, learn

OLD, NEW = "freq_twitter2015", "freq_all2021"
SPLITS = (0.15, 0.25, 0.4, 0.5)  # shares of epsilon for the word, Apple's 1:3 among them
THRESHOLDS = (1500, 2000, 2500, 3000, 3500, 4000)  # thousandths of a standard error; costs no report to try
EMERGED = 20

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Run:
    """One simulated task and how it was judged.

    split, threshold: of the fragment puzzle, else 0; recall: among the 100 commonest new words, `recall_300` among 300
    """

    method: str
    epsilon: float
    devices: int
    seed: int
    split: float
    threshold: float
    found: int
    precision: float
    recall: float
    recall_300: float
    decode_seconds: float


def new_words(folder: Path, frequency: str) -> Vocabulary:
    """Words not in the dictionary with their frequencies in that column of the data folder's `words/words_en.parquet`."""
    words = folder / "words"
    found = read_vocabulary(
        words / "words_en.parquet", "word", weight=frequency, known=words / "dictionary_wamerican_huge_az.parquet"
    )
    shares = found.shares[:-1] / found.shares[:-1].sum()
    return Vocabulary(found.words[:-1], shares, found.rows, 0.0)


def tree_runs(
    vocabulary: Vocabulary, epsilon: float, sizes: Sequence[int], seeds: Sequence[int], *, engine: Engine, clock: Clock
) -> Iterator[Run]:
    """The prefix tree once a size and seed."""
    chosen = prefix_tree(epsilon)
    for devices in sizes:
        for seed in seeds:
            speakers = Speakers(vocabulary.words, vocabulary.shares, seed)
            learnt = learn(
                chosen.mechanism,
                chosen.algorithm,
                speakers,
                devices=devices,
                rounds=chosen.rounds,
                engine=engine,
                clock=clock,
            )
            yield _run("prefix", epsilon, judged(learnt, speakers, devices), seed)


def puzzle_runs(
    vocabulary: Vocabulary, epsilon: float, devices: int, seed: int, *, split: float, engine: Engine, clock: Clock
) -> Iterator[Run]:
    """The fragment puzzle with every threshold, all from the same reports and one decoding."""
    speakers, algorithm = Speakers(vocabulary.words, vocabulary.shares, seed), FoundWords()
    puzzle = fragment_puzzle(epsilon, word_share=split).mechanism
    asked = Asked(puzzle, algorithm, speakers, word_codes(vocabulary.words), {}, 0, 1)
    sums, n = collected(asked, devices, engine)
    if not isinstance(puzzle, FragmentPuzzle):
        raise TypeError(f"a fragment puzzle is needed, got {type(puzzle).__name__}")
    started = clock()
    lowest = replace(puzzle, threshold_milli=min(THRESHOLDS))
    fragments = [lowest.strong(sums, place) for place in range(puzzle.positions)]
    common = clock() - started
    for threshold in THRESHOLDS:
        started = clock() - common
        estimate = puzzle.pieced(sums, [one.above(threshold / 1000) for one in fragments], n)
        found = algorithm.publish(algorithm.fold({}, estimate, SeededEntropy(seed)))
        learnt = Learnt(spelled(found["word"]), found["estimate"], found["stderr"], (n,), clock() - started)
        yield _run("sfp", epsilon, judged(learnt, speakers, devices), seed, split, threshold / 1000)


def weeks(
    folder: Path, epsilon: float, devices: int, *, number: int, seed: int, engine: Engine, clock: Clock
) -> dict[str, Any]:
    """Week 0 speaks as in 2015, later weeks as in 2021: which words emerge that week 0 did not have.

    A fresh tree and other devices every week. `emerged`: found in later weeks, absent in 2015, commonest first.
    """
    old, new, chosen = new_words(folder, OLD), new_words(folder, NEW), prefix_tree(epsilon)
    reported: list[dict[str, Any]] = []
    for week in range(number):
        vocabulary = old if week == 0 else new
        speakers = Speakers(vocabulary.words, vocabulary.shares, seed * 1000 + week)
        learnt = learn(
            chosen.mechanism,
            chosen.algorithm,
            speakers,
            devices=devices,
            rounds=chosen.rounds,
            engine=engine,
            clock=clock,
        )
        summary = judged(learnt, speakers, devices)
        before = {one["word"] for earlier in reported for one in earlier["found"]}
        summary["emerged"] = [one for one in summary["found"] if week and one["word"] not in {*old.words, *before}]
        reported.append(summary)
    absent = [word for word, _ in sorted(zip(new.words, new.shares, strict=True), key=lambda pair: -pair[1])]
    absent = [word for word in absent if word not in set(old.words)][:EMERGED]
    later = {one["word"] for summary in reported[1:] for one in summary["found"]}
    return {
        "weeks": [
            {"week": i, "found": len(one["found"]), "precision": one["precision"], "emerged": one["emerged"][:EMERGED]}
            for i, one in enumerate(reported)
        ],
        "commonest_absent_in_2015": absent,
        "of_these_found": sum(word in later for word in absent),
    }


def _run(method: str, epsilon: float, summary: dict[str, Any], seed: int, split: float = 0.0, threshold: float = 0.0) -> Run:
    return Run(
        method,
        epsilon,
        summary["users"],
        seed,
        split,
        threshold,
        len(summary["found"]),
        summary["precision"],
        summary["recall"],
        summary["recall_300"],
        round(summary["decode_seconds"], 3),
    )
