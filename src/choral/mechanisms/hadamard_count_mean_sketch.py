"""Apple's Private Hadamard Count Mean Sketch: one bit of a hashed, transformed row. Kept for fidelity, not for accuracy."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import DELTA, Estimate, Mask, Payloads, State, Values, checked_categories
from choral.mechanisms.fast import HASHES_WORTH, kernels
from choral.numerics import UNIT, Entropy, HashFamily
from choral.numerics.hadamard import hadamard, sign_bits
from choral.privacy import Guarantee, local, shuffled

PAYLOAD: np.dtype[np.void] = np.dtype([("row", "<u4"), ("column", "<u2"), ("sign", "<u2")])


@dataclass(frozen=True, slots=True)
class HadamardCountMeanSketch:
    """Report one random entry of the Hadamard transform of a one-hot hashed row, its sign turned at random.

    domain: number of categories, 1 <= domain < 2**32; width: buckets, a power of two from 2 to 2**16
    rows: hash functions, 1 to 2**20; turn: chance of turning the sign, in units of 2**-64, below one half
    seed: 32 public bytes from which all hash functions follow
    Source: Apple, "Learning with Privacy at Scale" (2017), full version, algorithms 5 and 6; the variance never falls
    below n, so that above epsilon 2 any other mechanism here is better.
    """

    NAME: ClassVar[str] = "hadamard-count-mean-sketch/1"
    domain: int
    width: int
    rows: int
    turn: int
    seed: bytes

    def __post_init__(self) -> None:
        if not 1 <= self.domain < 2**32 or not 2 <= self.width <= 2**16:
            raise ValueError(f"need 1 <= domain < 2**32 and 2 <= width <= 2**16, got {self.domain=}, {self.width=}")
        if not 0 < self.turn < UNIT // 2:
            raise ValueError(f"need 0 < turn < 2**63, got {self.turn=}")
        HashFamily(self.seed, self.rows, self.width)

    @classmethod
    def for_epsilon(cls, epsilon: float, domain: int, *, seed: bytes, width: int = 32_768, rows: int = 1024) -> Self:
        """The least noisy sketch whose realised epsilon is at most `epsilon` nats; defaults are Apple's for Safari."""
        if not 2**-20 < epsilon < 20:
            raise ValueError(f"need 2**-20 < epsilon < 20, got {epsilon=}")
        return cls(domain, width, rows, math.ceil(UNIT / (1 + math.exp(epsilon)) * (1 + 2**-40)), seed)

    @property
    def payload(self) -> np.dtype[np.void]:
        """The row's number, the column of the transform, and the sign (1 is minus)."""
        return PAYLOAD

    @property
    def bits(self) -> int:
        """One sign, with the numbers of its row and column."""
        return 1 + (self.rows - 1).bit_length() + (self.width - 1).bit_length()

    @property
    def cells(self) -> tuple[int, ...]:
        """Sum of the signs for each row and column."""
        return (self.rows, self.width)

    @property
    def epsilon(self) -> float:
        """Log ratio of the sign's two chances; 2**-45 covers the rounding of log."""
        return math.log((UNIT - self.turn) / self.turn) + 2**-45

    @property
    def hashes(self) -> HashFamily:
        """The published hash functions."""
        return HashFamily(self.seed, self.rows, self.width)

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """Local, then shuffled among `minimum` reports."""
        return local(self.epsilon), shuffled(self.epsilon, minimum, DELTA, reports_per_device=reports_per_device)

    def randomize(self, values: Values, entropy: Entropy) -> Payloads:
        """Payloads[n] from int64[n] in [0, domain); draws three words each."""
        truth = checked_categories(values, self.domain)
        n = len(truth)
        payloads = np.empty(n, PAYLOAD)
        payloads["row"] = row = entropy.below(n, self.rows).astype(np.int64)
        payloads["column"] = column = entropy.below(n, self.width).astype(np.int64)
        payloads["sign"] = sign_bits(column, self.hashes(row, truth)) ^ entropy.chance(n, self.turn)
        return payloads

    def legal(self, payloads: Payloads) -> Mask:
        """Cells that exist, with one of two signs."""
        mask: Mask = (payloads["row"] < self.rows) & (payloads["column"] < self.width) & (payloads["sign"] < 2)
        return mask

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """Signs added to their cells."""
        if (fast := kernels(len(payloads))) is not None:
            fast.scatter_signs(np.ascontiguousarray(payloads).view("<u8"), state)
        else:
            np.add.at(state, (payloads["row"], payloads["column"]), 1 - 2 * payloads["sign"].astype(np.int64))
        return state

    def estimate(self, state: State, n: int) -> Estimate:
        """Unbiased counts, float64[domain]."""
        scale = self.width / (self.width - 1)
        values = scale * (self._gain() * self._sums(state) - n / self.width)
        noise = self._noise(np.clip(values, 0, n), n)
        own = 1 + self.domain / (self.rows * (self.width - 1))  # each square also holds its item's own collisions
        pairs = max(0.0, float((values**2 - noise).sum()) - n) / own  # about the sum of f(f-1)
        return Estimate(values, noise + pairs / (self.width - 1) / self.rows, n)

    def variance(self, counts: NDArray[np.floating], n: int) -> NDArray[np.floating]:
        """Noise of the signs and columns, and collisions in the fixed hash family."""
        repeats = counts * np.maximum(counts - 1, 0)
        family = (repeats.sum() - repeats) / (self.width - 1) / self.rows
        return np.asarray(self._noise(counts, n) + family, np.float64)

    @property
    def manipulation(self) -> float:
        """About c = (e**epsilon + 1) / (e**epsilon - 1): an entry whose sign speaks against the item."""
        return self.width / (self.width - 1) * (self._gain() + 1 / self.width)

    def supports(self, payloads: Payloads, item: int) -> Mask:
        """Reports whose sign is the item's own."""
        bucket = self.hashes(payloads["row"], np.array(item))
        return np.asarray(sign_bits(payloads["column"].astype(np.int64), bucket) == payloads["sign"], np.bool_)

    def _gain(self) -> float:
        return UNIT / (UNIT - 2 * self.turn)

    def _noise(self, counts: NDArray[np.floating], n: int) -> NDArray[np.floating]:
        """A report of the item has mean 1 - 1/m, any other has mean 0; both have second moments near c**2."""
        scale, square = (self.width / (self.width - 1)) ** 2, self._gain() ** 2
        return np.asarray(scale * (counts * (square - 1) + (n - counts) * (square - self.width**-2)), np.float64)

    def _sums(self, state: State) -> NDArray[np.int64]:
        """For each category the transformed rows' buckets, summed over all rows; int64[domain]."""
        family = self.hashes
        if (fast := kernels(self.rows * (self.width + self.domain) // HASHES_WORTH)) is not None:
            sums: NDArray[np.int64] = fast.sum_transformed(state, family.coefficients(), family.shift, self.domain)
            return sums
        keys = np.arange(self.domain)
        return sum((hadamard(state[row])[family(np.array(row), keys)] for row in range(self.rows)), np.zeros(1, np.int64))
