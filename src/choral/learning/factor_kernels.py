"""The compiled twin of FactorSteps.sums: training, clipping, rounding and summing in one pass. Needs numba (`server`)."""

import numpy as np
from numpy.typing import NDArray

from choral.numerics.kernels import compiled

Rows = tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]


def sums(
    factors: NDArray[np.float64],
    people: NDArray[np.float64],
    rows: Rows,
    chosen: NDArray[np.int64],
    total: NDArray[np.int64],
    *,
    steps: tuple[int, float, float, float],
) -> None:
    """Adds the rounded updates of the chosen people to `total`, and writes their new factors into `people`.

    rows: item, value and count of Ratings; steps: batch, rate and clip_norm of FactorSteps, and the longest update allowed
    """
    _sums(factors, people, *rows, chosen, total, steps)


@compiled
def _sums(factors, people, item, value, count, chosen, total, steps):  # type: ignore[no-untyped-def]
    batch, rate, clip_norm, most = steps
    width = factors.shape[1]
    update, pull, move = np.empty((item.shape[1], width)), np.empty(batch), np.empty(width)
    for number in chosen:
        person, length = people[number], count[number]
        squares = _trained(factors, person, item[number], value[number], update[:length], pull, move, batch, rate)
        scale = most / max(np.sqrt(squares), clip_norm)
        for i in range(length):
            row = total[item[number, i]]
            for j in range(width):
                row[j] += np.int64(np.rint(update[i, j] * scale))


@compiled
def _trained(factors, person, item, value, update, pull, move, batch, rate):  # type: ignore[no-untyped-def]
    """Trains one person in place; the squared norm of the update."""
    width, length, squares = len(person), len(update), 0.0
    for start in range(0, length, batch):
        end = min(start + batch, length)
        step = rate / (end - start)
        own = 0.0
        for j in range(width):
            own += person[j] * person[j]
            move[j] = 0.0
        for i in range(start, end):
            row = factors[item[i]]
            inner = 0.0
            for j in range(width):
                inner += row[j] * person[j]
            pull[i - start] = (value[i] - inner) * step
            for j in range(width):
                update[i, j] = pull[i - start] * person[j]
                move[j] += pull[i - start] * row[j]
            squares += pull[i - start] * pull[i - start] * own
        for j in range(width):
            person[j] += move[j]
    return squares
