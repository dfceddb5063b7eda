"""How good an estimate was, in the few numbers that experiments compare, and how sure a mean over seeds is.

Knows estimates and truths. Leaves to each experiment what it asks and whom.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.learning.post_processing import RATE, significant
from choral.mechanisms import Estimate
from choral.simulation.holders import Floats, Integers
from choral.simulation.prospects import optimal_mse

TOP = 10


@dataclass(frozen=True, slots=True)
class Score:
    """One run against its truth.

    over_theory, over_optimum: mean squared error over what this mechanism, and the best one, should have
    top_hits: of the 10 commonest items, those among the 10 highest estimates
    found: items that stand out at 5 % false discoveries; absent: those of them that nobody reported
    within: share of truths within two standard errors
    """

    over_theory: float
    over_optimum: float
    top_hits: int
    found: int
    absent: int
    within: float


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over seeds and its standard error; the error is 0 for a single seed, which tells nothing of it."""

    mean: float
    error: float

    def __str__(self) -> str:
        """Mean and error, rounded alike.

        >>> str(Mean(14.234, 0.0581))
        '14.23 ± 0.06'
        """
        digits = 2 if self.error <= 0 else max(0, 1 - math.floor(math.log10(self.error) + 0.3))
        return f"{self.mean:,.{digits}f} ± {self.error:,.{digits}f}"


def score(estimate: Estimate, truth: Integers, variance: Floats, *, epsilon: float) -> Score:
    """Score of an estimate, given the true counts int64[d] and the theory's variance for them float64[d]."""
    squared = (estimate.values - truth) ** 2
    stands_out = significant(estimate.values, estimate.stderr, rate=RATE)
    return Score(
        over_theory=float(squared.mean() / variance.mean()),
        over_optimum=float(squared.mean()) / optimal_mse(epsilon, truth.astype(np.float64)),
        top_hits=len(set(top(truth)) & set(top(estimate.values))),
        found=int(stands_out.sum()),
        absent=int((stands_out & (truth == 0)).sum()),
        within=float((np.abs(estimate.values - truth) <= 2 * estimate.stderr).mean()),
    )


def top(values: NDArray[np.floating] | Integers, count: int = TOP) -> list[int]:
    """The items with the `count` highest values, the highest first."""
    return [int(item) for item in np.argsort(-values, kind="stable")[:count]]


def mean_of(values: Sequence[float]) -> Mean:
    """The mean and its standard error."""
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return Mean(float(np.mean(values)), error)
