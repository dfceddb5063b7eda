"""Matrix factorization by federated averaging: a person's own factors stay, and what moves is only what they rated.

Knows item factors, ratings and integer sums. Leaves to others whose ratings they are and what noise a sum gets.
A person's update is zero but for the items they rated, so that a cohort's sum costs its ratings, not its items.
Source of the loss: Koren, Bell and Volinsky (IEEE Computer 42, 2009); of the integer sum: Kairouz, Liu and Steinke (2021).
"""

import math
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ratings:
    """What people rated: row i holds `count[i]` ratings, then padding.

    item: int32[people, most], distinct within a person; value: float64[people, most]; count: int64[people]
    """

    item: NDArray[np.int32]
    value: Floats
    count: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FactorSteps:
    """How one person trains, and onto which grid the update is put.

    batch: ratings of a local step; rate: of that step; clip_norm: L2 norm to which an update is shortened
    radius: L2 norm, in steps of the grid, that no rounded update exceeds
    """

    batch: int
    rate: float
    clip_norm: float
    radius: int

    def trained(self, factors: Floats, person: Floats, ratings: Ratings, number: int) -> tuple[Floats, Floats]:
        """One pass of person `number`: the update of each rated item's factors [count, k], and the person's own after it."""
        count = int(ratings.count[number])
        update, person = np.empty((count, len(person))), person.copy()
        for start in range(0, count, self.batch):
            part = slice(start, min(start + self.batch, count))
            rows = factors[ratings.item[number, part]]
            pull = (ratings.value[number, part] - rows @ person) * (self.rate / len(rows))
            update[part] = pull[:, None] * person
            person += pull @ rows
        return update, person

    def scale(self, norm: float, numbers: int) -> float:
        """Steps of the grid for 1: so that an update of this norm, clipped and then rounded, keeps to the radius."""
        return (self.radius - rounding(numbers)) / max(norm, self.clip_norm)

    def sums(self, factors: Floats, people: Floats, ratings: Ratings, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sum of the rounded updates of the `chosen` people, int64[items, k]; writes their new factors into `people`."""
        kernels = _kernels()
        if kernels is None:
            return self.plain_sums(factors, people, ratings, chosen)
        total = np.zeros(factors.shape, np.int64)
        most = self.radius - rounding(ratings.item.shape[1] * factors.shape[1])
        rows, steps = (ratings.item, ratings.value, ratings.count), (self.batch, self.rate, self.clip_norm, float(most))
        kernels.sums(factors, people, rows, chosen, total, steps=steps)
        return total

    def plain_sums(self, factors: Floats, people: Floats, ratings: Ratings, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same without a compiled loop, one person after the other."""
        total = np.zeros(factors.shape, np.int64)
        for number in chosen.tolist():
            update, people[number] = self.trained(factors, people[number], ratings, number)
            scale = self.scale(math.sqrt(float((update**2).sum())), ratings.item.shape[1] * factors.shape[1])
            total[ratings.item[number, : len(update)]] += np.rint(update * scale).astype(np.int64)
        return total

    def mean(self, total: NDArray[np.int64], reports: int, numbers: int) -> Floats:
        """The mean update that a sum of rounded ones stands for; numbers: that one person's update can have."""
        step = self.clip_norm / (self.radius - rounding(numbers))
        return np.asarray(total * (step / reports), np.float64)


def rounding(numbers: int) -> int:
    """How far rounding each of `numbers` coordinates to the nearest integer can move a vector, rounded up."""
    return math.isqrt(numbers // 4) + 1


def _kernels() -> ModuleType | None:
    """The compiled twin of the loop here, or None where numba is not installed."""
    try:
        from choral.learning import factor_kernels
    except ImportError:
        return None
    return factor_kernels
