"""A lower bound on epsilon from a single run: many canaries, each one of two values by its own coin, and guesses of the coins.

Knows counts of guesses. Leaves canaries and scores to whoever holds the run. Needs scipy (the `server` extra).
Source: Steinke, Nasr and Jagielski, "Privacy Auditing with One (1) Training Run" (NeurIPS 2023), for any
(epsilon, delta); Mahloujifar, Melis and Chaudhuri, "Auditing f-Differential Privacy in One Run" (arXiv 2410.22235),
Algorithm 3, for Gaussian noise, where it is far sharper.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_EPSILON = 64.0
MOST_MU = 32.0
STEPS = 50  # halvings


@dataclass(frozen=True, slots=True)
class CoinGuesses:
    """What an auditor guessed: of `canaries` coins it guessed `guesses`, fixed beforehand, and `right` of them rightly."""

    canaries: int
    guesses: int
    right: int

    def __post_init__(self) -> None:
        if not 0 <= self.right <= self.guesses <= self.canaries or self.guesses < 1:
            raise ValueError(f"need 0 <= right <= guesses <= canaries and a guess, got {self}")

    @classmethod
    def of(cls, scores: NDArray[np.floating], coins: NDArray[np.bool_], guesses: int) -> "CoinGuesses":
        """Guesses by the sign of the `guesses` scores farthest from 0; scores float64[m], above 0 where the coin looks true."""
        surest = np.argsort(-np.abs(scores), kind="stable")[:guesses]
        return cls(len(scores), guesses, int(((scores > 0) == coins)[surest].sum()))

    def epsilon(self, *, delta: float, alpha: float) -> float:
        """Epsilon is at least this at `delta`, but for a chance of `alpha`; 0 where the guesses show nothing."""
        return _largest(lambda epsilon: self.chance(epsilon, delta) <= alpha, MOST_EPSILON)

    def chance(self, epsilon: float, delta: float) -> float:
        """At most the chance of so many right guesses about an (epsilon, delta)-private run."""
        from scipy.stats import binom

        one = binom(self.guesses, 1 / (1 + math.exp(-epsilon)))
        below = one.cdf(self.right - 1) - one.cdf(self.right - 1 - np.arange(1, self.right + 1))
        slip = float((below / np.arange(1, self.right + 1)).max(initial=0.0))
        return min(1.0, float(one.sf(self.right - 1)) + 2 * self.canaries * delta * slip)

    def mu(self, *, alpha: float) -> float:
        """If the noise is Gaussian: its mean shift in standard deviations is at least this, but for a chance of `alpha`."""
        return _largest(lambda mu: self.excludes(mu, alpha), MOST_MU)

    def excludes(self, mu: float, alpha: float) -> bool:
        """Whether so many right guesses have a chance below `alpha` where each coin moves a Gaussian by at most `mu`."""
        from scipy.special import ndtr, ndtri

        caught, missed = alpha * self.right / self.canaries, alpha * (self.guesses - self.right) / self.canaries
        for count in range(self.right - 1, -1, -1):
            risen = max(missed, float(ndtr(ndtri(min(caught, 1.0)) - mu)))
            caught += count / (self.guesses - count) * (risen - missed)
            missed = risen
        return caught + missed > self.guesses / self.canaries


def gaussian_epsilon(mu: float, delta: float) -> float:
    """The epsilon at `delta` of Gaussian noise whose mean moves by `mu` standard deviations: exact.

    Source: Balle and Wang (ICML 2018), Theorem 8.

    >>> round(gaussian_epsilon(1.0, 1e-6), 2)
    4.89
    """
    from scipy.special import log_ndtr, ndtr

    def excess(epsilon: float) -> float:
        return float(ndtr(mu / 2 - epsilon / mu)) - math.exp(epsilon + float(log_ndtr(-mu / 2 - epsilon / mu)))

    return _largest(lambda epsilon: excess(epsilon) > delta, 2.0**10) if mu > 0 else 0.0


def _largest(holds: Callable[[float], bool], most: float) -> float:
    """The largest number up to `most` for which `holds`, which holds from 0 up to some number; 0 if it never does."""
    low, high = 0.0, most
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
