"""Compiled twins of the loops in directions.py, for cohorts and servers. Needs numba (the `server` extra)."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from choral.numerics.kernels import _fill, _key_words, compiled

HELD = 2**13  # words of keystream held at a time: 64 KiB, which a core's nearest memory holds


def scores(
    key: bytes, seeds: NDArray[np.uint64], points: NDArray[np.int64], count: int, levels: NDArray[np.int16]
) -> NDArray[np.int64]:
    """Inner products of point i with the first `count` directions of seed i, int64[n, count]."""
    out = np.empty((len(seeds), count), np.int64)
    _scores(_key_words(key), np.ascontiguousarray(seeds), np.ascontiguousarray(points), levels, out)
    return out


def add(
    key: bytes,
    seeds: NDArray[np.uint64],
    first: NDArray[np.int64],
    weights: NDArray[np.int64],
    levels: NDArray[np.int16],
    sums: NDArray[np.int64],
) -> None:
    """Adds the weighed directions first[i], first[i] + 1, ... of seed i to sums int64[dimension]."""
    _add(_key_words(key), np.ascontiguousarray(seeds), first, np.ascontiguousarray(weights), levels, sums)


@njit
def _words(dimension):  # type: ignore[no-untyped-def]
    """Words of keystream of one direction: whole blocks of eight."""
    return 8 * ((2 * dimension + 63) // 64)


@compiled
def _scores(key, seeds, points, levels, out):  # type: ignore[no-untyped-def]
    rows, count = out.shape
    dimension = points.shape[1]
    width = _words(dimension)
    step = max(1, HELD // width)
    words = np.empty((1, step * width), np.uint64)
    for row in range(rows):
        for first in range(0, count, step):
            held = min(step, count - first)
            _fill(key, seeds[row], first * width, words[:, : held * width])
            draws = words.view(np.uint16)
            for number in range(held):
                total = np.int64(0)
                start = number * width * 4
                for i in range(dimension):
                    total += np.int64(levels[draws[0, start + i]]) * points[row, i]
                out[row, first + number] = total


@compiled
def _add(key, seeds, first, weights, levels, sums):  # type: ignore[no-untyped-def]
    rows, count = weights.shape
    dimension = len(sums)
    width = _words(dimension)
    step = max(1, HELD // width)
    words = np.empty((1, step * width), np.uint64)
    for row in range(rows):
        for part in range(0, count, step):
            held = min(step, count - part)
            _fill(key, seeds[row], (first[row] + part) * width, words[:, : held * width])
            draws = words.view(np.uint16)
            for number in range(held):
                weight = weights[row, part + number]
                start = number * width * 4
                for i in range(dimension):
                    sums[i] += weight * np.int64(levels[draws[0, start + i]])
