"""The parts of a fragment puzzle: one sketch of numbers below 2**48, and fragments pieced together.

Knows numbers and tags. Leaves to the mechanism what is reported and what it costs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import State
from choral.mechanisms.fast import kernels
from choral.numerics import FLIP_UNIT, Entropy, HashFamily

SYMBOLS = 27  # the end, then a to z
PAIRS = SYMBOLS**2
MOST = 2**21  # words in the making that are held at a time; the weakest are left out first
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NumberSketch:
    """A count mean sketch of numbers that nobody lists: any key below 2**48.

    hashes: the published hash functions; flip: chance of flipping a bit, in units of 2**-24
    """

    hashes: HashFamily
    flip: int

    def randomize(self, keys: Integers, entropy: Entropy) -> tuple[Integers, NDArray[np.uint8]]:
        """A random row int64[n] and the key's one-hot bucket in it, every bit flipped at random, uint8[n, width / 8]."""
        row = entropy.below(len(keys), self.hashes.rows).astype(np.int64)
        bits = entropy.flips(len(keys), self.hashes.width, self.flip)
        bucket = self.hashes(row, keys)
        bits[np.arange(len(keys)), bucket >> 3] ^= (1 << (bucket & 7)).astype(np.uint8)
        return row, bits

    def accumulate(self, state: State, rows: NDArray[np.integer], bits: NDArray[np.uint8]) -> None:
        """Adds to state int64[rows, width + 1] the set bits of each row and, in its last cell, the row's reports."""
        fast = kernels(len(rows) * self.hashes.width // 32)  # the slow twin touches every bucket
        if fast is not None and self.hashes.width % 32 == 0:
            fast.count_bits(np.hstack([rows.astype("<u4")[:, None], np.ascontiguousarray(bits).view("<u4")]), state)
            return
        np.add.at(state[:, :-1], rows, np.unpackbits(bits, axis=1, bitorder="little")[:, : self.hashes.width])
        state[:, -1] += np.bincount(rows, minlength=self.hashes.rows)

    def counts(self, state: State, keys: Integers) -> tuple[Floats, Floats]:
        """Unbiased counts of the keys and the variance of each, float64[k]; see CountMeanSketch."""
        hashes = self.hashes
        if kernels(len(keys) * hashes.rows) is None:
            return self._decoded(state, self._sums(state, keys))
        from choral.mechanisms.puzzle_kernels import bucket_sums

        return self._decoded(state, bucket_sums(state, hashes.coefficients(), hashes.shift, keys))

    def all_counts(self, state: State, keys: int) -> tuple[Floats, Floats]:
        """The same for all keys below `keys`, faster."""
        hashes, fast = self.hashes, kernels(keys * self.hashes.rows)
        if fast is None:
            return self._decoded(state, self._sums(state, np.arange(keys)))
        return self._decoded(state, fast.sum_buckets(state, hashes.coefficients(), hashes.shift, keys))

    def _sums(self, state: State, keys: Integers) -> Integers:
        """For each key the set bits in its buckets over all rows."""
        rows = np.arange(self.hashes.rows)
        return np.array([state[rows, self.hashes(rows, key)].sum() for key in keys], np.int64)

    def _decoded(self, state: State, sums: Integers) -> tuple[Floats, Floats]:
        n, width, flip = int(state[:, -1].sum()), self.hashes.width, self.flip / FLIP_UNIT
        gain, scale = 1 / (1 - 2 * flip), width / (width - 1)
        values = scale * (gain * sums - n * ((gain - 1) / 2 + 1 / width))
        noise = scale**2 * n * gain**2 * flip * (1 - flip) + (n - np.clip(values, 0, n)) / (width - 1)
        shared = 1 / self.hashes.rows / (width - 1)  # variance that one pair of reports of another key adds to a key's count
        pairs = max(0.0, float((values**2 - noise).sum()) - n) / (1 + len(values) * shared)  # unbiased for f(f-1), summed
        variance = noise + pairs * shared
        return np.asarray(values, np.float64), np.asarray(variance, np.float64)


@dataclass(frozen=True, slots=True)
class Fragments:
    """Fragments that stand out at one place: `tag` int64[f], `pair` int64[f] of two letters, `score` float64[f]."""

    tag: Integers
    pair: Integers
    score: Floats

    def above(self, score: float) -> "Fragments":
        """Those with a higher score."""
        kept = self.score > score
        return Fragments(self.tag[kept], self.pair[kept], self.score[kept])


def can_end(pair: Integers) -> NDArray[np.bool_]:
    """bool[f]: no letter follows an end within the pair."""
    return np.asarray((pair >= SYMBOLS) | (pair == 0))


def joined(places: Sequence[Fragments], tags: Callable[[Integers], Integers]) -> Integers:
    """Numbers of all words that take one fragment of each place, all with the word's own tag; `nothing` is no word."""
    first = places[0]
    number, tag, score = first.pair, first.tag, first.score
    for place in places[1:]:
        order = np.argsort(place.tag, kind="stable")
        start = np.searchsorted(place.tag[order], tag, side="left")
        ways = np.searchsorted(place.tag[order], tag, side="right") - start
        strongest = np.argsort(-score, kind="stable")
        strongest = strongest[np.cumsum(ways[strongest]) <= MOST]
        left = np.repeat(strongest, ways[strongest])
        ends = np.cumsum(ways[strongest])
        right = order[start[left] + np.arange(len(left)) - np.repeat(ends - ways[strongest], ways[strongest])]
        fits = (number[left] % SYMBOLS > 0) | (place.pair[right] == 0)
        left, right = left[fits], right[fits]
        number = number[left] * PAIRS + place.pair[right]
        tag, score = tag[left], np.minimum(score[left], place.score[right])
    words: Integers = number[(tags(number) == tag) & (number > 0)]
    return words


def word_numbers(words: NDArray[np.uint8]) -> Integers:
    """Numbers int64[n] of uint8[n, length] words: base 27, the first letter counts most."""
    number = np.zeros(len(words), np.int64)
    for column in words.T:
        number = number * SYMBOLS + column
    return number


def spelled_numbers(numbers: Integers, length: int) -> tuple[str, ...]:
    """The words of these numbers."""
    return tuple(_spelled(number, length) for number in numbers.tolist())


def _spelled(number: int, length: int) -> str:
    codes = [number // SYMBOLS**place % SYMBOLS for place in range(length - 1, -1, -1)]
    return "".join(chr(ord("a") + code - 1) for code in codes if code)
