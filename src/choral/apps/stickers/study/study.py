"""Federated training of the head over a whole population, one report a device, by the code that devices and server run.

Study half. Knows both halves of an algorithm and the twin of the randomizer for simulations; leaves judging to `judge`.
People are made in shards and forgotten: memory does not grow with their number.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.tasks import Head
from choral.errors import UsageError
from choral.learning import BufferedGradient, FederatedAveraging
from choral.learning.base import Arrays
from choral.mechanisms.closed_form import closed_form
from choral.mechanisms.priv_unit import PrivUnit
from choral.numerics import SeededEntropy

SHARD = 4096  # devices at a time: 60 MB of examples
REACH = 2000.0  # sum of all rates at which learning is over where nothing is noisy
NOISE_REACH = 0.6  # that sum, times the noise of the mean of all reports in one coordinate
MOST_RATE = 20.0  # beyond it steps overshoot
CLIP_NORM = 0.1  # nearly all gradients are longer: a report is a direction, and everyone weighs the same
LOCAL_RATE, LOCAL_BATCH = 0.5, 4  # of federated averaging: four local steps of four choices each
HEADS = {150: (10, 15), 300: (10, 30), 600: (20, 30)}

Floats = NDArray[np.float64]


class Examples(Protocol):
    """Where examples come from: shard by shard, the same however they are cut."""

    def examples(self, first: int, devices: int) -> Arrays:
        """Named arrays [devices, rows, ...] of devices first .. first + devices."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """One training: an algorithm, and a randomizer for each report, or None for plain updates."""

    algorithm: BufferedGradient | FederatedAveraging
    mechanism: PrivUnit | None

    @property
    def epsilon(self) -> float:
        """Local privacy of a report; infinity for plain updates."""
        return self.mechanism.epsilon if self.mechanism else math.inf


def head_of(size: int) -> Head:
    """The head of 150, 300 or 600 numbers; UsageError for another size."""
    if size not in HEADS:
        raise UsageError(f"a head of {size} numbers is not offered; choose one of {', '.join(map(str, HEADS))}")
    return Head(*HEADS[size], clip_norm=CLIP_NORM)


def rate(mechanism: PrivUnit | None, *, devices: int, rounds: int) -> float:
    """The first step's rate, from public constants alone: nothing is tuned on a run.

    The rates, which fall linearly to 0, add up to REACH, or to NOISE_REACH over the noise of the mean of all reports in
    one coordinate if that is less: how far one may go before noise wins. Updates count at clip norm 1.

    >>> mechanism = head_of(150).mechanism(4.0)
    >>> [round(rate(mechanism, devices=10**power, rounds=200), 1) for power in (4, 5, 6)]
    [9.1, 28.7, 90.6]
    """
    if mechanism is None:
        return min(MOST_RATE, 2 * REACH / rounds)
    reach = min(REACH, NOISE_REACH * mechanism.gain * math.sqrt(devices))
    return min(MOST_RATE, 2 * reach / rounds) / mechanism.clip_norm


def buffered(head: Head, epsilon: float | None, *, devices: int, rounds: int) -> Run:
    """Buffered gradients at the fixed rate; epsilon None: plain gradients, not clipped."""
    mechanism = None if epsilon is None else head.mechanism(epsilon)
    planned = replace(head, rate=rate(mechanism, devices=devices, rounds=rounds), steps=rounds)
    return Run(planned.algorithm(), mechanism)


def averaging(head: Head, epsilon: float | None, *, devices: int, rounds: int) -> Run:
    """Federated averaging, for comparison: the clip norm and the server's rate are those of `buffered` for the same way.

    Its rate does not fall and no tail is averaged, so that it goes half as fast.
    """
    local = LOCAL_RATE * 4
    mechanism = None if epsilon is None else replace(head, clip_norm=head.clip_norm * local).mechanism(epsilon)
    server = rate(None if epsilon is None else head.mechanism(epsilon), devices=devices, rounds=rounds) / (2 * local)
    algorithm = FederatedAveraging(
        model=head.algorithm().model,
        shape=f"{head.personal}x{head.item}",
        start_micro=round(head.start * 1e6),
        batch=LOCAL_BATCH,
        local_rate_micro=round(LOCAL_RATE * 1e6),
        rate_micro=round(server * 1e6),
    )
    return Run(algorithm, mechanism)


def train(
    source: Examples, runs: Sequence[Run], *, devices: int, rounds: int, seed: int, done: Callable[[int], None] | None = None
) -> list[Floats]:
    """What each run publishes in the end, float64[size]; all train on the same devices, each device in one round.

    Round r takes devices r * devices // rounds and on; device i draws its noise from stream i of a seed of the run's own.
    UsageError unless there is a device for every round.
    """
    if not 1 <= rounds <= devices:
        raise UsageError(f"{rounds} rounds need at least as many devices, one report each; there are {devices}")
    states = [run.algorithm.init(SeededEntropy(number_of("start", seed))) for run in runs]
    for number in range(rounds):
        low, high = (devices * step // rounds for step in (number, number + 1))
        sums = [np.zeros(run.algorithm.learner.size) for run in runs]
        for first, count, examples in _shards(source, low, high, -(-devices // rounds)):
            for place, run in enumerate(runs):
                sums[place] += _sum(run, states[place], examples, first=first, count=count, seed=seed)
            if done:
                done(count)
        states = [
            run.algorithm.folded(state, total / (high - low)) for run, state, total in zip(runs, states, sums, strict=True)
        ]
    return [np.asarray(run.algorithm.publish(state)["params"], np.float64) for run, state in zip(runs, states, strict=True)]


def _shards(source: Examples, low: int, high: int, most: int) -> Iterator[tuple[int, int, Arrays]]:
    """First device, how many count, and examples, always of one shape so that they are compiled for once."""
    from choral.learning.cohort import resident

    size = min(SHARD, most)
    for first in range(low, high, size):
        yield first, min(size, high - first), resident(source.examples(first, size))


def _sum(run: Run, state: Arrays, examples: Arrays, *, first: int, count: int, seed: int) -> Floats:
    """Sum over the shard of what the reports estimate, or of the plain updates."""
    from choral.learning.cohort import updates

    plain = np.asarray(updates(_device_half(run.algorithm), state["params"], examples)[:count], np.float64)
    if run.mechanism is None:
        return np.asarray(plain.sum(axis=0))
    entropy = SeededEntropy(number_of(f"noise/{run.mechanism}", seed), stream=first)
    return np.asarray(closed_form(run.mechanism, plain, entropy).sum(axis=0))


def _device_half(algorithm: BufferedGradient | FederatedAveraging) -> BufferedGradient | FederatedAveraging:
    """The same on a device, whatever the server's rate: compiled once for all runs."""
    if isinstance(algorithm, BufferedGradient):
        return replace(algorithm, rate_micro=1, horizon=1)
    return replace(algorithm, rate_micro=1)


def number_of(purpose: str, seed: int) -> int:
    """A seed for SeededEntropy that no other purpose shares."""
    return int.from_bytes(hashlib.sha256(f"choral/stickers/study/1/{purpose}/{seed}".encode()).digest(), "little")
