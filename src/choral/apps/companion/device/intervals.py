"""How sure a mean is: Student's distribution, exactly for whole degrees of freedom, and the intervals made with it.

Needs numpy alone, so that a device can say how little it knows. Device half.
Source: Abramowitz and Stegun 26.7.3 and 26.7.4 for the distribution; Welch (1947) for two means.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_FREEDOM = 200  # beyond, the distribution is taken at this many degrees: a little wide, never narrow
HALVINGS = 60
FARTHEST = 1e4
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value, and where it lies with the stated certainty. n: what it rests on; chance: of so much if nothing were there."""

    value: float
    low: float
    high: float
    n: int
    chance: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


def within(value: float, freedom: int) -> float:
    """The chance that Student's t with `freedom` degrees lies within +-value.

    >>> round(within(2.0, 10), 4), round(within(12.706, 1), 4)
    (0.9266, 0.95)
    """
    freedom = min(freedom, MOST_FREEDOM)
    angle = math.atan(abs(value) / math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for step in range(1 + odd, freedom, 2):
        total += term
        term *= cosine * cosine * step / (step + 1)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def quantile(certainty: float, freedom: int) -> float:
    """Such that Student's t lies within +- that with chance `certainty`.

    >>> round(quantile(0.95, 10), 3), round(quantile(0.95, 2), 3)
    (2.228, 4.303)
    """
    low, high = 0.0, FARTHEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, freedom) < certainty else (low, middle)
    return high


def of_value(value: float, error: float, *, n: int, freedom: int, certainty: float) -> Interval:
    """Around a value with a standard error."""
    if freedom < 1 or not math.isfinite(error):
        return Interval(value, -math.inf, math.inf, n, 1.0)
    if error <= 0:
        return Interval(value, value, value, n, 1.0 if value == 0 else 0.0)
    reach = quantile(certainty, freedom) * error
    return Interval(value, value - reach, value + reach, n, 1 - within(value / error, freedom))


def of_mean(values: Sequence[float] | Floats, *, certainty: float) -> Interval:
    """Of a mean of independent values; endless for fewer than two."""
    x = np.asarray(values, np.float64)
    error = float(x.std(ddof=1) / math.sqrt(len(x))) if len(x) > 1 else math.inf
    return of_value(float(x.mean()) if len(x) else 0.0, error, n=len(x), freedom=len(x) - 1, certainty=certainty)


def of_difference(ones: Sequence[float] | Floats, others: Sequence[float] | Floats, *, certainty: float) -> Interval:
    """Of mean(ones) - mean(others), their spreads unlike; endless for fewer than two of either."""
    x, y = np.asarray(ones, np.float64), np.asarray(others, np.float64)
    n = len(x) + len(y)
    if min(len(x), len(y)) < 2:
        return Interval(float(x.mean() - y.mean()) if len(x) and len(y) else 0.0, -math.inf, math.inf, n, 1.0)
    a, b = float(x.var(ddof=1)) / len(x), float(y.var(ddof=1)) / len(y)
    freedom = (a + b) ** 2 / max(a**2 / (len(x) - 1) + b**2 / (len(y) - 1), 1e-300) if a + b > 0 else 1
    freedom = max(freedom, min(len(x), len(y)) - 1)
    return of_value(float(x.mean() - y.mean()), math.sqrt(a + b), n=n, freedom=math.floor(freedom), certainty=certainty)


def of_slope(x: Sequence[float] | Floats, y: Sequence[float] | Floats, *, certainty: float, taken: int = 2) -> Interval:
    """Of how much y rises for one more of x; endless where x does not vary or there are too few pairs.

    taken: numbers fitted in all: two, and those that were taken off both before
    """
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    spread = float(((a - a.mean()) ** 2).sum()) if len(a) else 0.0
    if len(a) < taken + 2 or spread < 1e-12:
        return Interval(0.0, -math.inf, math.inf, len(a), 1.0)
    slope = float(((a - a.mean()) * b).sum() / spread)
    rest = b - b.mean() - slope * (a - a.mean())
    error = math.sqrt(float((rest**2).sum()) / (len(a) - taken) / spread)
    return of_value(slope, error, n=len(a), freedom=len(a) - taken, certainty=certainty)


def holm(chances: Sequence[float], level: float) -> list[bool]:
    """Which of several findings hold together, with at most `level` chance that any of them is luck (Holm 1979)."""
    held = [False] * len(chances)
    for rank, place in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        if chances[place] > level / (len(chances) - rank):
            break
        held[place] = True
    return held
