"""How fast a core could train at best: the arithmetic of one local epoch alone, each model written out as one loop.

Not a way to train: no padding, no clipping, no noise, no other model, 32 bits, sums in any order. Needs numba.
"""

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from choral.cli.bench.federated_loads import BATCH, RATE, NoisySums, PrivateUpdates
from choral.learning.base import Arrays

Rows = NDArray[np.int64]


def arithmetic(load: PrivateUpdates | NoisySums) -> Callable[[Rows], None]:
    """A function that trains clients `rows` and forgets the result; runs on as many threads as call it."""
    if isinstance(load, NoisySums):
        return _factors(load)
    examples = {name: np.asarray(array) for name, array in load.examples.items()}
    counts = examples["weight"].sum(axis=1).astype(np.int64)
    start = load.state["params"].astype(np.float32)
    if load.algorithm.model == "logistic/1":
        return lambda rows: _logistic(examples["inputs"], examples["label"], counts, rows, start, BATCH, np.float32(RATE))
    return _perceptron_of(examples, counts, start)


def _perceptron_of(examples: Arrays, counts: Rows, start: NDArray[np.float32]) -> Callable[[Rows], None]:
    width, hidden = examples["inputs"].shape[2], (len(start) - 1) // (examples["inputs"].shape[2] + 2)
    weights = np.ascontiguousarray(start[: width * hidden].reshape(width, hidden).T)  # a unit's weights side by side
    biases, output = start[width * hidden : -1 - hidden].copy(), start[-1 - hidden : -1].copy()
    data = (examples["inputs"], examples["label"], counts)
    return lambda rows: _perceptron(data, rows, weights, biases, output, BATCH, np.float32(RATE))


def _factors(load: NoisySums) -> Callable[[Rows], None]:
    factors, people = load.factors.astype(np.float32), load.people.astype(np.float32)
    item, value, count = load.ratings.item, load.ratings.value.astype(np.float32), load.ratings.count
    return lambda rows: _factorization(item, value, count, rows, factors, people, BATCH, np.float32(RATE))


@njit(nogil=True, fastmath=True, cache=True)
def _logistic(inputs, label, counts, rows, start, batch, rate):  # type: ignore[no-untyped-def]
    width, half = inputs.shape[2], np.float32(0.5)
    weights, pull = np.empty(width, np.float32), np.empty(batch, np.float32)
    for client in rows:
        weights[:] = start[:width]
        intercept = start[width]
        for first in range(0, counts[client], batch):
            size = min(batch, counts[client] - first)
            for i in range(size):
                row, total = inputs[client, first + i], np.float32(0)
                for j in range(width):
                    total += row[j] * weights[j]
                chance = half + half * np.tanh((total + intercept) * half)
                pull[i] = (label[client, first + i] - chance) * rate / np.float32(size)
                intercept += pull[i]
            for i in range(size):
                row = inputs[client, first + i]
                for j in range(width):
                    weights[j] += pull[i] * row[j]


@njit(nogil=True, fastmath=True, cache=True)
def _tanh(x):  # type: ignore[no-untyped-def]
    """A quotient of polynomials that stays within 1e-4 of the hyperbolic tangent, many at a time."""
    x = min(max(x, np.float32(-4.97)), np.float32(4.97))
    s = x * x
    above = x * (np.float32(135135) + s * (np.float32(17325) + s * (np.float32(378) + s)))
    return above / (np.float32(135135) + s * (np.float32(62370) + s * (np.float32(3150) + s * np.float32(28))))


@njit(nogil=True, fastmath=True, cache=True)
def _perceptron(data, rows, weights_, biases_, output_, batch, rate):  # type: ignore[no-untyped-def]
    inputs, label, counts = data
    hidden = len(weights_)
    units, pull = np.empty((batch, hidden), np.float32), np.empty((batch, hidden), np.float32)
    weights, biases, output = weights_.copy(), biases_.copy(), output_.copy()
    for client in rows:
        weights[:], biases[:], output[:] = weights_, biases_, output_
        for first in range(0, counts[client], batch):
            size = min(batch, counts[client] - first)
            for i in range(size):
                at = first + i
                _forward(inputs[client, at], weights, biases, units[i])
                _pulls(units[i], pull[i], output, label[client, at], rate / np.float32(size))
            for i in range(size):
                _move(inputs[client, first + i], weights, pull[i])
                biases += pull[i]
                output += units[i]


@njit(nogil=True, fastmath=True, cache=True)
def _forward(row, weights, biases, units):  # type: ignore[no-untyped-def]
    for k in range(len(units)):
        own, total = weights[k], biases[k]
        for j in range(len(row)):
            total += row[j] * own[j]
        units[k] = total
    for k in range(len(units)):
        units[k] = _tanh(units[k])


@njit(nogil=True, fastmath=True, cache=True)
def _pulls(units, pull, output, label, rate):  # type: ignore[no-untyped-def]
    """Leaves in `pull` how the biases move, and in `units` how the output weights do."""
    half, total = np.float32(0.5), np.float32(0)
    for k in range(len(units)):
        total += units[k] * output[k]
    surplus = (label - half - half * _tanh(total * half)) * rate
    for k in range(len(units)):
        pull[k] = surplus * output[k] * (np.float32(1) - units[k] * units[k])
        units[k] *= surplus


@njit(nogil=True, fastmath=True, cache=True)
def _move(row, weights, pull):  # type: ignore[no-untyped-def]
    for k in range(len(pull)):
        own, much = weights[k], pull[k]
        for j in range(len(row)):
            own[j] += much * row[j]


@njit(nogil=True, fastmath=True, cache=True)
def _factorization(item, value, count, rows, factors, people, batch, rate):  # type: ignore[no-untyped-def]
    width = factors.shape[1]
    person, move, update = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    for client in rows:
        person[:] = people[client]
        for first in range(0, count[client], batch):
            end = min(first + batch, count[client])
            move[:] = np.float32(0)
            for i in range(first, end):
                row, inner = factors[item[client, i]], np.float32(0)
                for j in range(width):
                    inner += row[j] * person[j]
                step = (value[client, i] - inner) * rate / np.float32(end - first)
                for j in range(width):
                    update[j] += step * person[j]
                    move[j] += step * row[j]
            for j in range(width):
                person[j] += move[j]
