"""The estimator shared by randomizers whose report either supports an item or does not.

Knows two chances. Leaves to each mechanism which payloads support which items, and how they are drawn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import Estimate


@dataclass(frozen=True, slots=True)
class Support:
    """A report supports its sender's item with chance `truth`, every other item with chance `lie` < `truth`.

    Source: Wang et al., "Locally Differentially Private Protocols for Frequency Estimation" (USENIX Security 2017),
    pure protocols, equations 1 and 2.
    """

    truth: float
    lie: float

    def estimate(self, supporting: NDArray[np.integer], n: int) -> Estimate:
        """Unbiased counts float64[d] from the number of supporting reports of each item, int64[d]."""
        values = (supporting - n * self.lie) / (self.truth - self.lie)
        return Estimate(values, self.variance(np.clip(values, 0, n), n), n)

    def variance(self, counts: NDArray[np.floating], n: int) -> NDArray[np.floating]:
        """Var = [f t(1-t) + (n-f) l(1-l)] / (t-l)**2 with t, l the chances of truth and lie."""
        spread = counts * self.truth * (1 - self.truth) + (n - counts) * self.lie * (1 - self.lie)
        return np.asarray(spread / (self.truth - self.lie) ** 2, np.float64)

    @property
    def manipulation(self) -> float:
        """Counts by which one hostile report can move one item: it supports the item, or withholds its support."""
        return max(1 - self.lie, self.lie) / (self.truth - self.lie)
