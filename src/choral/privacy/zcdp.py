"""Zero-concentrated differential privacy: what Gaussian noise on integers costs, and what that is in (epsilon, delta).

Source: Canonne, Kamath and Steinke (NeurIPS 2020), Theorem 4 (noise), Corollary 13 (conversion); Kairouz, Liu and
Steinke (ICML 2021, arXiv 2102.06387), Proposition 14 (sums of discrete Gaussians).
"""

import math
from functools import lru_cache

STEPS = 200
MOST_REMEMBERED = 256  # a device asks for the same few at every turn


def zcdp_rho(distance: float, sigma: float, *, shares: int = 1, dimension: int = 1) -> float:
    """Rho for integer vectors that differ by `distance` in L2 norm, under the sum of `shares` discrete Gaussians.

    sigma: of each share, at least 1; a sum of discrete Gaussians is not one, but is as near as `gap` says
    """
    if distance < 0 or sigma < 1 or shares < 1 or dimension < 1:
        raise ValueError(f"need distance >= 0 and the rest >= 1, got {distance=}, {sigma=}, {shares=}, {dimension=}")
    gap = 10 * shares * math.exp(-((math.pi * sigma) ** 2)) if shares > 1 else 0.0  # every term has k / (k + 1) >= 1 / 2
    return (distance / (math.sqrt(shares) * sigma) + gap * math.sqrt(dimension)) ** 2 / 2


@lru_cache(MOST_REMEMBERED)
def zcdp_epsilon(rho: float, delta: float) -> float:
    """An epsilon such that rho-zCDP is (epsilon, delta)-private: every order gives one, and this is about the least.

    >>> round(zcdp_epsilon(0.1, 1e-6), 3)
    2.142
    """
    if not (rho >= 0 and 0 < delta < 1):
        raise ValueError(f"need rho >= 0 and 0 < delta < 1, got {rho=}, {delta=}")
    if rho == 0:
        return 0.0
    low, high = math.log(1e-9), math.log(1e9)  # of the order less 1; the bound falls and rises
    for _ in range(STEPS):
        left, right = (2 * low + high) / 3, (low + 2 * high) / 3
        low, high = (left, high) if _bound(rho, delta, left) > _bound(rho, delta, right) else (low, right)
    return max(0.0, _bound(rho, delta, low)) * (1 + 2**-40)


def zcdp_budget(epsilon: float, delta: float) -> float:
    """About the largest rho whose `zcdp_epsilon` is at most `epsilon`, rounded down."""
    low, high = 0.0, epsilon + 1.0
    while zcdp_epsilon(high, delta) < epsilon:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if zcdp_epsilon(middle, delta) <= epsilon else (low, middle)
    return low


def _bound(rho: float, delta: float, log_excess: float) -> float:
    """Corollary 13 at the order 1 + exp(log_excess)."""
    excess = math.exp(log_excess)
    order = 1 + excess
    return rho * order + (math.log(1 / delta) + excess * math.log(excess / order) - math.log(order)) / excess
