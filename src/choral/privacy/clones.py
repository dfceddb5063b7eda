"""A tighter number for an honest shuffler, by summing the exact binomial mixture. Needs scipy (the `server` extra).

Hide one report among its clones: each other report is, with some chance, a copy of what either of the two compared
values could have sent, each equally likely. What then remains to be seen is how many copies there are of each.
Source: Feldman, McMillan and Talwar (FOCS 2021, arXiv 2012.12803), Theorem 3.2 and section 3.1.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TAIL = 1e-12  # chance left outside the summed range of clone counts on either side; it is added to delta
STEPS = 50  # halvings of the interval that holds epsilon: the answer is rounded up by at most epsilon / 2**50


@dataclass(frozen=True, slots=True)
class Clones:
    """How well others hide one report.

    odds: exp of the local epsilon; clone_chance: that another report is a clone; seen_chance: that the hidden report
    itself falls where the two compared values differ
    """

    odds: float
    clone_chance: float
    seen_chance: float = 1.0

    @classmethod
    def generic(cls, epsilon: float) -> "Clones":
        """What holds for every pure epsilon-private randomizer, adaptively chosen ones included."""
        return cls(math.exp(epsilon), math.exp(-epsilon))

    @classmethod
    def two_level(cls, epsilon: float, rare: float) -> "Clones":
        """For a randomizer whose every output has one of two chances, `exp(epsilon)` apart, whatever the value.

        rare: for each pair of values, the chance under the one of an output that only the other makes frequent.
        Outputs equally likely under both values tell nothing, so the hidden report counts only when it is in neither.
        """
        odds = math.exp(epsilon)
        if not 0 < rare <= 1 / (odds + 1):
            raise ValueError(f"need 0 < rare <= 1 / (exp(epsilon) + 1), got {rare=}, {epsilon=}")
        return cls(odds, 2 * rare, (odds + 1) * rare)

    def delta(self, epsilon: float, reports: int) -> float:
        """Upper bound on delta at central `epsilon` for one report among `reports`."""
        from scipy.stats import binom

        truth = self.odds / (self.odds + 1)
        gain, loss = truth - math.exp(epsilon) * (1 - truth), (1 - truth) - math.exp(epsilon) * truth
        if gain <= 0:
            return 0.0
        counts, weights, outside = self._counts(reports)
        ratio = -loss / gain  # of a copies of one value to c + 1 - a of the other, above which the loss exceeds epsilon
        least: NDArray[np.float64] = np.ceil(ratio * (counts + 1) / (1 + ratio))
        excess = gain * binom.sf(least - 2, counts, 0.5) + loss * binom.sf(least - 1, counts, 0.5)
        return float(self.seen_chance * ((weights * np.maximum(excess, 0)).sum() + outside))

    def epsilon(self, reports: int, delta: float) -> float:
        """The smallest central epsilon, rounded up, whose delta is at most `delta`; never above the local one."""
        if not 0 < delta < 1 or reports < 1:
            raise ValueError(f"need 0 < delta < 1 and reports >= 1, got {delta=}, {reports=}")
        low, high = 0.0, math.log(self.odds)
        for _ in range(STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if self.delta(middle, reports) <= delta else (middle, high)
        return high

    def _counts(self, reports: int) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Likely numbers of clones, their chances, and the chance of all other numbers."""
        from scipy.stats import binom

        others = binom(reports - 1, min(1.0, self.clone_chance))
        low, high = others.ppf(TAIL), others.isf(TAIL)
        counts = np.arange(max(0, low - 1), min(reports - 1, high + 1) + 1)
        weights = others.pmf(counts)
        return counts, weights, float(others.cdf(counts[0] - 1) + others.sf(counts[-1]))
