"""The compiled twin of the closed form's loop, for cohorts. Needs numba (the `server` extra)."""

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.vectors import FINE, GRID, norm_bound
from choral.numerics.kernels import compiled


def named_directions(
    vectors: NDArray[np.float64],
    words: NDArray[np.uint64],
    along: NDArray[np.float64],
    levels: NDArray[np.int16],
    *,
    clip_norm: float,
    spread: float,
    factor: float,
) -> NDArray[np.float64]:
    """What each report estimates, float64[n, d]: `lifted`, the Gaussians and their shift in one pass over each row.

    words: uint64[n, ceil((d + 1) / 4)], four levels each; along: scores of the named directions, float64[n]
    """
    out = np.empty_like(vectors)
    slack = norm_bound(vectors.shape[1]) / 2
    draws = np.ascontiguousarray(words).astype("<u8", copy=False).view("<u2")
    _named(vectors, draws, along, levels, np.array([clip_norm, spread, factor, slack, FINE, GRID]), out)
    return out


@compiled
def _named(vectors, draws, along, levels, sizes, out):  # type: ignore[no-untyped-def]
    """Sums are of integers, exact in any order, so that they can be formed many at a time."""
    clip_norm, spread, factor, slack, fine, grid = sizes
    rows, dimension = vectors.shape
    point, drawn = np.empty(dimension + 1, np.int64), np.empty(dimension + 1, np.int64)
    for row in range(rows):
        _lift(vectors[row], point, clip_norm, slack, fine, grid)
        for i in range(dimension + 1):
            drawn[i] = levels[draws[row, i]]
        squares, inner = np.int64(0), np.int64(0)
        for i in range(dimension + 1):
            squares += point[i] * point[i]
            inner += drawn[i] * point[i]
        length = np.sqrt(np.float64(squares))
        shift = (along[row] - inner / (spread * length)) / length
        for i in range(dimension):
            out[row, i] = (drawn[i] / spread + shift * point[i]) * factor


@compiled
def _lift(vector, point, clip_norm, slack, fine, grid):  # type: ignore[no-untyped-def]
    """The row's integer point on the sphere of radius `grid`, as vectors.lifted gives it."""
    dimension = len(vector)
    largest = 0.0
    for i in range(dimension):
        largest = max(largest, abs(vector[i]))
    scale = largest if largest > 0.0 else 1.0
    steps = np.int64(0)
    for i in range(dimension):
        step = np.int64(np.rint(vector[i] / scale * fine))
        steps += step * step
    length = (np.sqrt(np.float64(steps)) + slack) / fine
    share = min(largest / clip_norm, 1 / max(length, 1.0)) * grid
    squares = np.int64(0)
    for i in range(dimension):
        point[i] = np.int64(np.rint(vector[i] / scale * share))
        squares += point[i] * point[i]
    missing = max(np.int64(grid * grid) - squares, np.int64(0))
    point[dimension] = np.int64(np.rint(np.sqrt(np.float64(missing))))
