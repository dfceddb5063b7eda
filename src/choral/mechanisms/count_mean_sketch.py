"""Apple's Private Count Mean Sketch: one hashed, bit-flipped row of a sketch a report."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import DELTA, Estimate, Mask, Payloads, State, Values, checked_categories
from choral.mechanisms.fast import HASHES_WORTH, kernels
from choral.numerics import FLIP_UNIT, Entropy, HashFamily
from choral.privacy import Guarantee, local, shuffled

CHUNK_CELLS = 2**24  # cells hashed at a time while estimating: 128 MiB
CHUNK_REPORTS = 2**12  # reports unpacked at a time without the kernel: 4 MiB


@dataclass(frozen=True, slots=True)
class CountMeanSketch:
    """Report a random row of `rows` hash functions and its one-hot bucket with every bit flipped at random.

    domain: number of categories, 1 <= domain < 2**32; width: buckets, a power of two from 8 to 2**16
    rows: hash functions, 1 to 2**20; flip: chance of flipping a bit, in units of 2**-24, below one half
    seed: 32 public bytes from which all hash functions follow
    Source: Apple, "Learning with Privacy at Scale" (2017), full version, algorithms 1 to 4; variance corrected after
    Pan (arXiv 2406.03785): the last term below belongs to the fixed hash family and grows with n squared.
    """

    NAME: ClassVar[str] = "count-mean-sketch/1"
    domain: int
    width: int
    rows: int
    flip: int
    seed: bytes

    def __post_init__(self) -> None:
        if not 1 <= self.domain < 2**32 or not 8 <= self.width <= 2**16:
            raise ValueError(f"need 1 <= domain < 2**32 and 8 <= width <= 2**16, got {self.domain=}, {self.width=}")
        if not 0 < self.flip < FLIP_UNIT // 2:
            raise ValueError(f"need 0 < flip < 2**23, got {self.flip=}")
        HashFamily(self.seed, self.rows, self.width)

    @classmethod
    def for_epsilon(cls, epsilon: float, domain: int, *, seed: bytes, width: int = 1024, rows: int = 65_536) -> Self:
        """The least noisy sketch whose realised epsilon is at most `epsilon` nats; defaults are Apple's for emoji."""
        if not 2**-10 < epsilon < 20:
            raise ValueError(f"need 2**-10 < epsilon < 20, got {epsilon=}")
        return cls(domain, width, rows, math.ceil(FLIP_UNIT / (1 + math.exp(epsilon / 2))), seed)

    @property
    def payload(self) -> np.dtype[np.void]:
        """The row's number and its `width` bits, little bit first."""
        return np.dtype([("row", "<u4"), ("bits", "u1", (self.width // 8,))])

    @property
    def bits(self) -> int:
        """The row's number and its bits."""
        return self.width + (self.rows - 1).bit_length()

    @property
    def cells(self) -> tuple[int, ...]:
        """Set bits for each row and bucket; the last column counts the row's reports."""
        return (self.rows, self.width + 1)

    @property
    def epsilon(self) -> float:
        """Two one-hot vectors differ in two bits: twice one bit's log ratio; 2**-45 covers the rounding of log."""
        return 2 * math.log((FLIP_UNIT - self.flip) / self.flip) + 2**-45

    @property
    def hashes(self) -> HashFamily:
        """The published hash functions."""
        return HashFamily(self.seed, self.rows, self.width)

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """Local, then shuffled among `minimum` reports."""
        return local(self.epsilon), shuffled(self.epsilon, minimum, DELTA, reports_per_device=reports_per_device)

    def randomize(self, values: Values, entropy: Entropy) -> Payloads:
        """Payloads[n] from int64[n] in [0, domain); draws one word and 24 for each 64 bits."""
        truth = checked_categories(values, self.domain)
        n = len(truth)
        payloads = np.empty(n, self.payload)
        payloads["row"] = row = entropy.below(n, self.rows).astype(np.int64)
        bits = entropy.flips(n, self.width, self.flip)
        bucket = self.hashes(row, truth)
        bits[np.arange(n), bucket >> 3] ^= (1 << (bucket & 7)).astype(np.uint8)
        payloads["bits"] = bits
        return payloads

    def legal(self, payloads: Payloads) -> Mask:
        """Rows that exist; any bits can be sent."""
        mask: Mask = payloads["row"] < self.rows
        return mask

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """Positional counts of the set bits of each row."""
        if self.width >= 32 and (fast := kernels(len(payloads))) is not None:
            fast.count_bits(np.ascontiguousarray(payloads).view("<u4").reshape(len(payloads), -1), state)
            return state
        for start in range(0, len(payloads), CHUNK_REPORTS):
            part = payloads[start : start + CHUNK_REPORTS]
            np.add.at(state[:, :-1], part["row"], np.unpackbits(part["bits"], axis=1, bitorder="little"))
            np.add.at(state[:, -1], part["row"], 1)
        return state

    def estimate(self, state: State, n: int) -> Estimate:
        """Unbiased counts, float64[domain]."""
        gain = self._gain()
        scale = self.width / (self.width - 1)
        values = scale * (gain * self._sums(state) - n * ((gain - 1) / 2 + 1 / self.width))
        noise = self._noise(np.clip(values, 0, n), n)
        own = 1 + self.domain / (self.rows * (self.width - 1))  # each square also holds its item's own collisions
        pairs = max(0.0, float((values**2 - noise).sum()) - n) / own  # about the sum of f(f-1)
        return Estimate(values, noise + self._collision_variance(pairs) / self.rows, n)

    def variance(self, counts: NDArray[np.floating], n: int) -> NDArray[np.floating]:
        """Noise of the bits, chance of the hash functions drawn, and collisions in the fixed family."""
        repeats = counts * np.maximum(counts - 1, 0)
        return self._noise(counts, n) + self._collision_variance(repeats.sum() - repeats) / self.rows

    @property
    def manipulation(self) -> float:
        """About (c + 1) / 2 with c = (e**(epsilon/2) + 1) / (e**(epsilon/2) - 1): a row with the item's bit set."""
        return self.width / (self.width - 1) * ((self._gain() + 1) / 2 - 1 / self.width)

    def supports(self, payloads: Payloads, item: int) -> Mask:
        """Reports whose row has the item's bucket set."""
        bucket = self.hashes(payloads["row"], np.array(item))
        mask: Mask = payloads["bits"][np.arange(len(payloads)), bucket >> 3] >> (bucket & 7) & 1 == 1
        return mask

    def _gain(self) -> float:
        return FLIP_UNIT / (FLIP_UNIT - 2 * self.flip)

    def _noise(self, counts: NDArray[np.floating], n: int) -> NDArray[np.floating]:
        """Variance from flipped bits and from the chance of sharing a bucket, float64[domain]."""
        flip = self.flip / FLIP_UNIT
        bits = (self.width / (self.width - 1)) ** 2 * n * self._gain() ** 2 * flip * (1 - flip)
        return np.asarray(bits + self._collision_variance(n - counts), np.float64)

    def _collision_variance(self, pairs: NDArray[np.floating] | float) -> NDArray[np.floating]:
        """`pairs` times the variance 1/m (1 - 1/m) of one shared bucket, on the scale of counts: pairs / (m - 1)."""
        return np.asarray(pairs / (self.width - 1), np.float64)

    def _sums(self, state: State) -> NDArray[np.int64]:
        """For each category the set bits in its buckets over all rows, int64[domain]."""
        if (fast := kernels(self.rows * self.domain // HASHES_WORTH)) is not None:
            family = self.hashes
            quick: NDArray[np.int64] = fast.sum_buckets(state, family.coefficients(), family.shift, self.domain)
            return quick
        sums = np.empty(self.domain, np.int64)
        rows = np.arange(self.rows)[:, None]
        step = max(1, CHUNK_CELLS // self.rows)
        for start in range(0, self.domain, step):
            keys = np.arange(start, min(start + step, self.domain))[None, :]
            sums[start : start + step] = state[rows, self.hashes(rows, keys)].sum(axis=0)
        return sums
