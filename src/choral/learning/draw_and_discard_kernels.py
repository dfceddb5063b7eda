"""Compiled twins of draw and discard's loops, for simulations of many updates. Needs numba (the `server` extra).

What one update does depends on those before it, so a cohort cannot be folded at once. Bare loops over arrays that the
caller filled: draws, discards, noise. Tests hold them against the ordinary code.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from choral.numerics.kernels import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Turns:
    """What happens in n updates but for the model: which instance is drawn and which discarded, and the noise.

    draw, discard: int64[n]; noise: float64[n, size], in units of the weights; what rounding adds is left out
    """

    draw: Integers
    discard: Integers
    noise: Floats


def walk(instances: Floats, turns: Turns, *, drift: float = 0.0, late: int = 0) -> tuple[Floats, Floats]:
    """Updates that add `drift` and noise and nothing else; float64[n] each: spread and mean over weights, after each update.

    instances: float64[k, size], changed in place; late: how many updates pass between a draw and its return
    """
    spreads, means = np.empty(len(turns.draw)), np.empty(len(turns.draw))
    _walk(instances, turns.draw, turns.discard, turns.noise, drift, late, spreads, means)
    return spreads, means


def takeovers(draw: Integers, discard: Integers, instances: int) -> Integers:
    """For each row of draws int64[runs, n]: updates until one marked instance of `instances` has all or none descend from it.

    Positive where all do, negative where none does, 0 where neither came to pass.
    """
    ended = np.zeros(len(draw), np.int64)
    _takeovers(draw, discard, instances, ended)
    return ended


@dataclass(frozen=True, slots=True, eq=False)
class Holders:
    """Rows for logistic regression, who holds them, and who is hostile.

    inputs: float64[m, size] with a last column of ones; labels: float64[m]; rows: int64[n, records], those of each device
    hostile: bool[n], devices that return what they drew plus `push` float64[size], without noise
    """

    inputs: Floats
    labels: Floats
    rows: Integers
    hostile: NDArray[np.bool_]
    push: Floats


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a device steps. clip: L1 norm of a row's gradient; longest: of their mean; most: size of the step in one weight,
    at which the mechanism cuts it
    """

    rate: float
    clip: float
    longest: float
    most: float


def logistic_updates(instances: Floats, turns: Turns, holders: Holders, limits: Limits) -> None:
    """One device's step after another; instances float64[k, size] change in place."""
    one, other = (turns.draw, turns.discard, turns.noise), (holders.inputs, holders.labels, holders.rows)
    step = (limits.rate, limits.clip, limits.longest, limits.most)
    _logistic(instances, *one, *other, holders.hostile, holders.push, *step)


@compiled
def _walk(instances, draw, discard, noise, drift, late, spreads, means):  # type: ignore[no-untyped-def]
    count, size = instances.shape
    waiting = np.empty((late + 1, size))
    total, squares = np.zeros(size), np.zeros(size)
    for weight in range(size):
        for one in range(count):
            total[weight] += instances[one, weight]
            squares[weight] += instances[one, weight] ** 2
    for turn in range(len(draw)):
        slot = turn % (late + 1)
        for weight in range(size):
            waiting[slot, weight] = instances[draw[turn], weight] + drift + noise[turn, weight]
        spread, mean = 0.0, 0.0
        for weight in range(size):
            if turn >= late:
                new, old = waiting[(turn - late) % (late + 1), weight], instances[discard[turn], weight]
                instances[discard[turn], weight] = new
                total[weight] += new - old
                squares[weight] += new**2 - old**2
            mean += total[weight] / count
            if count > 1:
                spread += (squares[weight] - total[weight] ** 2 / count) / (count - 1)
        spreads[turn], means[turn] = spread / size, mean / size


@compiled
def _takeovers(draw, discard, instances, ended):  # type: ignore[no-untyped-def]
    for run in range(len(draw)):
        marked = np.zeros(instances, np.bool_)
        marked[0] = True
        number = 1
        for turn in range(draw.shape[1]):
            is_marked = marked[draw[run, turn]]
            number += int(is_marked) - int(marked[discard[run, turn]])
            marked[discard[run, turn]] = is_marked
            if number in (0, instances):
                ended[run] = turn + 1 if number else -(turn + 1)
                break


@njit
def _clipped_step(params, inputs, labels, rows, clip, longest, gradient, step):  # type: ignore[no-untyped-def]
    """The mean of the rows' gradients, each shortened to an L1 norm of `clip`, then the mean to `longest`."""
    size = len(params)
    step[:] = 0.0
    for row in rows:
        total = 0.0
        for weight in range(size):
            total += inputs[row, weight] * params[weight]
        surplus = (1 + np.tanh(total / 2)) / 2 - labels[row]
        length = 0.0
        for weight in range(size):
            gradient[weight] = surplus * inputs[row, weight]
            length += abs(gradient[weight])
        share = min(1.0, clip / max(length, 1e-300)) / len(rows)
        for weight in range(size):
            step[weight] += share * gradient[weight]
    share = min(1.0, longest / max(np.abs(step).sum(), 1e-300))
    for weight in range(size):
        step[weight] *= share


@compiled
def _logistic(instances, draw, discard, noise, inputs, labels, rows, hostile, push, rate, clip, longest, most):  # type: ignore[no-untyped-def]
    size = instances.shape[1]
    gradient, step = np.empty(size), np.empty(size)
    for turn in range(len(draw)):
        drawn, discarded = instances[draw[turn]], instances[discard[turn]]
        if hostile[turn]:
            for weight in range(size):
                discarded[weight] = drawn[weight] + push[weight]
            continue
        _clipped_step(drawn, inputs, labels, rows[turn], clip, longest, gradient, step)
        for weight in range(size):
            moved = min(max(rate * step[weight], -most), most)
            discarded[weight] = drawn[weight] - moved + noise[turn, weight]
