"""Which words the people in a file say: new ones only, with their shares; and the two ways to find them.

Knows files and parameters. Leaves devices and their noise to `words`.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from choral.errors import UsageError
from choral.learning.prefix_tree import PrefixTree
from choral.learning.words import FoundWords, is_word
from choral.mechanisms import Mechanism
from choral.mechanisms.fragment_puzzle import FragmentPuzzle
from choral.mechanisms.projective_geometry import ProjectiveGeometryResponse
from choral.simulation.population import Floats, Integers
from choral.simulation.tables import read_values

SLACK = 0.05  # accuracy given away for a smaller state and a faster decoder
PUZZLE_SEED = hashlib.sha256(b"choral/new-words/fragment-puzzle/1").digest()  # the published seed of all hash functions


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The new words of a file. What is no word of 2 to 14 letters a-z, or known, is "nothing", the empty word.

    words: distinct; shares: float64[w], of rows or of their weights, sum 1; rows: int64[n], the word of each row
    nothing: share of "nothing" among all
    """

    words: tuple[str, ...]
    shares: Floats
    rows: Integers
    nothing: float


def read_vocabulary(path: Path, column: str, *, weight: str | None = None, known: Path | None = None) -> Vocabulary:
    """The words in `column`; a device whose row has nothing to report says so. UsageError if no new word is there.

    known: a file with a column `word` of words that no device reports
    """
    table = read_values(path, column, weight=weight)
    old = set(read_values(known, "word").values.names) if known else set()
    new = np.array([is_word(name) and name not in old for name in table.values.names])
    if not new.any():
        raise UsageError(f"{path} has no new word of 2 to 14 letters a-z in the column {column!r}")
    names = tuple(name for name, fresh in zip(table.values.names, new, strict=True) if fresh)
    number = np.where(new, np.cumsum(new) - 1, len(names))
    rows = number[table.values.codes]
    totals = np.bincount(rows, weights=table.weights, minlength=len(names) + 1)
    return Vocabulary((*names, ""), totals / totals.sum(), rows.astype(np.int64), float(totals[-1] / totals.sum()))


@dataclass(frozen=True, slots=True)
class Method:
    """A mechanism with the algorithm that goes with it, and over how many rounds the devices are split."""

    mechanism: Mechanism
    algorithm: PrefixTree | FoundWords
    rounds: int


def prefix_tree(epsilon: float) -> Method:
    """The prefix tree over the optimal frequency oracle: devices split evenly over six rounds."""
    tree = PrefixTree()
    return Method(ProjectiveGeometryResponse.for_epsilon(epsilon, tree.domain, slack=SLACK), tree, len(tree.rounds))


def fragment_puzzle(epsilon: float, *, word_share: float = 0.25, threshold_milli: int = 3000) -> Method:
    """Apple's puzzle with its own parameters: 1,024 buckets, 2,048 rows, 10 letters, one quarter of epsilon for the word."""
    puzzle = FragmentPuzzle.for_epsilon(epsilon, seed=PUZZLE_SEED, word_share=word_share, threshold_milli=threshold_milli)
    return Method(puzzle, FoundWords(puzzle.length), 1)


METHODS: Mapping[str, Callable[[float], Method]] = {"prefix": prefix_tree, "sfp": fragment_puzzle}


def method(name: str, epsilon: float) -> Method:
    """The method of that short name; UsageError for an unknown one or an epsilon out of range."""
    if name not in METHODS:
        raise UsageError(f"there is no method {name!r} for words; choose one of {', '.join(METHODS)}")
    if not 0.1 <= epsilon <= 16:
        raise UsageError(f"epsilon {epsilon:g} is out of range; choose one from 0.1 to 16 nats")
    return METHODS[name](epsilon)
