"""A model that was given out, returned a little different and with noise: the report of draw and discard.

Knows a public centre and a private update around it. The noise and its price are those of `LaplaceVector`; the centre is
public, for whoever gave it out knows it, and nothing about it is hidden.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import Estimate, Mask, Payloads, State, Values
from choral.mechanisms.laplace_vector import LaplaceVector
from choral.mechanisms.vectors import Floats, checked_vectors, rounded
from choral.numerics import Entropy
from choral.privacy import Guarantee

BYTES = 3  # a weight: so that a report of 53 is one of 256 bytes
MOST_STEPS = 2 ** (8 * BYTES - 1) - 1  # of the grid, on either side of zero
WEIGHT = 15.0  # a model's largest, unless a task expects larger ones


@dataclass(frozen=True, slots=True)
class LaplaceModel:
    """Report the public centre, on a grid, plus the clipped update, plus discrete Laplace noise in each weight.

    Fields as those of `LaplaceVector`. Values are float64[n, 2 dimension]: the centre, then the update. Guarantees compare
    any two updates around one centre: a device cannot choose its centre, and a server that chooses one learns no more.
    A weight is cut where the grid ends, which only a centre beyond `largest` comes to, and which costs no privacy.
    Source: Pihur et al. (2018, arXiv 1807.04369), "draw and discard".
    """

    NAME: ClassVar[str] = "laplace-model/2"
    dimension: int
    clip_micro: int
    radius: int
    reach: int
    scale: int

    def __post_init__(self) -> None:
        if self.update.limit >= MOST_STEPS:
            raise ValueError(f"noise of scale {self.scale} fills a grid of 2**24 steps; ask for a larger epsilon")

    @classmethod
    def around(cls, update: LaplaceVector) -> Self:
        """The mechanism that adds to a centre what `update` makes of an update."""
        return cls(update.dimension, update.clip_micro, update.radius, update.reach, update.scale)

    @classmethod
    def for_epsilon(cls, epsilon: float, dimension: int, *, clip_norm: float, weight: float = WEIGHT) -> Self:
        """The least noise that is epsilon-private for any two updates, on the finest grid on which `weight` is never cut.

        >>> LaplaceModel.for_epsilon(4.0, 53, clip_norm=0.04).payload.itemsize
        159
        """
        return cls._wide(LaplaceVector.grids(epsilon, dimension, clip_norm=clip_norm), weight)

    @classmethod
    def for_one_coordinate(cls, epsilon: float, dimension: int, *, most: float, weight: float = WEIGHT) -> Self:
        """The same with the noise of Pihur et al., see `LaplaceVector`."""
        return cls._wide(LaplaceVector.grids_of_one(epsilon, dimension, most=most), weight)

    @classmethod
    def _wide(cls, updates: Iterator[LaplaceVector], weight: float) -> Self:
        """Around the first whose noise leaves room for a centre with such weights; ValueError if none does."""
        for update in updates:
            if (MOST_STEPS - update.limit) * update.step >= weight:
                return cls.around(update)
        raise ValueError(
            f"no grid of 2**24 steps holds weights of {weight:g} with this noise and steps of these updates; "
            "ask for a larger epsilon, longer updates, fewer numbers or smaller weights"
        )

    @property
    def update(self) -> LaplaceVector:
        """What is done to the update."""
        return LaplaceVector(self.dimension, self.clip_micro, self.radius, self.reach, self.scale)

    @property
    def largest(self) -> float:
        """A centre with no weight beyond this is never cut, whatever the noise."""
        return float((MOST_STEPS - self.update.limit) * self.update.step)

    @property
    def payload(self) -> np.dtype[np.void]:
        """The weights in steps of the grid, signed, 24 bits each, the lowest byte first."""
        return np.dtype([("steps", "u1", (self.dimension, BYTES))])

    @property
    def bits(self) -> int:
        """All weights."""
        return 8 * self.payload.itemsize

    @property
    def cells(self) -> tuple[int, ...]:
        """Sums of the weights."""
        return (self.dimension,)

    @property
    def epsilon(self) -> float:
        """For any two updates."""
        return self.update.epsilon

    @property
    def noise(self) -> float:
        """Standard deviation of what is added to each weight."""
        return float(self.update.step * (self.update.noise.variance + 0.25) ** 0.5)

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """Those of the update."""
        return self.update.guarantees(minimum, reports_per_device)

    def randomize(self, values: Values, entropy: Entropy) -> Payloads:
        """Payloads[n] from floats [n, 2 dimension]; refuses NaN, infinity, other shapes and a centre off the grid."""
        vectors, update = checked_vectors(values, 2 * self.dimension), self.update
        centre = self.on_grid(vectors[:, : self.dimension])
        moved = rounded(update.on_grid(vectors[:, self.dimension :]), entropy.words(len(vectors), self.dimension))
        payloads = np.empty(len(vectors), self.payload)
        payloads["steps"] = packed(np.clip(centre + update.noisy(moved, entropy), -MOST_STEPS, MOST_STEPS))
        return payloads

    def on_grid(self, centre: Floats) -> NDArray[np.int64]:
        """A centre rounded to the nearest steps; ValueError if it does not fit the grid.

        What came off the grid and travelled as float32 finds its step again: it is off by less than half of one.
        """
        with np.errstate(over="ignore"):
            steps = np.rint(centre / self.update.step)
        if not (np.abs(steps) <= MOST_STEPS).all():
            raise ValueError("a model's weight lies beyond the task's grid of 2**24 steps; tell its operator")
        return np.asarray(steps, np.int64)

    def legal(self, payloads: Payloads) -> Mask:
        """No weight beyond the grid's ends."""
        return np.asarray((unpacked(payloads["steps"]) >= -MOST_STEPS).all(axis=1), np.bool_)

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """The integers added."""
        state += unpacked(payloads["steps"]).sum(axis=0, dtype=np.int64)
        return state

    def estimate(self, state: State, n: int) -> Estimate:
        """Unbiased sum of the models, float64[dimension]; of one report, the model itself."""
        return self.update.estimate(state, n)


def packed(steps: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Integers int64[n, dimension] of 24 bits as bytes uint8[n, dimension, 3], two's complement, the lowest first."""
    return steps.astype("<i4").reshape(*steps.shape, 1).view(np.uint8)[..., :BYTES]


def unpacked(steps: NDArray[np.uint8]) -> NDArray[np.int32]:
    """The integers int32[n, dimension] that such bytes stand for."""
    high = np.zeros((*steps.shape[:-1], 4), np.uint8)
    high[..., 1:] = steps
    return high.view("<i4")[..., 0] >> 8
