"""Discrete Gaussian noise by inverting a table of integers: a fixed number of draws, and the same bits on every machine.

Knows one distribution. Leaves to others what it hides.
Source: Canonne, Kamath and Steinke (NeurIPS 2020), whose distribution this is; they sample by rejection, which draws a
number of words that depends on chance, so that a cohort's rows could not each follow their own stream.
"""

from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from choral.numerics.entropy import Entropy

DRAW_BITS = 127  # of one draw: a word and the next but its lowest bit, which is the sign
FIXED_BITS = 256  # after the binary point while the table is made
TAIL = 14  # standard deviations at which the table ends; more lies beyond with chance 2 exp(-98) < 2**-139
MOST_SIGMA = 2**16
BULK = 2**11  # numbers from which a compiled search pays
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DiscreteGaussian:
    """Integers with chance in proportion to exp(-x**2 / (2 sigma**2)), but for at most `distance` of total variation.

    sigma: 1 to 2**16
    """

    sigma: int

    def __post_init__(self) -> None:
        if not 1 <= self.sigma <= MOST_SIGMA:
            raise ValueError(f"need 1 <= sigma <= 2**16, got {self.sigma=}")

    @property
    def largest(self) -> int:
        """No draw is larger than this."""
        return TAIL * self.sigma

    @property
    def distance(self) -> float:
        """Total variation from the true distribution, at most.

        Each of the `largest` tails is off by less than 2**-127, so each size's chance is too; what lies beyond the last
        is below 2**-139.
        """
        return (self.largest + 2) * 2.0**-DRAW_BITS

    def chances(self) -> NDArray[np.float64]:
        """Chances of -largest, ..., largest, float64[2 largest + 1], as `draw` draws them."""
        upper, lower = _tails(self.sigma)
        at_least = [int(high) << 64 | int(low) for high, low in zip(upper[::-1], lower[::-1], strict=True)]
        sizes = [here - beyond for here, beyond in zip([1 << DRAW_BITS, *at_least], [*at_least, 0], strict=True)]
        one_side = np.array([size / 2 ** (DRAW_BITS + 1) for size in sizes])
        return np.concatenate([one_side[:0:-1], [2 * one_side[0]], one_side[1:]])

    def draw(self, rows: int, count: int, entropy: Entropy) -> Integers:
        """int64[rows, count]; two words each."""
        words = entropy.words(rows, 2 * count).reshape(rows, count, 2)
        if rows * count >= BULK and (kernels := _kernels()) is not None:
            fast: Integers = kernels.draws(words.reshape(-1, 2), *_tails(self.sigma), _guide(self.sigma))
            return fast.reshape(rows, count)
        high, low = words[..., 0] >> np.uint64(1), words[..., 0] << np.uint64(63) | words[..., 1] >> np.uint64(1)
        upper, lower = _tails(self.sigma)
        place = np.searchsorted(upper, high, side="right")
        size = len(upper) - place
        for row, column in np.argwhere(upper[place - 1] == high):  # once in 2**40 draws: the lower half decides
            here = (upper > high[row, column]) | ((upper == high[row, column]) & (lower > low[row, column]))
            size[row, column] = int(here.sum())
        return np.where(words[..., 1] & np.uint64(1), -size, size).astype(np.int64)


@lru_cache(maxsize=4)
def _tails(sigma: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Chances that a size is at least largest, ..., 2, 1, in units of 2**-127, as upper 63 and lower 64 bits; rising."""
    weights = _weights(sigma, TAIL * sigma)
    total = weights[0] + 2 * sum(weights[1:])
    upper, lower, beyond = [], [], 0
    for weight in reversed(weights[1:]):
        beyond += 2 * weight
        tail = (beyond << DRAW_BITS) // total
        upper.append(tail >> 64)
        lower.append(tail & (2**64 - 1))
    return np.array(upper, np.uint64), np.array(lower, np.uint64)


@lru_cache(maxsize=4)
def _guide(sigma: int) -> NDArray[np.int32]:
    from choral.numerics.gaussian_kernels import guide

    return guide(_tails(sigma)[0])


def _kernels() -> ModuleType | None:
    """The compiled twin of the search here, or None where numba is not installed (a bare device)."""
    try:
        from choral.numerics import gaussian_kernels
    except ImportError:
        return None
    return gaussian_kernels


def _weights(sigma: int, largest: int) -> list[int]:
    """exp(-x**2 / (2 sigma**2)) for x = 0 .. largest, in units of 2**-256, by weight(x + 1) = weight(x) step(x)."""
    one = 1 << FIXED_BITS
    step, shrink = _exp_minus(1, 2 * sigma * sigma), _exp_minus(1, sigma * sigma)
    weights = [one]
    for _ in range(largest):
        weights.append(weights[-1] * step >> FIXED_BITS)
        step = step * shrink >> FIXED_BITS
    return weights


def _exp_minus(numerator: int, denominator: int) -> int:
    """exp(-numerator / denominator) in units of 2**-256, for a ratio of at most 1, by its series."""
    total, term, n = 0, 1 << FIXED_BITS, 0
    while term:
        total += -term if n % 2 else term
        n += 1
        term = term * numerator // (denominator * n)
    return total
