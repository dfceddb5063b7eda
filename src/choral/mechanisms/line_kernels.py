"""Compiled decoding of a projective plane over a prime field: sums along lines. Needs numba (the `server` extra)."""

import numpy as np
from numpy.typing import NDArray

from choral.numerics.kernels import compiled


def line_sums(weights: NDArray[np.int64], slopes: int) -> NDArray[np.int64]:
    """int64[slopes, q]: entry (y, z) is the sum over x of weights[x, (z - x * y) mod q], from weights int64[q, q], q prime.

    Counts fit 32 bits where all of them together do; then twice as many are added at a time.
    """
    small = int(weights.sum()) < 2**31 and int(weights.min(initial=0)) >= 0
    kind = np.int32 if small else np.int64
    sums = np.zeros((slopes, len(weights)), kind)
    _add_lines(np.ascontiguousarray(weights, kind), sums)
    return sums.astype(np.int64)


@compiled
def _add_lines(weights, sums):  # type: ignore[no-untyped-def]
    """Row x, turned by x * y places: a window of the row written twice. Four rows are added at a time."""
    order = len(weights)
    twice = np.zeros((4, 2 * order), weights.dtype)
    for first in range(0, order, 4):
        twice[:] = 0
        for i in range(min(4, order - first)):
            twice[i, :order] = weights[first + i]
            twice[i, order:] = weights[first + i]
        for y in range(len(sums)):
            a = twice[0, order - first * y % order :]
            b = twice[1, order - (first + 1) * y % order :]
            c = twice[2, order - (first + 2) * y % order :]
            d = twice[3, order - (first + 3) * y % order :]
            line = sums[y]
            for z in range(order):
                line[z] += a[z] + b[z] + c[z] + d[z]
