"""Guesses between two values that were equally likely, and how many of them an epsilon allows to be right.

Source: Wasserman and Zhou (JASA 2010) and Kairouz, Oh and Viswanath (ICML 2015): privacy as a test between two inputs.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.numerics import Entropy

FALSE_ALARM = 1e-9  # of `exceeds`, where the claim holds
UNSURE = 0.05  # of the interval that is shown


@dataclass(frozen=True, slots=True)
class Guesses:
    """How often an attacker named the value that it was: `right` of `tries`, each a fresh coin."""

    right: int
    tries: int

    @property
    def accuracy(self) -> float:
        """Share of right guesses; one half is no knowledge at all."""
        return self.right / self.tries

    @property
    def advantage(self) -> float:
        """True positives less false positives, for the two values are equally likely."""
        return 2 * self.accuracy - 1

    def interval(self, unsure: float = UNSURE) -> tuple[float, float]:
        """Clopper and Pearson's interval of the accuracy, at confidence 1 - unsure."""
        from scipy.stats import binomtest

        found = binomtest(self.right, self.tries).proportion_ci(1 - unsure, "exact")
        return float(found.low), float(found.high)

    def exceeds(self, allowed: float, *, alpha: float = FALSE_ALARM) -> bool:
        """Whether the accuracy is above `allowed`, but for a chance of `alpha`."""
        return self.interval(2 * alpha)[0] > allowed


def allowed_accuracy(epsilon: float, delta: float = 0.0) -> float:
    """The most that anyone's guesses between two equally likely inputs can be right under (epsilon, delta).

    >>> round(allowed_accuracy(1.0), 3)
    0.731
    """
    if not (epsilon >= 0 and 0 <= delta <= 1):
        raise ValueError(f"need epsilon >= 0 and 0 <= delta <= 1, got {epsilon=}, {delta=}")
    return 1 - (1 - delta) / (1 + math.exp(min(epsilon, 700)))


def coins(entropy: Entropy, count: int) -> NDArray[np.bool_]:
    """Which of two values each try has, bool[count]."""
    return np.asarray(entropy.words(1, count)[0] >> np.uint64(63), np.bool_)


def judged(scores: NDArray[np.floating], truth: NDArray[np.bool_], ties: NDArray[np.bool_]) -> Guesses:
    """Guesses "true" where a score is above 0, "false" below, and the coin `ties` where it is 0."""
    guess = np.where(scores == 0, ties, scores > 0)
    return Guesses(int((guess == truth).sum()), len(truth))
