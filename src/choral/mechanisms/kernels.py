"""Compiled twins of the mechanisms' counting and decoding loops. Needs numba (the `server` extra).

Knows arrays of integers. Leaves to each mechanism what they mean; tests hold each beside its slow, obvious twin.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from choral.mechanisms.bit_kernels import count_bits
from choral.numerics.kernels import compiled, transform_line

__all__ = ["add_intervals", "count_bits", "count_points", "extend_normals", "scatter_signs", "sum_buckets", "sum_transformed"]


def sum_buckets(state: NDArray[np.int64], pairs: NDArray[np.uint64], shift: int, domain: int) -> NDArray[np.int64]:
    """For each key below `domain` the sum over rows of state[row, (a * key + b) >> shift], int64[domain]."""
    sums = np.zeros(domain, np.int64)
    _sum_buckets(state, pairs, np.uint64(shift), sums)
    return sums


def sum_transformed(state: NDArray[np.int64], pairs: NDArray[np.uint64], shift: int, domain: int) -> NDArray[np.int64]:
    """As `sum_buckets`, over the Walsh-Hadamard transform of each row; holds one row at a time."""
    sums = np.zeros(domain, np.int64)
    _sum_transformed(state, pairs, np.uint64(shift), sums)
    return sums


@compiled
def _sum_buckets(state, pairs, shift, sums):  # type: ignore[no-untyped-def]
    for row in range(len(state)):
        _add_row(state[row], pairs[row, 0], pairs[row, 1], shift, sums)


@compiled
def _sum_transformed(state, pairs, shift, sums):  # type: ignore[no-untyped-def]
    for row in range(len(state)):
        line = state[row].copy()
        transform_line(line)
        _add_row(line, pairs[row, 0], pairs[row, 1], shift, sums)


@njit
def _add_row(line, a, b, shift, sums):  # type: ignore[no-untyped-def]
    for key in range(len(sums)):
        sums[key] += line[b >> shift]
        b += a


def scatter_signs(words: NDArray[np.uint64], state: NDArray[np.int64]) -> None:
    """Adds +1 or -1 (bit 48 clear or set) to state[low 32 bits, next 16 bits] for each word; cells must exist."""
    if not _scatter_signs(words, state):
        raise ValueError(f"a report's cell lies outside {state.shape}; sum legal payloads only")


@compiled
def _scatter_signs(words, state):  # type: ignore[no-untyped-def]
    rows, width = np.uint64(state.shape[0]), np.uint64(state.shape[1])
    flat = state.reshape(-1)
    for word in words:
        row, column = word & np.uint64(0xFFFFFFFF), (word >> np.uint64(32)) & np.uint64(0xFFFF)
        if row >= rows or column >= width:
            return False
        flat[row * width + column] += np.int64(1) - np.int64((word >> np.uint64(47)) & np.uint64(2))
    return True


def count_points(points: NDArray[np.uint32], state: NDArray[np.int64]) -> None:
    """Adds the number of times that each point occurs; points must exist."""
    if not _count_points(points, state):
        raise ValueError(f"a point lies outside [0, {len(state)}); sum legal payloads only")


@compiled
def _count_points(points, state):  # type: ignore[no-untyped-def]
    """In parts of less than 2**32, into narrow counters that stay in the cache."""
    cells = np.uint32(len(state))
    counts = np.empty(len(state), np.uint32)
    for start in range(0, len(points), 2**31):
        counts[:] = 0
        for point in points[start : start + 2**31]:
            if point >= cells:
                return False
            counts[point] += np.uint32(1)
        for cell in range(len(state)):
            state[cell] += counts[cell]
    return True


@compiled
def extend_normals(old, product, difference, new):  # type: ignore[no-untyped-def]
    """new[p, z, 1 + y * S + s] = sum over x of old[p, x, z - x * y, s]; one coordinate of the hyperplane sums."""
    prefixes, order, _, suffixes = old.shape
    for prefix in range(prefixes):
        for y in range(order):
            for x in range(order):
                shift = difference[:, product[x, y]]
                for z in range(order):
                    source = old[prefix, x, shift[z]]
                    target = new[prefix, z, 1 + y * suffixes : 1 + (y + 1) * suffixes]
                    for s in range(suffixes):
                        target[s] += source[s]


@compiled
def add_intervals(reports, prime, state):  # type: ignore[no-untyped-def]
    """Adds to state[d] the reports (a, b, low, high) with low <= (a * d + b) mod prime < high."""
    for at in range(len(reports)):
        a, value, low, high = reports[at, 0], reports[at, 1], reports[at, 2], reports[at, 3]
        width = high - low
        for d in range(len(state)):
            state[d] += np.int64(value - low < width)
            value += a
            if value >= prime:
                value -= prime
