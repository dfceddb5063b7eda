"""Optimized unary encoding: one bit a category. Near the optimum, at one bit a category on the wire."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import DELTA, Estimate, Mask, Payloads, State, Values, checked_categories
from choral.mechanisms.bitmaps import add_bitmaps, bitmap, is_set, padding_is_zero
from choral.mechanisms.support import Support
from choral.numerics import FLIP_UNIT, UNIT, Entropy
from choral.privacy import Guarantee, local, shuffled

MOST_DOMAIN = 2**18


@dataclass(frozen=True, slots=True)
class UnaryEncoding:
    """Report one bit a category: the true one's is a fair coin, each other's is set with chance `flip / 2**24`.

    domain: number of categories, 2 <= domain <= 2**18
    flip: chance that another category's bit is set, in units of 2**-24, below one half
    Source: Wang et al. (USENIX Security 2017), OUE.
    """

    NAME: ClassVar[str] = "unary-encoding/1"
    domain: int
    flip: int

    def __post_init__(self) -> None:
        if not 2 <= self.domain <= MOST_DOMAIN or not 0 < self.flip < FLIP_UNIT // 2:
            raise ValueError(f"need 2 <= domain <= 2**18 and 0 < flip < 2**23, got {self.domain=}, {self.flip=}")

    @classmethod
    def for_epsilon(cls, epsilon: float, domain: int) -> Self:
        """The least noisy encoding whose realised epsilon is at most `epsilon` nats."""
        if not 2**-10 < epsilon < 16:
            raise ValueError(f"need 2**-10 < epsilon < 16, got {epsilon=}")
        return cls(domain, math.ceil(FLIP_UNIT / (1 + math.exp(epsilon)) * (1 + 2**-40)))

    @property
    def payload(self) -> np.dtype[np.void]:
        """One bit a category."""
        return bitmap(self.domain)

    @property
    def bits(self) -> int:
        """One a category."""
        return self.domain

    @property
    def cells(self) -> tuple[int, ...]:
        """Set bits of each category."""
        return (self.domain,)

    @property
    def epsilon(self) -> float:
        """Two encodings differ in two bits, of which the fair coins cancel; 2**-45 covers the rounding of log."""
        return math.log((FLIP_UNIT - self.flip) / self.flip) + 2**-45

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """Local, then shuffled among `minimum` reports."""
        return local(self.epsilon), shuffled(self.epsilon, minimum, DELTA, reports_per_device=reports_per_device)

    def randomize(self, values: Values, entropy: Entropy) -> Payloads:
        """Payloads[n] from int64[n] in [0, domain); draws 24 words for each 64 categories and one for the coin."""
        truth = checked_categories(values, self.domain)
        n, rows = len(truth), np.arange(len(truth))
        count = self.domain if self.domain < 64 else 64 * -(-self.domain // 64)
        drawn = entropy.flips(n, count, self.flip)
        drawn[:, self.domain // 8 :] &= _kept_bits(drawn.shape[1], self.domain)
        place, bit = truth >> 3, (1 << (truth & 7)).astype(np.uint8)
        coin = entropy.chance(n, UNIT // 2)
        drawn[rows, place] = np.where(coin, drawn[rows, place] | bit, drawn[rows, place] & ~bit)
        payloads = np.zeros(n, self.payload)
        width = min(drawn.shape[1], payloads["bits"].shape[1])
        payloads["bits"][:, :width] = drawn[:, :width]
        return payloads

    def legal(self, payloads: Payloads) -> Mask:
        """Any bits below the domain; zeros above."""
        return padding_is_zero(payloads["bits"], self.domain)

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """Set bits of each category added."""
        return add_bitmaps(state, payloads)

    def estimate(self, state: State, n: int) -> Estimate:
        """Unbiased counts, float64[domain]."""
        return self.support.estimate(state, n)

    def variance(self, counts: NDArray[np.floating], n: int) -> NDArray[np.floating]:
        """Theoretical variance of each estimate, float64[domain]."""
        return self.support.variance(counts, n)

    @property
    def support(self) -> Support:
        """Chances that a category's bit is set."""
        return Support(0.5, self.flip / FLIP_UNIT)

    @property
    def manipulation(self) -> float:
        """About 2 (e**epsilon) / (e**epsilon - 1), of every item at once."""
        return self.support.manipulation

    def supports(self, payloads: Payloads, item: int) -> Mask:
        """Reports with the item's bit set."""
        return is_set(payloads, item)


def _kept_bits(size: int, domain: int) -> NDArray[np.uint8]:
    """Masks of the bytes from the domain's last partial one up to `size`: bits below the domain are kept."""
    masks = np.zeros(size - domain // 8, np.uint8)
    masks[:1] = (1 << domain % 8) - 1
    return masks
