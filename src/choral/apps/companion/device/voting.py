"""Labelled hours vote on what other hours were; how sharply likeness counts and how sure the vote is, they teach themselves.

Knows rows to compare and numbers of activities. Leaves days and gaps to labelling. Device half.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.activities import ACTIVITIES
from choral.apps.companion.device.calibration import Calibration, calibrated
from choral.apps.companion.device.similarity import HOURS, Apart, Rows, Weights

JUDGED = 160  # labels on which ways to compare are judged
ENOUGH = 12  # labels from which on ways to compare are judged at all
PRIOR = 0.3  # votes that are spread over what the person does at all
SHARPNESS = (1.0, 2.0, 3.5)
WAYS = tuple(
    Weights(doing=doing, hour=hour, hours=hours)
    for doing, hour, hours in ((3.0, 2.0, 2.0), (4.0, 1.0, 3.0), (2.0, 3.0, 2.0), (1.0, 3.0, 1.5))
)
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Voters:
    """The labelled hours. rows, activity: what each looks like, and what it is; weights, sharpness: the way to compare

    fresh, begun: how sure a vote is on a day without any label, and on a day that has some
    """

    rows: Rows
    activity: Integers
    weights: Weights
    sharpness: float
    fresh: Calibration
    begun: Calibration

    @classmethod
    def of(cls, rows: Rows, activity: Integers) -> "Voters":
        """With the way to compare that foretells them best from other days' labels."""
        weights, sharpness = _judged(rows, activity)
        fresh, begun = (_certainty(rows, activity, weights, sharpness, other_days=other) for other in (True, False))
        return cls(rows, activity, weights, sharpness, fresh, begun)

    def votes(self, rows: Rows) -> Floats:
        """Float64[n, activities]: likeness of the labelled hours, added up by activity."""
        likeness = np.exp(-self.sharpness * Apart.of(rows, self.rows).weighed(self.weights))
        return np.asarray(likeness @ _one_hot(self.activity))

    def shares(self, votes: Floats) -> Floats:
        """The votes as shares, which sum to 1; where nothing is alike, what the person does at all."""
        usual = _one_hot(self.activity).mean(axis=0)
        return _shares(votes, usual, votes.max(axis=1))

    def known(self, activity: int) -> int:
        """Labels of that activity."""
        return int((self.activity == activity).sum())

    def days(self, activity: int) -> int:
        """Days on which it was labelled."""
        return len(np.unique(self.rows.day[self.activity == activity]))

    def near(self, hour: float, hours: float) -> bool:
        """Whether any label lies within so many hours of an hour of the clock, on whatever day."""
        apart = np.abs(self.rows.hour - hour)
        return bool((np.minimum(apart, HOURS - apart) <= hours).any())


def _one_hot(activity: Integers) -> Floats:
    return np.asarray(np.eye(len(ACTIVITIES))[activity])


def _shares(votes: Floats, usual: Floats, strongest: Floats) -> Floats:
    """strongest: float64[n], of the likest hours."""
    total = votes + PRIOR * np.maximum(strongest, 1e-9)[:, None] * usual
    return np.asarray(total / total.sum(axis=1, keepdims=True))


def _judged(rows: Rows, activity: Integers) -> tuple[Weights, float]:
    if len(activity) < ENOUGH:
        return WAYS[0], SHARPNESS[1]
    own, truth, _ = _sampled(rows, activity)
    best, every = (-math.inf, WAYS[0], SHARPNESS[0]), Apart.of(own, rows)
    for weights in WAYS:
        apart = every.weighed(weights)
        for sharpness in SHARPNESS:
            shares = _foretold(apart, own.day[:, None] != rows.day[None, :], activity, sharpness)
            score = float(np.log(shares[np.arange(len(truth)), truth]).sum())
            best = max(best, (score, weights, sharpness), key=lambda one: one[0])
    return best[1], best[2]


def _certainty(rows: Rows, activity: Integers, weights: Weights, sharpness: float, *, other_days: bool) -> Calibration:
    """How often votes on known labels are right, each without its own day's labels, or only without itself."""
    own, truth, places = _sampled(rows, activity)
    if other_days:
        allowed = own.day[:, None] != rows.day[None, :]
    else:
        allowed = places[:, None] != np.arange(len(activity))[None, :]
    shares = _foretold(Apart.of(own, rows).weighed(weights), allowed, activity, sharpness)
    guessed = shares.argmax(axis=1)
    votes = np.bincount(activity, minlength=len(ACTIVITIES))[guessed] - (guessed == truth)
    return calibrated(shares.max(axis=1), votes.astype(np.float64), guessed == truth)


def _sampled(rows: Rows, activity: Integers) -> tuple[Rows, Integers, Integers]:
    """Up to JUDGED of the labels, evenly spread in time: what they look like, what they are, and their places."""
    places = np.unique(np.linspace(0, len(activity) - 1, min(JUDGED, len(activity))).astype(np.int64))
    return rows.chosen(places), activity[places], places


def _foretold(apart: Floats, allowed: NDArray[np.bool_], activity: Integers, sharpness: float) -> Floats:
    """Shares of votes on labels that are known, from those of the others that are allowed."""
    likeness = np.exp(-sharpness * apart) * allowed
    kinds = _one_hot(activity)
    usual = allowed @ kinds + 1 / len(ACTIVITIES)
    return _shares(likeness @ kinds, usual / usual.sum(axis=1, keepdims=True), likeness.max(axis=1))
