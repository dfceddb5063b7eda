"""The one private choice that a report of a vector makes: which of its candidates it names. Integers only.

Knows scores and coins. Leaves to others where candidates come from. Why epsilon is exact: decision record 10.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.score_laws import ScoreLaw, gaussian_law
from choral.numerics import UNIT, Entropy

MOST_PAIRS = 2**15
LOSS = 0.01  # of accuracy against infinitely many candidates, that `enough_pairs` allows


@dataclass(frozen=True, slots=True)
class Cap:
    """Of `pairs` candidates and their opposites, name one of the `top` that point most along the update, or another one.

    pairs: 1 to 2**15; top: 1 to pairs; keep: chance of one of the top, in units of 2**-64, above their share
    """

    pairs: int
    top: int
    keep: int

    def __post_init__(self) -> None:
        if not 1 <= self.top <= self.pairs <= MOST_PAIRS:
            raise ValueError(f"need 1 <= top <= pairs <= 2**15, got {self.top=}, {self.pairs=}")
        if not UNIT * self.top // (2 * self.pairs) < self.keep < UNIT:
            raise ValueError(f"need 2**64 top / (2 pairs) < keep < 2**64, got {self.keep=}")

    @classmethod
    def for_epsilon(cls, epsilon: float, pairs: int, law: ScoreLaw) -> Self:
        """The cap of the greatest gain whose realised epsilon is at most `epsilon` nats."""
        if not 2**-10 < epsilon < 20 or not 1 <= pairs <= MOST_PAIRS:
            raise ValueError(f"need 2**-10 < epsilon < 20 and 1 <= pairs <= 2**15, got {epsilon=}, {pairs=}")
        low, high = 1, pairs
        while low < high:  # the gain rises to one maximum and falls
            middle = (low + high) // 2
            rising = cls._with(epsilon, pairs, middle).moments(law)[0] < cls._with(epsilon, pairs, middle + 1).moments(law)[0]
            low, high = (middle + 1, high) if rising else (low, middle)
        return cls._with(epsilon, pairs, low)

    @classmethod
    def _with(cls, epsilon: float, pairs: int, top: int) -> Self:
        odds = math.exp(epsilon) * top / (2 * pairs - top)
        return cls(pairs, top, int(UNIT * (odds / (1 + odds)) * (1 - 2**-30) + UNIT * top / (2 * pairs) * 2**-30))

    @property
    def epsilon(self) -> float:
        """Log ratio of the chances with which one given candidate is named, plus what the draws may be off.

        Whatever the candidates are, `top` of the 2 * pairs are in the cap: each has the chance keep / top, any other
        one (1 - keep) / (2 pairs - top). A draw below b has chances within a factor 1 +- b / 2**64 of 1 / b; 2**-45
        covers the rounding of log.
        """
        others = 2 * self.pairs - self.top
        return math.log(self.keep * others / ((UNIT - self.keep) * self.top)) + 8 * self.pairs / UNIT + 2**-45

    def draw(self, rows: int, entropy: Entropy) -> NDArray[np.int64]:
        """Which candidate each row will name, by rank: [0, top) for the cap, [top, 2 * pairs) else; three draws a row."""
        kept = entropy.chance(rows, self.keep)
        inside = entropy.below(rows, self.top).astype(np.int64)
        outside = entropy.below(rows, 2 * self.pairs - self.top).astype(np.int64)
        return np.where(kept, inside, self.top + outside)

    def named(self, ranks: NDArray[np.int64], scores: NDArray[np.number]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pair and the sign that stand at each row's rank; scores: [n, pairs], of each pair's positive candidate.

        The order is: the top by size of score, each with its score's own sign; the same with the other sign; then the
        rest, positive and negative. Equal sizes stand in the order of their numbers.
        """
        order = np.argsort(-np.abs(scores), axis=1, kind="stable")
        past = ranks - 2 * self.top
        place = np.where(past < 0, ranks % self.top, self.top + past // 2)
        pair = np.take_along_axis(order, place[:, None], axis=1)[:, 0]
        own = np.where(np.take_along_axis(scores, pair[:, None], axis=1)[:, 0] < 0, -1, 1)
        return pair, np.where(past >= 0, 1 - 2 * (past % 2), np.where(ranks < self.top, own, -own))

    def moments(self, law: ScoreLaw) -> tuple[float, float]:
        """Mean score of the named candidate, which is the gain, and its mean square."""
        first, second = law.top_sums(self.pairs, self.top)
        kept, others = self.keep / UNIT, 2 * self.pairs - self.top
        inside, outside = kept / self.top, (1 - kept) / others
        return (inside - outside) * first, inside * second + outside * (2 * self.pairs * law.square - second)


@lru_cache(maxsize=64)
def enough_pairs(epsilon: float) -> int:
    """The least power of two of pairs with which a Gaussian cap has at most 1 / (1 - LOSS) times the optimal error."""
    best, pairs = optimal_gain(epsilon), 1
    while pairs < MOST_PAIRS:
        gain = Cap.for_epsilon(epsilon, pairs, gaussian_law()).moments(gaussian_law())[0]
        if gain**2 >= (1 - LOSS) * best**2:
            return pairs
        pairs *= 2
    return pairs


def optimal_gain(epsilon: float) -> float:
    """What PrivUnitG gains with infinitely many candidates, the best over all caps: its error is dimension / gain**2.

    Source: Asi, Feldman and Talwar (ICML 2022), m(a) with p = sigmoid(a epsilon), q = sigmoid((1 - a) epsilon).
    """
    from statistics import NormalDist

    normal = NormalDist()

    def gain(share: float) -> float:
        p, q = (1 / (1 + math.exp(-one * epsilon)) for one in (share, 1 - share))
        return normal.pdf(normal.inv_cdf(q)) * (p / (1 - q) - (1 - p) / q)

    low, high = 0.0, 1.0
    for _ in range(100):
        left, right = (2 * low + high) / 3, (low + 2 * high) / 3
        low, high = (left, high) if gain(left) < gain(right) else (low, right)
    return gain(low)
