"""Randomized response over a small domain: the truth, or a uniformly chosen other category."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import DELTA, Estimate, Mask, Payloads, State, Values, checked_categories
from choral.mechanisms.support import Support
from choral.numerics import UNIT, Entropy
from choral.privacy import Guarantee, local, shuffled

PAYLOAD: np.dtype[np.void] = np.dtype([("value", "<u4")])


@dataclass(frozen=True, slots=True)
class RandomizedResponse:
    """Report the true category with chance `keep / 2**64`, otherwise another one, uniformly.

    domain: number of categories, 2 <= domain < 2**32
    keep: chance of the truth, in units of 2**-64, above that of any other category
    Source: Kairouz, Bonawitz and Ramage (ICML 2016), "k-RR"; variance from Wang et al. (USENIX Security 2017).

    >>> RandomizedResponse.for_epsilon(1.0, domain=2).epsilon <= 1.0
    True
    """

    NAME: ClassVar[str] = "randomized-response/1"
    domain: int
    keep: int

    def __post_init__(self) -> None:
        if not 2 <= self.domain < 2**32 or not UNIT // self.domain < self.keep < UNIT:
            raise ValueError(f"need 2 <= domain < 2**32 and 2**64 / domain < keep < 2**64, got {self.domain=}, {self.keep=}")

    @classmethod
    def for_epsilon(cls, epsilon: float, domain: int) -> Self:
        """The most truthful response whose realised epsilon is at most `epsilon` nats."""
        if not 2**-20 < epsilon < 20 or not 2 <= domain < 2**32:
            raise ValueError(f"need 2**-20 < epsilon < 20 and 2 <= domain < 2**32, got {epsilon=}, {domain=}")
        odds = math.exp(epsilon)
        return cls(domain, int(UNIT * odds / (odds + domain - 1) * (1 - 2**-40)))

    @property
    def payload(self) -> np.dtype[np.void]:
        """One category, 4 bytes."""
        return PAYLOAD

    @property
    def bits(self) -> int:
        """Bits that tell one report from another."""
        return (self.domain - 1).bit_length()

    @property
    def cells(self) -> tuple[int, ...]:
        """One count a category."""
        return (self.domain,)

    @property
    def epsilon(self) -> float:
        """Worst-case log ratio of the integer chances in use; 2**-45 covers the rounding of log."""
        rarest_lie = (UNIT - self.keep) * (UNIT // (self.domain - 1))
        return math.log(self.keep * UNIT / rarest_lie) + 2**-45

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """Local, then shuffled among `minimum` reports."""
        return local(self.epsilon), shuffled(self.epsilon, minimum, DELTA, reports_per_device=reports_per_device)

    def randomize(self, values: Values, entropy: Entropy) -> Payloads:
        """Payloads[n] from int64[n] in [0, domain); draws two words each."""
        truth = checked_categories(values, self.domain)
        kept = entropy.chance(len(truth), self.keep)
        step = 1 + entropy.below(len(truth), self.domain - 1).astype(np.int64)
        payloads = np.empty(len(truth), PAYLOAD)
        payloads["value"] = np.where(kept, truth, (truth + step) % self.domain)
        return payloads

    def legal(self, payloads: Payloads) -> Mask:
        """Categories inside the domain."""
        mask: Mask = payloads["value"] < self.domain
        return mask

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """Counts of each category added."""
        state += np.bincount(payloads["value"], minlength=self.domain)
        return state

    def estimate(self, state: State, n: int) -> Estimate:
        """Unbiased counts, float64[domain]."""
        return self.support.estimate(state, n)

    def variance(self, counts: NDArray[np.floating], n: int) -> NDArray[np.floating]:
        """Theoretical variance of each estimate, float64[domain]."""
        return self.support.variance(counts, n)

    @property
    def support(self) -> Support:
        """Chances of the truth and of one lie."""
        return Support(self.keep / UNIT, (UNIT - self.keep) / UNIT / (self.domain - 1))

    @property
    def manipulation(self) -> float:
        """About (e**epsilon + domain - 1) / (e**epsilon - 1): large where the domain is."""
        return self.support.manipulation

    def supports(self, payloads: Payloads, item: int) -> Mask:
        """Reports that name the item."""
        mask: Mask = payloads["value"] == item
        return mask
