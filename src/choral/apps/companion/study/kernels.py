"""Compiled loops of clustering.py: distances between packed fragments on the fly, and swaps of medoids. Needs numba."""

import numpy as np
from numpy.typing import NDArray

from choral.numerics.kernels import compiled

ONES, SEVENS, SEVEN, TOP = np.uint64(0x0101010101010101), np.uint64(0x7F7F7F7F7F7F7F7F), np.uint64(7), np.uint64(56)
Codes = NDArray[np.uint64]


def nearest(codes: Codes, centres: Codes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each row the nearest centre, the first of several, and how many differences lie between; int64[n] each."""
    place, far = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
    _nearest(np.ascontiguousarray(codes), np.ascontiguousarray(centres), place, far)
    return place, far


def spread(codes: Codes, weights: NDArray[np.int64], draws: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows far from each other to begin with, int64[len(draws)]: each with chance in proportion to weight times distance."""
    medoids = np.empty(len(draws), np.int64)
    _spread(np.ascontiguousarray(codes), weights, draws, medoids)
    return medoids


def swapped(codes: Codes, weights: NDArray[np.int64], medoids: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """The medoids after every swap that brings the weighted sum of distances down, at most `most` of them."""
    found = medoids.copy()
    _swap(np.ascontiguousarray(codes), weights, found, most)
    return found


@compiled
def _apart(one, other):  # type: ignore[no-untyped-def]
    total = np.int64(0)
    for word in range(one.shape[0]):
        bits = one[word] ^ other[word]
        marks = ((((bits & SEVENS) + SEVENS) | bits) >> SEVEN) & ONES
        total += np.int64((marks * ONES) >> TOP)
    return total


@compiled
def _nearest(codes, centres, place, far):  # type: ignore[no-untyped-def]
    for row in range(codes.shape[0]):
        best, where = np.int64(1 << 60), 0
        for centre in range(centres.shape[0]):
            apart = _apart(codes[row], centres[centre])
            if apart < best:
                best, where = apart, centre
        place[row], far[row] = where, best


@compiled
def _spread(codes, weights, draws, medoids):  # type: ignore[no-untyped-def]
    n = codes.shape[0]
    near = np.ones(n, np.int64)
    for step in range(draws.shape[0]):
        total = 0.0
        for row in range(n):
            total += weights[row] * near[row]
        target, chosen = draws[step] * total, 0
        for row in range(n):
            target -= weights[row] * near[row]
            chosen = row
            if target < 0:
                break
        medoids[step] = chosen
        for row in range(n):
            apart = _apart(codes[row], codes[chosen])
            if step == 0 or apart < near[row]:
                near[row] = apart


@compiled
def _two_nearest(codes, medoids, row, which, near, second):  # type: ignore[no-untyped-def]
    best, other, where = np.int64(1 << 60), np.int64(1 << 60), 0
    for number in range(medoids.shape[0]):
        apart = _apart(codes[row], codes[medoids[number]])
        if apart < best:
            other, best, where = best, apart, number
        elif apart < other:
            other = apart
    which[row], near[row], second[row] = where, best, other


@compiled
def _losses(weights, which, near, second, loss):  # type: ignore[no-untyped-def]
    """What the sum grows by if a medoid goes away."""
    loss[:] = 0
    for row in range(near.shape[0]):
        loss[which[row]] += weights[row] * (second[row] - near[row])


@compiled
def _gain(codes, weights, candidate, state, change):  # type: ignore[no-untyped-def]
    """What a candidate saves by itself; what its coming changes in each medoid's going is added to `change`."""
    which, near, second = state
    saved = np.int64(0)
    for row in range(codes.shape[0]):
        apart = _apart(codes[row], codes[candidate])
        if apart < near[row]:
            saved += weights[row] * (apart - near[row])
            change[which[row]] += weights[row] * (near[row] - second[row])
        elif apart < second[row]:
            change[which[row]] += weights[row] * (apart - second[row])
    return saved


@compiled
def _replace(codes, medoids, gone, candidate, state):  # type: ignore[no-untyped-def]
    which, near, second = state
    medoids[gone] = candidate
    for row in range(codes.shape[0]):
        apart = _apart(codes[row], codes[candidate])
        if which[row] == gone:
            if apart <= near[row]:
                near[row] = apart
            else:
                _two_nearest(codes, medoids, row, which, near, second)
        elif apart < near[row]:
            which[row], second[row], near[row] = gone, near[row], apart
        else:
            _two_nearest_if(codes, medoids, row, apart, state)


@compiled
def _two_nearest_if(codes, medoids, row, apart, state):  # type: ignore[no-untyped-def]
    """The second may have been the one that went: look again unless the candidate is as near."""
    which, near, second = state
    if apart <= second[row]:
        second[row] = apart
    else:
        _two_nearest(codes, medoids, row, which, near, second)


@compiled
def _swap(codes, weights, medoids, most):  # type: ignore[no-untyped-def]
    n, k = codes.shape[0], medoids.shape[0]
    which, near, second = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    for row in range(n):
        _two_nearest(codes, medoids, row, which, near, second)
    state = (which, near, second)
    loss, change = np.empty(k, np.int64), np.empty(k, np.int64)
    _losses(weights, which, near, second, loss)
    idle, done, candidate = 0, 0, 0
    while idle < n and done < most:
        change[:] = loss
        saved = _gain(codes, weights, candidate, state, change)
        gone = int(np.argmin(change))
        if saved + change[gone] < 0:
            _replace(codes, medoids, gone, candidate, state)
            _losses(weights, which, near, second, loss)
            idle, done = 0, done + 1
        idle, candidate = idle + 1, (candidate + 1) % n
