"""How often a guess of such a share of the votes is right, learnt from guesses whose answer is known. Device half.

Source: Platt (1999), a logistic curve with a prior, so that few answers move it little.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

START = (-1.5, 1.0, 0.6)  # before any answer is known: votes agree more often than they are right
LEAST, MOST = 0.02, 0.98
PRIOR = 2.0  # how much the start weighs; an answer that could go either way weighs a quarter
FEWEST = 0.03  # a share nearer to none or all says no more than that
STEPS = 12
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """The chance of being right is logistic(height + slope * log odds of the share + known * log of the votes behind it)."""

    height: float = START[0]
    slope: float = START[1]
    known: float = START[2]

    def __call__(self, share: float, votes: float) -> float:
        """The chance, between LEAST and MOST; votes: labels of that activity."""
        height = float((_features(np.array([share]), np.array([votes])) @ self.curve)[0])
        chance = 1 / (1 + math.exp(-height))
        return min(max(chance, LEAST), MOST)

    @property
    def curve(self) -> Floats:
        """The three numbers."""
        return np.array([self.height, self.slope, self.known])


def calibrated(shares: Floats, votes: Floats, right: NDArray[np.bool_]) -> Calibration:
    """The likeliest curve, by Newton's steps; shares, votes: float64[n], right: bool[n]."""
    x, start = _features(shares, votes), np.array(START)
    curve = start.copy()
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(x @ curve, -30, 30)))
        slope = x.T @ (right - chance) - PRIOR * (curve - start)
        bend = (x * (chance * (1 - chance))[:, None]).T @ x + PRIOR * np.eye(len(start))
        curve = curve + np.clip(np.linalg.solve(bend, slope), -1, 1)
    return Calibration(float(curve[0]), max(0.0, float(curve[1])), max(0.0, float(curve[2])))


def _features(shares: Floats, votes: Floats) -> Floats:
    kept = np.clip(shares, FEWEST, 1 - FEWEST)
    return np.stack([np.ones(len(kept)), np.log(kept / (1 - kept)), np.log1p(votes)], axis=1)
