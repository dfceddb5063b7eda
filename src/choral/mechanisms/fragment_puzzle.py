"""Apple's Sequence Fragment Puzzle: words nobody listed, from a sketch of words and one of their fragments."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import DELTA, Estimate, Mask, Payloads, State, Values
from choral.mechanisms.puzzle import (
    PAIRS,
    SYMBOLS,
    Fragments,
    Integers,
    NumberSketch,
    can_end,
    joined,
    spelled_numbers,
    word_numbers,
)
from choral.numerics import FLIP_UNIT, Entropy, HashFamily
from choral.privacy import Guarantee, local, shuffled

TAGS = 256  # values of the hash that says which fragments belong together
LONGEST = 10  # letters of a word whose number stays below the hash functions' 2**48


@dataclass(frozen=True, slots=True)
class FragmentPuzzle:
    """Report one fragment of two letters, joined with an 8-bit hash of its word, and the word: each in a count mean sketch.

    Values are uint8[n, length]: 1 to 26 for a to z, 0 after a word's end; all zeros stand for "nothing".

    length: letters of a word, even, 2 to 10; width: buckets, a power of two from 2 to 2**16; rows: 1 to 2**20
    flip_word, flip_fragment: chances of flipping a bit of either sketch, in units of 2**-24, below one half
    threshold_milli: thousandths of a standard error that a fragment must exceed to be pieced together
    seed: 32 public bytes from which all hash functions follow
    Source: Apple, "Learning with Privacy at Scale" (2017), full version, "Private SFP"; here the hash of a word that was
    put together must be its fragments' hash again, which leaves one wrong word in 256.
    """

    NAME: ClassVar[str] = "fragment-puzzle/1"
    length: int
    width: int
    rows: int
    flip_word: int
    flip_fragment: int
    threshold_milli: int
    seed: bytes

    def __post_init__(self) -> None:
        if self.length % 2 or not 2 <= self.length <= LONGEST:
            raise ValueError(f"need an even length, 2 to {LONGEST}, got {self.length=}")
        if not 2 <= self.width <= 2**16 or not 0 <= self.threshold_milli <= 100_000:
            raise ValueError(
                f"need 2 <= width <= 2**16 and threshold_milli <= 100_000, got {self.width}, {self.threshold_milli}"
            )
        if not (0 < self.flip_word < FLIP_UNIT // 2 and 0 < self.flip_fragment < FLIP_UNIT // 2):
            raise ValueError(f"need 0 < flip < 2**23, got {self.flip_word=}, {self.flip_fragment=}")
        HashFamily(self.seed, self.rows, self.width)

    @classmethod
    def for_epsilon(
        cls,
        epsilon: float,
        *,
        seed: bytes,
        word_share: float = 0.25,
        length: int = LONGEST,
        width: int = 1024,
        rows: int = 2048,
        threshold_milli: int = 3000,
    ) -> Self:
        """The least noisy puzzle whose realised epsilon is at most `epsilon` nats; defaults are Apple's, 1:3 split included."""
        if not 2**-10 < epsilon < 30 or not 0 < word_share < 1:
            raise ValueError(f"need 2**-10 < epsilon < 30 and 0 < word_share < 1, got {epsilon=}, {word_share=}")
        flips = [math.ceil(FLIP_UNIT / (1 + math.exp(epsilon * share / 2))) for share in (word_share, 1 - word_share)]
        return cls(length, width, rows, flips[0], flips[1], threshold_milli, seed)

    @property
    def payload(self) -> np.dtype[np.void]:
        """The fragment's place, then row and bits of the word and of the fragment, little bit first."""
        size = -(-self.width // 8)
        return np.dtype(
            [
                ("position", "u1"),
                ("word_row", "<u4"),
                ("word_bits", "u1", (size,)),
                ("fragment_row", "<u4"),
                ("fragment_bits", "u1", (size,)),
            ]
        )

    @property
    def bits(self) -> int:
        """The fragment's place, and two rows of a sketch with their numbers."""
        return (self.positions - 1).bit_length() + 2 * (self.width + (self.rows - 1).bit_length())

    @property
    def cells(self) -> tuple[int, ...]:
        """Sketch 0 counts words, sketch p + 1 fragments at place p: set bits of each row, then the row's reports."""
        return (self.positions + 1, self.rows, self.width + 1)

    @property
    def positions(self) -> int:
        """Places of a fragment: every second letter."""
        return self.length // 2

    @property
    def epsilon(self) -> float:
        """Two words may differ in word and fragment: the sum of both; 2**-45 covers the rounding of log."""
        flips = (self.flip_word, self.flip_fragment)
        return sum(2 * math.log((FLIP_UNIT - flip) / flip) for flip in flips) + 2**-45

    @property
    def words(self) -> NumberSketch:
        """The sketch of whole words."""
        return NumberSketch(HashFamily(self._derived(b"word"), self.rows, self.width), self.flip_word)

    @property
    def fragments(self) -> NumberSketch:
        """The sketch of fragments joined with tags; one for each place, all under the same hash functions."""
        return NumberSketch(HashFamily(self._derived(b"fragment"), self.rows, self.width), self.flip_fragment)

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """Local, then shuffled among `minimum` reports."""
        return local(self.epsilon), shuffled(self.epsilon, minimum, DELTA, reports_per_device=reports_per_device)

    def randomize(self, values: Values, entropy: Entropy) -> Payloads:
        """Payloads[n] from uint8[n, length]; refuses letters above 26 and letters after the end."""
        words = self._checked(values)
        n, numbers = len(words), word_numbers(words)
        payloads = np.empty(n, self.payload)
        payloads["position"] = place = entropy.below(n, self.positions).astype(np.int64)
        pair = word_numbers(words.reshape(n, self.positions, 2)[np.arange(n), place])
        payloads["word_row"], payloads["word_bits"] = self.words.randomize(numbers, entropy)
        keys = self.tags(numbers) * PAIRS + pair
        payloads["fragment_row"], payloads["fragment_bits"] = self.fragments.randomize(keys, entropy)
        return payloads

    def legal(self, payloads: Payloads) -> Mask:
        """Places and rows that exist, and no bit beyond the width."""
        rows = (payloads["word_row"] < self.rows) & (payloads["fragment_row"] < self.rows)
        mask: Mask = rows & (payloads["position"] < self.positions)
        if self.width < 8:
            mask &= ((payloads["word_bits"] | payloads["fragment_bits"]) >> self.width == 0).all(axis=1)
        return mask

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """Positional counts of the set bits of each sketch and row."""
        self.words.accumulate(state[0], payloads["word_row"], payloads["word_bits"])
        for place in range(self.positions):
            here = payloads[payloads["position"] == place]
            self.fragments.accumulate(state[place + 1], here["fragment_row"], here["fragment_bits"])
        return state

    def estimate(self, state: State, n: int) -> Estimate:
        """Words pieced together from fragments above the threshold, each with its unbiased count; commonest first.

        All that fit together are returned: which of them stand out is the algorithm's to say.
        """
        return self.pieced(state, [self.strong(state, place) for place in range(self.positions)], n)

    def pieced(self, state: State, strong: Sequence[Fragments], n: int) -> Estimate:
        """`estimate` from fragments chosen already, one set for each place."""
        numbers = joined(strong, self.tags)
        values, variance = self.words.counts(state[0], numbers)
        order = np.argsort(-values, kind="stable")
        return Estimate(values[order], variance[order], n, spelled_numbers(numbers[order], self.length))

    def strong(self, state: State, place: int) -> Fragments:
        """The fragments above the threshold at one place."""
        values, variance = self.fragments.all_counts(state[place + 1], TAGS * PAIRS)
        z = values / np.sqrt(np.maximum(variance, 1e-300))
        keys = np.flatnonzero((z > self.threshold_milli / 1000) & can_end(np.arange(TAGS * PAIRS) % PAIRS))
        return Fragments(keys // PAIRS, keys % PAIRS, z[keys])

    def tags(self, numbers: Integers) -> Integers:
        """The 8-bit hash of words, by their numbers, int64[n]."""
        return HashFamily(self._derived(b"tag"), 1, TAGS)(np.zeros(1, np.int64), numbers)

    def _derived(self, purpose: bytes) -> bytes:
        return hashlib.sha256(b"choral/fragment-puzzle/1\0" + purpose + b"\0" + self.seed).digest()

    def _checked(self, values: Values) -> NDArray[np.uint8]:
        """The words as given; ValueError, without the word, if one is not letters followed by nothing."""
        words = np.asarray(values)
        if words.ndim != 2 or words.shape[1] != self.length or words.dtype != np.uint8:
            raise ValueError(f"words are uint8[n, {self.length}], got {words.dtype} of shape {words.shape}")
        if (words >= SYMBOLS).any() or ((words[:, 1:] > 0) & (words[:, :-1] == 0)).any():
            raise ValueError("a word has a code above 26 or a letter after its end; map it to zeros, which mean nothing")
        return words
