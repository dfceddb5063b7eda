"""The compiled twin of DiscreteLaplace.draw, for cohorts. Needs numba (the `server` extra)."""

import numpy as np
from numpy.typing import NDArray

from choral.numerics.kernels import compiled

GUIDE_BITS = 12


def sizes(words: NDArray[np.uint64], high: NDArray[np.uint64], low: NDArray[np.uint64], base: int) -> NDArray[np.int64]:
    """int64[n] from words uint64[n, 2] and the tables of `DiscreteLaplace`."""
    out = np.empty(len(words), np.int64)
    _sizes(np.ascontiguousarray(words), high, _guide(high), low, _guide(low), base, out)
    return out


def _guide(table: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each leading `GUIDE_BITS` bits the first cell in which a word that begins with them can lie."""
    starts = np.arange(1 << GUIDE_BITS, dtype=np.uint64) << np.uint64(64 - GUIDE_BITS)
    return np.searchsorted(table, starts, side="right").astype(np.int64)


@compiled
def _sizes(words, high, high_guide, low, low_guide, base, out):  # type: ignore[no-untyped-def]
    shift = np.uint64(64 - GUIDE_BITS)
    for i in range(len(out)):
        above = high_guide[words[i, 0] >> shift]
        while above < len(high) and high[above] <= words[i, 0]:
            above += 1
        last = low_guide[words[i, 1] >> shift]
        while last < len(low) and low[last] <= words[i, 1]:
            last += 1
        if last < base:
            out[i] = above * base + last
        else:
            out[i] = -1 - (above * base + last - base)
