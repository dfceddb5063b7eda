"""Discrete Laplace noise in a fixed number of draws: two words a number, the same bits on every machine.

Knows one distribution. Leaves to others what it hides.
Integers with chance in proportion to exp(-|x| / scale). A sign and a size of at least 0 make them: the negative side
begins at -1, so that 0 has no twin. The size is geometric, and of a geometric number in base `BASE` the digits are
independent: so the last digit and the rest come from one small table each. Canonne, Kamath and Steinke (NeurIPS 2020)
sample by rejection, which draws a number of words that depends on chance, so that a cohort's rows could not each follow
their own stream.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from choral.numerics.entropy import BULK_ROWS, UNIT, Entropy

FIXED_BITS = 256  # after the binary point while the tables are made
REACH = 18  # scales after which all sizes are one: more lies beyond with chance exp(-18) < 2**-25
MOST_SCALE = 2**26
Integers = NDArray[np.int64]
Table = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class DiscreteLaplace:
    """Integers with chance in proportion to exp(-|x| / scale) up to `exact` on either side; what lies beyond is one size.

    scale: 1 to 2**26
    Cut to [-limit, limit] after adding a value of size at most `exact` - limit, a draw is private as if it had no end:
    `slack` says how far its chances are off.
    """

    scale: int

    def __post_init__(self) -> None:
        if not 1 <= self.scale <= MOST_SCALE:
            raise ValueError(f"need 1 <= scale <= 2**26, got {self.scale=}")

    @property
    def base(self) -> int:
        """Values of the last digit: a power of two near the square root of the range."""
        return 1 << max(1, (REACH * self.scale).bit_length() // 2)

    @property
    def exact(self) -> int:
        """Up to here each size has its own chance; all sizes from here on are drawn as one."""
        return self.base * (len(_tables(self.scale, self.base)[0]))

    @property
    def largest(self) -> int:
        """No draw is larger than this."""
        return self.exact + self.base

    @property
    def variance(self) -> float:
        """But for the end of the range, which holds less than 2**-25 of the chance."""
        return 1 / (2 * math.sinh(1 / (2 * self.scale)) ** 2)

    @property
    def slack(self) -> float:
        """How far the log of a chance can be off: each cell of a table is within 2**-64 of its true chance."""
        return sum(_relative_error(table) for table in _tables(self.scale, self.base))

    def draw(self, rows: int, count: int, entropy: Entropy) -> Integers:
        """int64[rows, count]; two words each: one for the higher digits, one for the sign and the last."""
        high, low = _tables(self.scale, self.base)
        words = entropy.words(rows, 2 * count).reshape(rows * count, 2)
        if rows >= BULK_ROWS and (kernels := _kernels()) is not None:
            fast: Integers = kernels.sizes(words, high, low, self.base)
            return fast.reshape(rows, count)
        return sizes(words, high, low, self.base).reshape(rows, count)

    def chances(self) -> tuple[list[int], list[int]]:
        """Chances in units of 2**-64: of each value of the higher digits, and of (sign, last digit), positive first."""
        return _cells(_tables(self.scale, self.base)[0]), _cells(_tables(self.scale, self.base)[1])


def sizes(words: Table, high: Table, low: Table, base: int) -> Integers:
    """int64[n] from words uint64[n, 2]."""
    above = np.searchsorted(high, words[:, 0], side="right").astype(np.int64)
    last = np.searchsorted(low, words[:, 1], side="right").astype(np.int64)
    size = above * base + last % base
    return np.where(last < base, size, -1 - size)


def _kernels() -> ModuleType | None:
    """The compiled twin of `sizes`, or None where numba is not installed (a bare device)."""
    try:
        from choral.numerics import laplace_kernels
    except ImportError:
        return None
    return laplace_kernels


@lru_cache(maxsize=8)
def _tables(scale: int, base: int) -> tuple[Table, Table]:
    """Upper ends of all cells but the last, in units of 2**-64, rising: of the higher digits, of (sign, last digit)."""
    one = 1 << FIXED_BITS
    ratio = exp_minus_inverse(scale)
    weights = [one]
    for _ in range(base):
        weights.append(weights[-1] * ratio >> FIXED_BITS)
    step = weights.pop()  # ratio ** base
    positive = _cumulative(weights)
    total = positive[-1] * (one + ratio) >> FIXED_BITS  # the negative side starts one step lower
    low = [value * UNIT // total for value in positive]
    low += [(positive[-1] + (value * ratio >> FIXED_BITS)) * UNIT // total for value in positive[:-1]]
    tail, high = one, []
    for _ in range(-(-REACH * scale // base)):
        tail = tail * step >> FIXED_BITS
        high.append(UNIT - (tail * UNIT >> FIXED_BITS) - 1)
    return np.array(high, np.uint64), np.array(low, np.uint64)


def _cumulative(weights: list[int]) -> list[int]:
    sums, total = [], 0
    for weight in weights:
        total += weight
        sums.append(total)
    return sums


def _cells(table: Table) -> list[int]:
    ends = [0, *(int(end) for end in table), UNIT]
    return [after - before for before, after in pairwise(ends)]


def _relative_error(table: Table) -> float:
    """Of the least likely cell: a cell's two ends are each off by less than 2**-64."""
    least = min(_cells(table))
    if least < 2:
        raise ValueError("a table has a cell without a chance; choose a smaller scale")
    return 1 / (least - 1)


def exp_minus_inverse(scale: int) -> int:
    """exp(-1 / scale) in units of 2**-256, by its series."""
    total, term, n = 0, 1 << FIXED_BITS, 0
    while term:
        total += -term if n % 2 else term
        n += 1
        term //= scale * n
    return total
