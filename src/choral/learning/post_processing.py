"""Making sense of estimates after the fact; costs no privacy. What is cut or shifted is biased: show the unbiased one beside.

Sources: Wang et al., "Locally Differentially Private Frequency Estimation with Consistency" (NDSS 2020), norm-sub and
base-cut; Benjamini and Hochberg, "Controlling the False Discovery Rate" (J. R. Stat. Soc. B 57, 1995).
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

RATE = 0.05


def norm_sub(values: NDArray[np.floating], total: float) -> NDArray[np.floating]:
    """The nearest non-negative values with the sum `total`, float64[d]: one shift for all, then zero below zero.

    >>> norm_sub(np.array([6.0, 3.0, -2.0]), 8.0).tolist()
    [5.5, 2.5, 0.0]
    """
    if total < 0 or not len(values):
        raise ValueError(f"need total >= 0 and at least one value, got {total=}, {len(values)=}")
    ordered = -np.sort(-values)
    shifts = (np.cumsum(ordered) - total) / np.arange(1, len(values) + 1)
    kept = np.flatnonzero(ordered > shifts)
    shift = shifts[kept[-1]] if len(kept) else ordered[0]
    return np.asarray(np.maximum(values - shift, 0.0), np.float64)


def base_cut(
    values: NDArray[np.floating], stderr: NDArray[np.floating], *, false_discoveries: float = RATE
) -> NDArray[np.floating]:
    """The values that stand out of the noise as they are, every other one zero, float64[d]; right for top values.

    >>> base_cut(np.array([9.0, 2.0, -4.0]), np.ones(3)).tolist()
    [9.0, 0.0, 0.0]
    """
    level = threshold(len(values), false_discoveries=false_discoveries)
    return np.asarray(np.where(values > level * stderr, values, 0.0), np.float64)


def threshold(items: int, *, false_discoveries: float = RATE) -> float:
    """Standard errors above which at most `false_discoveries` of `items` empty items are expected to lie (Bonferroni).

    A chance of at most `false_discoveries` that any of them does, whatever the dependence. `Count.threshold_milli` is
    a thousand times this.

    >>> round(threshold(2600), 2)
    4.12
    """
    if items < 1 or not 0 < false_discoveries < items / 2:
        raise ValueError(f"need items >= 1 and 0 < false_discoveries < items / 2, got {items=}, {false_discoveries=}")
    return -NormalDist().inv_cdf(false_discoveries / items)


def expected_false(items: int, level: float) -> float:
    """How many of `items` empty items are expected above `level` standard errors.

    >>> round(expected_false(2600, 3.0), 1)
    3.5
    """
    return items * upper_tail(level)


def significant(values: NDArray[np.floating], stderr: NDArray[np.floating], *, rate: float = RATE) -> NDArray[np.bool_]:
    """bool[d]: what is there, with at most a share `rate` of false discoveries expected (Benjamini and Hochberg).

    Holds for independent and for positively dependent estimates; those of one histogram are all but independent.

    >>> significant(np.array([9.0, 2.5, 2.4, 0.0]), np.ones(4)).tolist()
    [True, True, True, False]
    """
    if not 0 < rate < 1:
        raise ValueError(f"need 0 < rate < 1, got {rate=}")
    scores = values / stderr
    order = np.argsort(-scores, kind="stable")
    hopeful = order[: int((scores > NormalDist().inv_cdf(1 - rate)).sum())]  # no one else can pass: p <= rate is needed
    tails = np.array([upper_tail(float(score)) for score in scores[hopeful]])
    passed = np.flatnonzero(tails <= rate * np.arange(1, len(hopeful) + 1) / len(values))
    found = np.zeros(len(values), np.bool_)
    found[hopeful[: passed[-1] + 1 if len(passed) else 0]] = True
    return found


def upper_tail(score: float) -> float:
    """The chance that a standard normal exceeds `score`, also where 1 - cdf would round to nothing."""
    return math.erfc(score / math.sqrt(2)) / 2
