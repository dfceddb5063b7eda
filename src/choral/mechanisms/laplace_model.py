"""A model that was given out, returned a little different and with noise: the report of draw and discard.

Knows a public centre and a private update around it. The noise and its price are those of `LaplaceVector`; the centre is
public, for whoever gave it out knows it, and nothing about it is hidden.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import Estimate, Mask, Payloads, State, Values
from choral.mechanisms.laplace_vector import LaplaceVector
from choral.mechanisms.vectors import Floats, checked_vectors, rounded
from choral.numerics import Entropy
from choral.privacy import Guarantee

MOST_CENTRE = 2**30  # steps of the grid in which a model's weights must lie


@dataclass(frozen=True, slots=True)
class LaplaceModel:
    """Report the public centre, on a grid, plus the clipped update, plus discrete Laplace noise in each weight.

    Fields as those of `LaplaceVector`. Values are float64[n, 2 dimension]: the centre, then the update. Guarantees compare
    any two updates around one centre: a device cannot choose its centre, and a server that chooses one learns no more.
    Source: Pihur et al. (2018, arXiv 1807.04369), "draw and discard".
    """

    NAME: ClassVar[str] = "laplace-model/1"
    dimension: int
    clip_micro: int
    radius: int
    reach: int
    scale: int

    def __post_init__(self) -> None:
        _ = self.update

    @classmethod
    def around(cls, update: LaplaceVector) -> Self:
        """The mechanism that adds to a centre what `update` makes of an update."""
        return cls(update.dimension, update.clip_micro, update.radius, update.reach, update.scale)

    @property
    def update(self) -> LaplaceVector:
        """What is done to the update."""
        return LaplaceVector(self.dimension, self.clip_micro, self.radius, self.reach, self.scale)

    @property
    def payload(self) -> np.dtype[np.void]:
        """The weights in steps of the grid, 32 bits each."""
        return self.update.payload

    @property
    def bits(self) -> int:
        """All weights."""
        return self.update.bits

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
        payloads["steps"] = centre + update.noisy(moved, entropy)
        return payloads

    def on_grid(self, centre: Floats) -> NDArray[np.int64]:
        """A centre rounded to the nearest steps; ValueError if it does not fit the grid."""
        with np.errstate(over="ignore"):
            steps = np.rint(centre / self.update.step)
        if not (np.abs(steps) <= MOST_CENTRE).all():
            raise ValueError("a model's weight lies beyond 2**30 steps of the task's grid; tell its operator")
        return np.asarray(steps, np.int64)

    def legal(self, payloads: Payloads) -> Mask:
        """No weight that no centre could have led to."""
        largest = MOST_CENTRE + self.update.limit
        return np.asarray((np.abs(payloads["steps"].astype(np.int64)) <= largest).all(axis=1), np.bool_)

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """The integers added."""
        return self.update.accumulate(state, payloads)

    def estimate(self, state: State, n: int) -> Estimate:
        """Unbiased sum of the models, float64[dimension]; of one report, the model itself."""
        return self.update.estimate(state, n)
