"""Learning by buffered gradients over a population: one shared model, a clipped gradient a device, buffers in turn."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.apps.phishing.study.gate import Gate
from choral.apps.phishing.study.ground import Ground
from choral.learning import BufferedGradient
from choral.learning.base import Arrays
from choral.mechanisms.base import empty_state
from choral.mechanisms.closed_form import closed_form
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.mechanisms.priv_unit import PrivUnit
from choral.mechanisms.vectors import clipped
from choral.numerics import SeededEntropy

Floats = NDArray[np.float64]
RATE, CLIP, ANCHOR = 0.7, 1.0, 0.01  # one rule for every epsilon, with standardized features
BUFFERS = 200  # a buffer holds the devices over this
CHECKS = 20  # of the gate, evenly over the run
MICRO = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Reporters:
    """How updates become a buffer's mean: by which mechanism, and with which hostile reports.

    mechanism: None for clipping alone; hostile: bool[devices]; report: what each of those adds, float64[size]
    """

    mechanism: PrivUnit | GaussianVector | None
    hostile: NDArray[np.bool_]
    report: Floats
    seed: int

    def mean(self, values: Floats, first: int) -> Floats:
        """Of the estimates that each report gives, devices first .. first + n: float64[size]."""
        is_hostile = self.hostile[first : first + len(values)]
        honest = self._sum(values[~is_hostile], first)
        return np.asarray((honest + int(is_hostile.sum()) * self.report) / len(values), np.float64)

    def _sum(self, values: Floats, first: int) -> Floats:
        entropy = SeededEntropy(self.seed, stream=first)
        if isinstance(self.mechanism, PrivUnit):
            return np.asarray(closed_form(self.mechanism, values, entropy).sum(axis=0), np.float64)
        if self.mechanism is None:
            return np.asarray(clipped(values, CLIP).sum(axis=0), np.float64)
        state = self.mechanism.accumulate(empty_state(self.mechanism), self.mechanism.randomize(values, entropy))
        return np.asarray(self.mechanism.estimate(state, len(values)).values, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """A model float64[size], the updates that made it, how often the gate rolled back, and the variance between instances."""

    params: Floats
    updates: int
    rolled_back: int = 0
    spread: float | None = None
    spread_law: float | None = None


def algorithm_for(ground: Ground, *, rate: float = RATE, horizon: int = BUFFERS) -> BufferedGradient:
    """The algorithm with the rule of this study; it starts at zeros, or where `started` is told."""
    return BufferedGradient(
        model="logistic/1",
        shape=str(ground.size - 1),
        start_micro=0,
        rate_micro=round(rate * MICRO),
        horizon=horizon,
        anchor_micro=round(ANCHOR * MICRO),
    )


def learn_buffered(
    ground: Ground,
    reporters: Reporters,
    *,
    start: Floats | None = None,
    gated: bool = True,
    done: Callable[[int], None] | None = None,
) -> Learnt:
    """One report a device, in the order of devices; gated: by public canaries, with roll-back."""
    algorithm = algorithm_for(ground)
    state = algorithm.init(SeededEntropy(0)) if start is None else algorithm.started({"params": start})
    size = buffer_size(ground)
    gate = Gate(lambda one: algorithm.judge(algorithm.publish(one), ground.canaries), state, is_open=not gated)
    starts = range(0, ground.devices - size + 1, size)
    for number, first in enumerate(starts, start=1):
        state = stepped(algorithm, state, ground, reporters, slice(first, first + size))
        if number % max(1, len(starts) // CHECKS) == 0:
            state = {**gate.admit(state), "round": state["round"]}
        if done:
            done(size)
    return Learnt(state["served"], len(starts) * size, gate.rolled_back)


def buffer_size(ground: Ground) -> int:
    """Reports in a buffer."""
    return max(1, ground.devices // BUFFERS)


def stepped(algorithm: BufferedGradient, state: Arrays, ground: Ground, reporters: Reporters, part: slice) -> Arrays:
    """The state after the buffer of these devices."""
    from choral.learning.cohort import updates

    values = updates(algorithm, state["params"], ground.examples(ground.held[part])).astype(np.float64)
    return algorithm.folded(state, reporters.mean(values, part.start))
