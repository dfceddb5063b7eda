"""Words as arrays, and which of many tested words stand out of the noise.

Knows letters, counts and chance. Leaves to mechanisms how counts are made private.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.schema import Work, require_arrays
from choral.mechanisms import Estimate
from choral.numerics import Entropy

LETTERS = 14  # letters of the longest word
SHORTEST = 2  # letters of the shortest word
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
Codes = NDArray[np.uint8]  # uint8[n, length]: 1 to 26 for a to z, 0 after a word's end
Floats = NDArray[np.float64]


def word_codes(words: Sequence[str], length: int = LETTERS) -> Codes:
    """One row a word, uint8[n, length]; all zeros, "nothing", for what is not 2 to 14 letters a-z; longer words are cut.

    >>> word_codes(["lol", "No!"], 4).tolist()
    [[12, 15, 12, 0], [0, 0, 0, 0]]
    """
    rows = np.zeros((len(words), max(length, LETTERS)), np.uint8)
    for row, word in zip(rows, words, strict=True):
        if is_word(word):
            row[: len(word)] = np.frombuffer(word.encode(), np.uint8) - (ord("a") - 1)
    return np.ascontiguousarray(rows[:, :length])


def is_word(word: str) -> bool:
    """Whether `word` is 2 to 14 letters a-z."""
    return SHORTEST <= len(word) <= LETTERS and not word.strip(ALPHABET)


def spelled(codes: Codes) -> tuple[str, ...]:
    """The words of uint8[n, length], each up to its first 0."""
    table = "\0" + ALPHABET
    return tuple("".join(table[code] for code in row).split("\0", 1)[0] for row in codes.tolist())


def legal_words(codes: Codes) -> NDArray[np.bool_]:
    """bool[n]: rows of 2 letters or more, codes up to 26, nothing after the first 0."""
    is_letter = codes > 0
    ends_once = ~(is_letter[:, 1:] & ~is_letter[:, :-1]).any(axis=1)
    return np.asarray(ends_once & is_letter[:, :SHORTEST].all(axis=1) & (codes <= len(ALPHABET)).all(axis=1))


def scores(values: NDArray[np.floating], noise: NDArray[np.floating], step: float) -> Floats:
    """How many standard deviations of chance alone an estimate is worth, float64[n].

    noise: variance of the estimate of 0; step: counts by which one report that supports a word moves its estimate
    Signed root of a Poisson deviance: the plain quotient for many reports, and honest where so few support a word by
    chance that their number is far from normal.

    >>> scores(np.array([30.0, 6.0]), np.array([100.0, 0.4]), step=2.0).round(2).tolist()
    [2.76, 3.91]
    """
    rate = np.maximum(noise, 1e-12) / step**2
    excess = np.maximum(values / step / rate, -1 + 1e-12)
    deviance = 2 * rate * ((1 + excess) * np.log1p(excess) - excess)
    return np.asarray(np.sign(excess) * np.sqrt(np.maximum(deviance, 0)), np.float64)


def step_of(update: Estimate) -> float:
    """Counts by which one supporting report moves an estimate, as the estimate's own variance tells.

    With t the chance of the truth and rare lies, one report moves 1 / t, and a count of f adds f (1 - t) / t of variance.
    """
    top = int(np.argmax(update.values))
    count = float(np.clip(update.values[top], 0, update.n))
    return 1 + max(0.0, float(update.variance[top] - update.variance.min()) / count) if count > 0 else 1.0


def standing_out(z: Floats, tested: int, false_share: float) -> NDArray[np.bool_]:
    """bool[n]: which of n scores stand out among `tested` so that at most `false_share` of them are expected to be false.

    Those left out of `z` count as tested and not found. Source: Benjamini and Hochberg (1995).

    >>> standing_out(np.array([6.0, 3.0, 4.4]), tested=1000, false_share=0.02).tolist()
    [True, False, True]
    """
    tail = np.array([0.5 * math.erfc(one / math.sqrt(2)) for one in z.tolist()])
    order = np.argsort(tail, kind="stable")
    allowed = false_share * np.arange(1, len(z) + 1) / max(tested, 1)
    passed = np.flatnonzero(tail[order] <= allowed)
    mask = np.zeros(len(z), np.bool_)
    mask[order[: passed[-1] + 1 if len(passed) else 0]] = True
    return mask


@dataclass(frozen=True, slots=True)
class FoundWords:
    """Words that the mechanism discovers by itself; releases those that stand out among all it put together.

    length: letters that a word is cut to, 2 to 14
    false_milli: thousandths of the released words that are expected to be false, at most
    """

    NAME: ClassVar[str] = "found-words/1"
    length: int = 10
    false_milli: int = 20

    def __post_init__(self) -> None:
        if not (SHORTEST <= self.length <= LETTERS and 0 < self.false_milli < 1000):
            raise ValueError(f"need 2 <= length <= 14 and 0 < false_milli < 1000, got {self.length=}, {self.false_milli=}")

    def init(self, entropy: Entropy) -> Arrays:
        """Nothing is kept between batches."""
        return {}

    def check_out(self, state: Arrays, entropy: Entropy) -> Arrays:
        """No parameters: every device does the same."""
        return {}

    def require_params(self, params: Arrays) -> None:
        """ValueError for any parameters at all."""
        require_arrays(params, {})

    def device_work(self, params: Arrays, rows: int) -> Work:
        """A look at each letter, and a copy."""
        return Work(8 * rows * LETTERS, 8 * rows * LETTERS)

    def contribute(self, params: Arrays, examples: Arrays) -> NDArray[Any]:
        """The words, cut: uint8[n, length] from examples["word"] uint8[n, 14]; illegal ones become "nothing"."""
        words = np.asarray(examples["word"], np.uint8)
        return np.ascontiguousarray(np.where(legal_words(words)[:, None], words, 0)[:, : self.length])

    def fold(self, state: Arrays, update: Estimate, entropy: Entropy) -> Arrays:
        """What the batch's mechanism discovered: `word` uint8[w, length], `estimate`, `stderr`, `released`."""
        words = update.items or ()
        released = standing_out(update.values / np.maximum(update.stderr, 1e-300), len(words), self.false_milli / 1000)
        return {
            "word": word_codes(words, self.length),
            "estimate": update.values,
            "stderr": update.stderr,
            "released": released,
        }

    def publish(self, state: Arrays) -> Arrays:
        """Released words, commonest first: `word` uint8[w, length], `estimate` and `stderr` float64[w]."""
        if not state:
            return {}
        kept = np.flatnonzero(state["released"])
        kept = kept[np.argsort(-state["estimate"][kept], kind="stable")]
        return {name: state[name][kept] for name in ("word", "estimate", "stderr")}
