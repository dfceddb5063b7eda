"""Central noise in shares: every device adds a little discrete Gaussian noise, and the sum over many hides each.

A single report hides next to nothing. This is for people who trust whoever forms the sum, and said so to their device;
see decision record 11.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import DELTA, Estimate, Mask, Payloads, State, Values
from choral.mechanisms.vectors import (
    MICRO_NORM,
    Floats,
    checked_sizes,
    checked_vectors,
    clip_micro,
    clipped,
    norm_bound,
    on_grid,
    rounded,
)
from choral.numerics import Entropy
from choral.numerics.discrete_gaussian import MOST_SIGMA, DiscreteGaussian
from choral.privacy import Guarantee
from choral.privacy.zcdp import zcdp_budget, zcdp_epsilon, zcdp_rho

LEAST_SIGMA = 4  # on the grid: then sums of discrete Gaussians are discrete Gaussians but for 1e-68
MOST_RADIUS = 2**24
FINENESS = 1000  # radius over what rounding can move a vector, where sigma allows it
ROOM = 20  # the least of that ratio


@dataclass(frozen=True, slots=True)
class GaussianVector:
    """Report the clipped vector on an integer grid, rounded by chance, plus a discrete Gaussian in each coordinate.

    dimension: of a vector, 1 to 2**16; clip_micro: L2 norm to which a vector is shortened, in millionths
    radius: L2 norm, in steps of the grid, that no rounded vector exceeds; sigma: of the noise, in steps, 4 to 2**16
    Source: Kairouz, Liu and Steinke (ICML 2021), "distributed discrete Gaussian"; here the clip norm leaves room for
    rounding, so that no rounding is ever drawn again.
    """

    NAME: ClassVar[str] = "gaussian-vector/1"
    dimension: int
    clip_micro: int
    radius: int
    sigma: int

    def __post_init__(self) -> None:
        checked_sizes(self.dimension, self.clip_micro)
        if not norm_bound(self.dimension) < self.radius <= MOST_RADIUS:
            raise ValueError(f"need sqrt(dimension) < radius <= 2**24, got {self.radius=}, {self.dimension=}")
        if not LEAST_SIGMA <= self.sigma <= MOST_SIGMA:
            raise ValueError(f"need {LEAST_SIGMA} <= sigma <= 2**16, got {self.sigma=}")

    @classmethod
    def for_sum(cls, epsilon: float, dimension: int, *, clip_norm: float, minimum: int) -> Self:
        """The least noise with which a sum of `minimum` reports is (epsilon, DELTA)-private for one of them."""
        if not 2**-10 < epsilon < 100 or minimum < 1:
            raise ValueError(f"need 2**-10 < epsilon < 100 and minimum >= 1, got {epsilon=}, {minimum=}")
        rho = zcdp_budget(epsilon * (1 - 2**-20), DELTA * (1 - 2**-20))
        noise = math.sqrt(2 / (rho * minimum))  # sigma over radius
        room = norm_bound(dimension)
        radius = min(
            max(FINENESS * room, math.ceil(4 * LEAST_SIGMA / noise)), math.floor((MOST_SIGMA - 1) / noise), MOST_RADIUS
        )
        if radius < ROOM * room or radius * noise < LEAST_SIGMA / 2:
            raise ValueError(f"no grid fits {epsilon=}, {minimum=}, {dimension=}; ask for a larger minimum or fewer numbers")
        return cls(dimension, clip_micro(clip_norm), radius, max(LEAST_SIGMA, math.ceil(radius * noise * (1 + 2**-20))))

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
        """The L2 norm to which a vector is shortened."""
        return self.clip_micro / MICRO_NORM

    @property
    def noise(self) -> DiscreteGaussian:
        """What is added to each coordinate."""
        return DiscreteGaussian(self.sigma)

    @property
    def epsilon(self) -> float:
        """Local epsilon of one report at delta 1e-6; infinite where a report hides nothing."""
        return self._epsilon(zcdp_rho(2 * self.radius, self.sigma), 1)

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """Local, with its delta; then of a sum over `minimum` reports, of which one device holds `reports_per_device`."""
        one = "one report" if reports_per_device == 1 else f"one device with up to {reports_per_device} reports in the batch"
        distance = 2 * self.radius * reports_per_device
        rho = zcdp_rho(distance, self.sigma, shares=max(1, minimum), dimension=self.dimension)
        assumption = f"nobody sees less than a sum of {max(1, minimum)} reports, and those who sent them added their noise"
        return (
            Guarantee(self.epsilon, DELTA, "one report", "any two values", "nobody"),
            Guarantee(self._epsilon(rho, max(1, minimum)), DELTA, one, "any two values", "sum", assumption),
        )

    def randomize(self, values: Values, entropy: Entropy) -> Payloads:
        """Payloads[n] from floats [n, dimension]; refuses NaN, infinity and other shapes; draws three words a number."""
        vectors = checked_vectors(values, self.dimension)
        exact = on_grid(vectors, self.clip_norm, self.radius - norm_bound(self.dimension))
        payloads = np.empty(len(vectors), self.payload)
        steps = rounded(exact, entropy.words(len(vectors), self.dimension))
        payloads["steps"] = steps + self.noise.draw(len(vectors), self.dimension, entropy)
        return payloads

    def legal(self, payloads: Payloads) -> Mask:
        """No coordinate beyond the radius and the largest noise."""
        steps = payloads["steps"].astype(np.int64)
        return np.asarray((np.abs(steps) <= self.radius + self.noise.largest).all(axis=1), np.bool_)

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """The integers added."""
        state += payloads["steps"].sum(axis=0, dtype=np.int64)
        return state

    def estimate(self, state: State, n: int) -> Estimate:
        """Unbiased sum of the clipped vectors, float64[dimension]; the variance of rounding is bounded by its most."""
        return Estimate(state * self._step, self._variance(0.25 * n, n), n)

    def clip(self, values: Values) -> Floats:
        """The vectors shortened to the clip norm, whose sum is estimated: float64[n, dimension]."""
        return clipped(checked_vectors(values, self.dimension), self.clip_norm)

    def variance(self, values: Values) -> Floats:
        """Theoretical variance of each coordinate of the estimate for these values, float64[dimension]."""
        exact = self.clip(values) / self._step
        part = exact - np.floor(exact)
        return self._variance((part * (1 - part)).sum(axis=0), len(exact))

    @property
    def _step(self) -> float:
        return self.clip_norm / (self.radius - norm_bound(self.dimension))

    def _variance(self, rounding: float | NDArray[np.float64], n: int) -> Floats:
        return self._step**2 * (np.zeros(self.dimension) + rounding + n * float(self.sigma) ** 2)

    def _epsilon(self, rho: float, shares: int) -> float:
        """At DELTA, of which the table's distance from a true Gaussian takes its part; infinite if it takes it all."""
        distance = shares * self.dimension * self.noise.distance
        epsilon = zcdp_epsilon(rho, DELTA * (1 - 2**-20))
        if epsilon > 700 or (1 + math.exp(epsilon)) * distance > DELTA * 2**-20:
            return math.inf
        return epsilon
