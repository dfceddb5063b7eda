"""Every outcome of a randomized function with its exact chance, through the function's own code path.

`EnumeratedEntropy` answers draws from a plan and remembers the alternatives; `outcomes` walks them all.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from choral.numerics.entropy import FLIP_UNIT, UNIT, Entropy, Words

MOST_FLIPS = 12
MOST_BRANCHES = 2**16  # of one draw


@dataclass(slots=True)
class EnumeratedEntropy:
    """One path through a tree of draws: follows `plan`, then takes the first branch and notes how many there were."""

    plan: list[int]
    chance_of_path: Fraction = Fraction(1)
    branches: list[int] = field(default_factory=list)

    def _choose(self, chances: list[Fraction]) -> int:
        depth = len(self.branches)
        choice = self.plan[depth] if depth < len(self.plan) else 0
        self.branches.append(len(chances))
        self.chance_of_path *= chances[choice]
        return choice

    def below(self, rows: int, bound: int) -> Words:
        """One row, each value of [0, bound) with its exact chance floor or ceil(2**64 / bound) / 2**64."""
        _one(rows)
        if bound > MOST_BRANCHES:
            raise ValueError(f"at most {MOST_BRANCHES} branches of a draw can be enumerated, got {bound=}")
        share, rest = divmod(UNIT, bound)
        return np.array([self._choose([Fraction(share + (i < rest), UNIT) for i in range(bound)])], np.uint64)

    def chance(self, rows: int, numerator: int) -> NDArray[np.bool_]:
        """One row, true with chance numerator / 2**64."""
        _one(rows)
        truth = Fraction(numerator, UNIT)
        return np.array([self._choose([1 - truth, truth]) == 1])

    def flips(self, rows: int, count: int, numerator: int) -> NDArray[np.uint8]:
        """One row of at most 12 coins, each set with chance numerator / 2**24."""
        _one(rows)
        if count > MOST_FLIPS:
            raise ValueError(f"at most {MOST_FLIPS} coins can be enumerated, got {count=}")
        one = Fraction(numerator, FLIP_UNIT)
        by_ones = [one**ones * (1 - one) ** (count - ones) for ones in range(count + 1)]
        chances = [by_ones[bits.bit_count()] for bits in range(2**count)]
        packed = self._choose(chances).to_bytes(-(-count // 8), "little")
        return np.array([list(packed)], np.uint8)

    def words(self, rows: int, count: int) -> Words:
        """Refused: 2**64 branches cannot be walked."""
        raise ValueError("words cannot be enumerated; use below, chance or flips")


def outcomes(function: Callable[[Entropy], bytes]) -> dict[bytes, Fraction]:
    """The exact distribution of `function(entropy)`, a map from each result to its chance."""
    found: dict[bytes, Fraction] = {}
    plan: list[int] | None = []
    while plan is not None:
        entropy = EnumeratedEntropy(plan)
        result = function(entropy)
        found[result] = found.get(result, Fraction(0)) + entropy.chance_of_path
        plan = _next(plan + [0] * (len(entropy.branches) - len(plan)), entropy.branches)
    return found


def _next(plan: list[int], branches: list[int]) -> list[int] | None:
    """The path after `plan` in lexical order, or None after the last."""
    while plan and plan[-1] + 1 == branches[len(plan) - 1]:
        plan = plan[:-1]
    return [*plan[:-1], plan[-1] + 1] if plan else None


def _one(rows: int) -> None:
    if rows != 1:
        raise ValueError(f"enumeration goes row by row, got {rows=}")
