"""Phishing changes: a planted change halfway, and how long a model takes to follow it.

Knows one way to change what features mean, and two rates: one that falls to zero over the whole run, after which nothing
new is learnt, and seasons, each of which starts from the model before it and falls to zero anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from choral.apps.phishing.study.buffered import Reporters, algorithm_for, stepped
from choral.apps.phishing.study.ground import Ground
from choral.learning.base import Arrays
from choral.numerics import SeededEntropy

Floats = NDArray[np.float64]
CHANGED = 6  # features whose meaning turns round: the strongest of the central model
RECOVERED = 0.02  # of AUC below the level before the change, at which a model has recovered


@dataclass(frozen=True, slots=True)
class Point:
    """AUC on unseen domains as they are at that time, after so many reports."""

    reports: int
    auc: float


@dataclass(frozen=True, slots=True)
class Course:
    """One run: its points in order, when the change came, and the reports from there until recovery; None if it never did."""

    points: tuple[Point, ...]
    change: int
    recovered_after: int | None


def changed(ground: Ground) -> Ground:
    """The same links when the strongest features mean the opposite: attackers moved to where they look harmless."""
    strongest = np.argsort(-np.abs(ground.central()[:-1]))[:CHANGED]
    inputs = ground.inputs.copy()
    inputs[:, strongest] *= -1
    return replace(ground, inputs=inputs)


def course(ground: Ground, reporters: Reporters, *, seasons: int, buffers: int, every: int = 5) -> Course:
    """A run of `buffers` buffers with the change halfway, the rate falling to zero in each of `seasons` equal parts."""
    after, size = changed(ground), ground.devices // buffers
    found: list[Point] = []
    for number, served in enumerate(_versions(ground, after, reporters, seasons=seasons, buffers=buffers), start=1):
        if number % every == 0:
            now = ground if 2 * number <= buffers else after
            found.append(Point(number * size, now.quality(served).auc))
    change = buffers // 2 * size
    level = max(point.auc for point in found if point.reports <= change)
    late = (point.reports - change for point in found if point.reports > change and point.auc >= level - RECOVERED)
    return Course(tuple(found), change, next(late, None))


def _versions(
    before: Ground, after: Ground, reporters: Reporters, *, seasons: int, buffers: int
) -> Iterator[NDArray[np.floating]]:
    """What is served after each buffer."""
    season, size = -(-buffers // seasons), before.devices // buffers
    algorithm = algorithm_for(before, horizon=season)
    state: Arrays = algorithm.init(SeededEntropy(0))
    for number in range(buffers):
        if number and number % season == 0:
            state = algorithm.started({"params": state["served"]})
        now = before if 2 * number < buffers else after
        state = stepped(algorithm, state, now, reporters, slice(number * size, (number + 1) * size))
        yield state["served"]
