"""The compiled twin of the discrete Gaussian's search, for sums of many numbers. Needs numba (the `server` extra)."""

import numpy as np
from numpy.typing import NDArray

from choral.numerics.kernels import compiled

GUIDE_BITS = 16  # of a draw, by which its place in the table is narrowed down: few draws are left to search for


def guide(upper: NDArray[np.uint64]) -> NDArray[np.int32]:
    """How many entries of the rising table lie below each multiple of 2**(63 - GUIDE_BITS), int32[2**GUIDE_BITS + 1]."""
    starts = np.arange(2**GUIDE_BITS + 1, dtype=np.uint64) << np.uint64(63 - GUIDE_BITS)
    return np.searchsorted(upper, starts, side="left").astype(np.int32)


def draws(
    words: NDArray[np.uint64], upper: NDArray[np.uint64], lower: NDArray[np.uint64], guide: NDArray[np.int32]
) -> NDArray[np.int64]:
    """How many entries of the table each draw uint64[n, 2] lies below, with the sign of its lowest bit, int64[n]."""
    out = np.empty(len(words), np.int64)
    _draws(words, upper, lower, guide, np.uint64(63 - GUIDE_BITS), out)
    return out


@compiled
def _draws(words, upper, lower, guide, shift, out):  # type: ignore[no-untyped-def]
    one, length = np.uint64(1), np.int64(len(upper))
    for i in range(len(words)):
        high = words[i, 0] >> one
        bucket = np.int64(high >> shift)
        first, last = np.int64(guide[bucket]), np.int64(guide[bucket + 1])
        if first < last:
            low = (words[i, 0] << np.uint64(63)) | (words[i, 1] >> one)
            while first < last:
                middle = (first + last) // 2
                if upper[middle] < high or (upper[middle] == high and lower[middle] <= low):
                    first = middle + 1
                else:
                    last = middle
        out[i] = (length - first) * (np.int64(1) - np.int64(2) * np.int64(words[i, 1] & one))
