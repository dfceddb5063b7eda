"""Compiled decoding of listed keys under many hash functions. Needs numba (the `server` extra).

Knows counts and hash functions. Leaves to the mechanism what a key is; tests hold it beside its slow, obvious twin.
"""

import numpy as np
from numpy.typing import NDArray

from choral.numerics.kernels import compiled

CHUNK = 2**12  # keys decoded at a time: their sums stay in the first cache


def bucket_sums(state: NDArray[np.int64], pairs: NDArray[np.uint64], shift: int, keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each key the sum over rows of state[row, (a * key + b) >> shift], int64[n]; see `kernels.sum_buckets`."""
    sums = np.zeros(len(keys), np.int64)
    _add_buckets(state, pairs, np.uint64(shift), keys.astype(np.uint64), sums)
    return sums


@compiled
def _add_buckets(state, pairs, shift, keys, sums):  # type: ignore[no-untyped-def]
    for first in range(0, len(keys), CHUNK):
        for row in range(len(state)):
            line = state[row]
            for i in range(first, min(first + CHUNK, len(keys))):
                sums[i] += line[(pairs[row, 0] * keys[i] + pairs[row, 1]) >> shift]
