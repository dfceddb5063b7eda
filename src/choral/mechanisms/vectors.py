"""What mechanisms for vectors share: the interface, the check of what comes in, and points of the unit sphere on a grid.

Knows float vectors and integer points. Leaves randomness to others.
"""

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import Mechanism, Values
from choral.numerics import UNIT

MICRO_NORM = 1_000_000  # norms travel as integers, in millionths
MOST_DIMENSION = 2**16
MOST_CLIP_MICRO = 2**50
GRID = 2**24  # the radius of the sphere whose integer points stand for updates
FINE = 2**23  # steps of the grid on which a vector's length is measured, relative to its largest coordinate
Floats = NDArray[np.float64]


class VectorMechanism(Mechanism, Protocol):
    """A mechanism whose values are float64[n, dimension], clipped, and whose estimate is their sum."""

    @property
    def dimension(self) -> int:
        """Coordinates of a value."""
        ...

    @property
    def clip_norm(self) -> float:
        """The norm to which a longer value is shortened; L2 unless the mechanism says otherwise."""
        ...

    def clip(self, values: Values) -> Floats:
        """The values as they are shortened, whose sum is estimated: float64[n, dimension]."""
        ...

    def variance(self, values: Values) -> Floats:
        """Theoretical variance of each coordinate of the estimate for these values, float64[dimension]."""
        ...


def checked_sizes(dimension: int, clip_micro: int) -> None:
    """ValueError unless a mechanism can have this dimension and this clip norm."""
    if not 1 <= dimension <= MOST_DIMENSION or not 1 <= clip_micro <= MOST_CLIP_MICRO:
        raise ValueError(f"need 1 <= dimension <= 2**16 and 1 <= clip_micro <= 2**50, got {dimension=}, {clip_micro=}")


def clip_micro(clip_norm: float) -> int:
    """A clip norm in millionths, as a Task carries it."""
    if not 1 <= clip_norm * MICRO_NORM <= MOST_CLIP_MICRO:
        raise ValueError(f"need 1e-6 <= clip_norm <= 2**50 / 1e6, got {clip_norm=}")
    return round(clip_norm * MICRO_NORM)


def checked_vectors(values: Values, dimension: int) -> Floats:
    """The vectors as float64[n, dimension]; ValueError, without the values, for another shape, type, or NaN or infinity."""
    vectors = np.asarray(values)
    if vectors.ndim != 2 or vectors.shape[1] != dimension or vectors.dtype.kind != "f":
        raise ValueError(f"vectors are floats of shape [n, {dimension}], got {vectors.dtype} of shape {vectors.shape}")
    wide: Floats = np.ascontiguousarray(vectors, np.float64)
    if not np.isfinite(wide).all():
        raise ValueError("a vector has a coordinate that is NaN or infinite; train with smaller steps, or skip this round")
    return wide


def on_grid(vectors: Floats, clip_norm: float, radius: float) -> Floats:
    """Vectors clipped to `clip_norm` and scaled so that the clip norm becomes `radius`; not yet rounded.

    Lengths are measured in integers, so that a row's result depends on that row alone, to the last bit; what measuring
    rounds off is added, so that no result is longer than `radius`, but for the rounding of floats.
    """
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    shape = np.divide(vectors, largest, out=np.zeros_like(vectors), where=largest > 0)
    steps = np.rint(shape * FINE).astype(np.int64)
    length = (np.sqrt((steps * steps).sum(axis=1, keepdims=True).astype(np.float64)) + norm_bound(steps.shape[1]) / 2) / FINE
    with np.errstate(over="ignore", under="ignore"):
        share = np.minimum(largest / clip_norm, 1 / np.maximum(length, 1.0))
        clipped: Floats = shape * (share * radius)
    return clipped


def lifted(vectors: Floats, clip_norm: float) -> NDArray[np.int64]:
    """Points int64[n, d + 1] of the sphere of radius `GRID`: the clipped vector over clip_norm, then what is missing to 1."""
    points = np.rint(on_grid(vectors, clip_norm, GRID)).astype(np.int64)
    missing = np.maximum(GRID * GRID - (points * points).sum(axis=1), 0)
    height = np.rint(np.sqrt(missing.astype(np.float64))).astype(np.int64)
    return np.concatenate([points, height[:, None]], axis=1)


def clipped(vectors: Floats, clip_norm: float) -> Floats:
    """The vectors shortened to `clip_norm` where they are longer: whose sum is estimated."""
    return on_grid(vectors, clip_norm, clip_norm)


def rounded(vectors: Floats, words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Integer neighbours of each coordinate, drawn so that their mean is the coordinate; one word each."""
    floor = np.floor(vectors)
    up = (words >> np.uint64(11)).astype(np.float64) < (vectors - floor) * (UNIT >> 11)
    return (floor + up).astype(np.int64)


def norm_bound(dimension: int) -> int:
    """How far rounding each coordinate to a neighbour can move a vector: below this, with a step to spare."""
    return math.isqrt(dimension - 1) + 2
