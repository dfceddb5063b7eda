"""Laplace noise on a grid of integers: each coordinate of a vector gets its own, and pure epsilon follows from a length.

Knows how far two clipped vectors can be apart. Two guarantees come of it and are not to be mixed up: one for any two
vectors, which a ledger charges, and a far smaller one for two vectors that differ in a single coordinate.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import DELTA, Estimate, Mask, Payloads, State, Values
from choral.mechanisms.vectors import (
    FINE,
    MICRO_NORM,
    Floats,
    checked_sizes,
    checked_vectors,
    clip_micro,
    rounded,
)
from choral.numerics import Entropy
from choral.numerics.discrete_laplace import MOST_SCALE, DiscreteLaplace
from choral.privacy import Guarantee, local, shuffled

FINENESS = (1000, 500, 200, 100, 50, 20)  # of the radius over what rounding can move a vector: the first that fits is taken
MOST_RADIUS = 2**26
MOST_EPSILON = 10  # for one coordinate: then noise is cut with a chance below exp(-8), where a value is largest
ONE_COORDINATE = "any two values of one coordinate"  # weaker than "any two values"
OTHERS_EQUAL = "all other coordinates are the same"


@dataclass(frozen=True, slots=True)
class LaplaceVector:
    """Report the clipped vector on an integer grid, rounded by chance, plus discrete Laplace noise in each coordinate.

    dimension: of a vector, 1 to 2**16; clip_micro: L1 norm to which a vector is shortened, in millionths
    radius: L1 norm, in steps of the grid, that no rounded vector exceeds
    reach: size, in steps, that no coordinate of a rounded vector exceeds, 2 to radius; a larger one is cut
    scale: of the noise, in steps
    Source: Dwork, McSherry, Nissim and Smith (TCC 2006); on integers, Ghosh, Roughgarden and Sundararajan (STOC 2009).
    What a coordinate says ends at the grid's `limit`: noise beyond it is cut, which costs no privacy.
    """

    NAME: ClassVar[str] = "laplace-vector/1"
    dimension: int
    clip_micro: int
    radius: int
    reach: int
    scale: int

    def __post_init__(self) -> None:
        checked_sizes(self.dimension, self.clip_micro)
        if not 2 * self.dimension <= self.radius <= MOST_RADIUS or not 2 <= self.reach <= self.radius:
            raise ValueError(f"need 2 dimension <= radius <= 2**26 and 2 <= reach <= radius, got {self}")
        if not 1 <= self.scale <= MOST_SCALE or 2 * self.reach > MOST_EPSILON * self.scale:
            raise ValueError(
                f"need 1 <= scale <= 2**26 and reach <= {MOST_EPSILON / 2:g} scale, got {self.scale=}, {self.reach=}"
            )

    @classmethod
    def for_epsilon(cls, epsilon: float, dimension: int, *, clip_norm: float) -> Self:
        """The least noise that is epsilon-private for any two vectors of L1 norm at most `clip_norm`.

        Above epsilon 10 a coordinate is cut at 10 / epsilon of the clip norm: see `MOST_EPSILON`.

        >>> LaplaceVector.for_epsilon(4.0, 53, clip_norm=1.0).payload.itemsize
        212
        """
        return cls._first(cls.grids(epsilon, dimension, clip_norm=clip_norm), f"{epsilon=}, {dimension=}")

    @classmethod
    def for_one_coordinate(cls, epsilon: float, dimension: int, *, most: float) -> Self:
        """The noise of Pihur et al.: `epsilon` for one coordinate of size at most `most`, `dimension` times that for all."""
        return cls._first(cls.grids_of_one(epsilon, dimension, most=most), f"{epsilon=} for one of {dimension=}")

    @classmethod
    def _first(cls, grids: Iterator[Self], asked: str) -> Self:
        for one in grids:
            return one
        raise ValueError(f"no grid fits {asked}; ask for a larger epsilon or fewer numbers")

    @classmethod
    def grids(cls, epsilon: float, dimension: int, *, clip_norm: float, share: int = 1) -> Iterator[Self]:
        """All that are epsilon-private for any two vectors of that L1 norm, the finest grid first.

        share: of the radius over the reach, where `MOST_EPSILON` leaves it so
        """
        if not 2**-10 < epsilon < 2**20 or not 1 <= dimension <= 2**16:
            raise ValueError(f"need 2**-10 < epsilon < 2**20 and 1 <= dimension <= 2**16, got {epsilon=}, {dimension=}")
        for fineness in FINENESS:
            radius = fineness * dimension
            scale = _scale(epsilon, radius, dimension) if radius <= MOST_RADIUS else None
            if scale is not None:
                reach = min(radius // share, MOST_EPSILON * scale // 2)
                yield cls(dimension, clip_micro(clip_norm), radius, reach, scale)

    @classmethod
    def grids_of_one(cls, epsilon: float, dimension: int, *, most: float) -> Iterator[Self]:
        """The same for one coordinate of size at most `most`."""
        if not epsilon <= MOST_EPSILON:
            raise ValueError(f"need epsilon <= {MOST_EPSILON} for one coordinate, got {epsilon=}")
        return cls.grids(epsilon * dimension, dimension, clip_norm=most * dimension, share=dimension)

    @property
    def payload(self) -> np.dtype[np.void]:
        """The noisy integers, 32 bits each."""
        return np.dtype([("steps", "<i4", (self.dimension,))])

    @property
    def bits(self) -> int:
        """All coordinates."""
        return 8 * self.payload.itemsize

    @property
    def cells(self) -> tuple[int, ...]:
        """Sums of the integers."""
        return (self.dimension,)

    @property
    def clip_norm(self) -> float:
        """The L1 norm to which a vector is shortened."""
        return self.clip_micro / MICRO_NORM

    @property
    def step(self) -> float:
        """Length of a step of the grid."""
        return self.clip_norm / (self.radius - self.dimension)

    @property
    def noise(self) -> DiscreteLaplace:
        """What is added to each coordinate."""
        return DiscreteLaplace(self.scale)

    @property
    def limit(self) -> int:
        """Steps beyond which no coordinate of a report lies."""
        return self.noise.exact - self.reach

    @property
    def epsilon(self) -> float:
        """For any two vectors: twice the L1 radius over the scale, and what the tables may be off in each coordinate."""
        return _epsilon(2 * self.radius, self.scale, self.dimension)

    @property
    def epsilon_of_one(self) -> float:
        """For two vectors that differ in one coordinate alone: what Pihur et al. call feature-level."""
        return _epsilon(2 * self.reach, self.scale, 1)

    def epsilon_of_change(self, distance: float) -> float:
        """For two vectors within the clip norm that are at most `distance` apart in L1: rounding may part them further."""
        steps = min(math.ceil(distance / self.step) + 3 * self.dimension, 2 * self.radius)
        return _epsilon(steps, self.scale, self.dimension)

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """Local for any two vectors, which is charged; shuffled among `minimum`; last, the weaker one of one coordinate."""
        return (
            local(self.epsilon),
            shuffled(self.epsilon, minimum, DELTA, reports_per_device=reports_per_device),
            Guarantee(self.epsilon_of_one, 0.0, "one coordinate of one report", ONE_COORDINATE, "nobody", OTHERS_EQUAL),
        )

    def clip(self, values: Values) -> Floats:
        """The vectors cut and shortened, whose sum is estimated: float64[n, dimension]."""
        return self.on_grid(checked_vectors(values, self.dimension)) * self.step

    def on_grid(self, vectors: Floats) -> Floats:
        """Clipped vectors in steps, not yet rounded.

        Lengths are measured in integers, so that a row's result depends on that row alone, to the last bit. Rounding moves
        a coordinate by less than a step: so coordinates keep one step of the reach free, and lengths `dimension` steps.
        """
        largest = np.abs(vectors).max(axis=1, keepdims=True)
        shape = np.divide(vectors, largest, out=np.zeros_like(vectors), where=largest > 0)
        length = (np.rint(np.abs(shape) * FINE).astype(np.int64).sum(axis=1, keepdims=True) + self.dimension) / FINE
        with np.errstate(over="ignore", under="ignore"):
            share = np.minimum(largest / self.step, (self.radius - self.dimension) / np.maximum(length, 1.0))
        return np.asarray(np.clip(shape * share, 1 - self.reach, self.reach - 1), np.float64)

    def randomize(self, values: Values, entropy: Entropy) -> Payloads:
        """Payloads[n] from floats [n, dimension]; refuses NaN, infinity and other shapes; draws three words a number."""
        exact = self.on_grid(checked_vectors(values, self.dimension))
        payloads = np.empty(len(exact), self.payload)
        payloads["steps"] = self.noisy(rounded(exact, entropy.words(len(exact), self.dimension)), entropy)
        return payloads

    def noisy(self, steps: NDArray[np.int64], entropy: Entropy) -> NDArray[np.int64]:
        """Noise added to rounded vectors and cut at the limit; draws two words a number."""
        noise = self.noise.draw(len(steps), self.dimension, entropy)
        return np.asarray(np.clip(steps + noise, -self.limit, self.limit), np.int64)

    def legal(self, payloads: Payloads) -> Mask:
        """No coordinate beyond the limit."""
        return np.asarray((np.abs(payloads["steps"].astype(np.int64)) <= self.limit).all(axis=1), np.bool_)

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """The integers added."""
        state += payloads["steps"].sum(axis=0, dtype=np.int64)
        return state

    def estimate(self, state: State, n: int) -> Estimate:
        """Unbiased sum of the clipped vectors, float64[dimension]; the variance of rounding is bounded by its most."""
        return Estimate(state * self.step, self._variance(0.25 * n, n), n)

    def variance(self, values: Values) -> Floats:
        """Theoretical variance of each coordinate of the estimate for these values, float64[dimension]."""
        exact = self.on_grid(checked_vectors(values, self.dimension))
        part = exact - np.floor(exact)
        return self._variance((part * (1 - part)).sum(axis=0), len(exact))

    def _variance(self, rounding: float | NDArray[np.float64], n: int) -> Floats:
        return self.step**2 * (np.zeros(self.dimension) + rounding + n * self.noise.variance)


def _epsilon(distance: int, scale: int, coordinates: int) -> float:
    """Of two vectors so far apart in L1, in so many coordinates; 2**-45 covers the rounding of floats."""
    return distance / scale + 3 * coordinates * DiscreteLaplace(scale).slack + 2**-45


def _scale(epsilon: float, radius: int, dimension: int) -> int | None:
    """About the least scale for any two vectors of that radius; None if there is none."""
    scale = math.ceil(2 * radius / epsilon)
    while scale <= MOST_SCALE:
        found = _epsilon(2 * radius, scale, dimension)
        if found <= epsilon:
            return scale
        scale = math.ceil(scale * (found / epsilon) * (1 + 2**-20)) + 1
    return None
