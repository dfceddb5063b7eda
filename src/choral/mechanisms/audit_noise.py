"""Does Gaussian noise on integers keep the local epsilon that it claims at its delta? For a vector of one number.

Two looks: every outcome of the table of noise, with its exact chance, under the two values farthest apart; and reports
drawn through `randomize` itself, which would show noise that is too small, or used twice.
"""

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.audit import ALPHA, Audit, Case, Verdict, audit_by_sampling
from choral.mechanisms.base import DELTA, Payloads
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.mechanisms.vectors import norm_bound, on_grid
from choral.numerics import Entropy

TIGHT = 0.9  # share of the claim that the walk must reach: the conversion from zCDP is that near
BUCKETS = 64  # into which drawn reports fall
STEPS = 60


def audit_noise(mechanism: GaussianVector, entropy: Entropy, *, draws: int, alpha: float = ALPHA) -> Audit:
    """Broken if either look exceeds the claim; else the walk's finding, which is exact."""
    if mechanism.dimension != 1:
        raise ValueError(f"only vectors of one number can be walked, got {mechanism.dimension=}")
    drawn = audit_by_sampling(noise_case(mechanism), entropy, draws=draws, alpha=alpha)
    if drawn.verdict == "broken":
        return drawn
    exact = walked_epsilon(mechanism)
    verdict: Verdict = "holds" if exact >= TIGHT * mechanism.epsilon else "loose"
    if exact > mechanism.epsilon + 1e-9:
        verdict = "broken"
    return Audit(mechanism.NAME, mechanism.epsilon, exact, "enumeration", 0, 0.0, verdict)


def noise_case(mechanism: GaussianVector) -> Case:
    """Tells the two ends of the interval apart by where a report falls."""
    end, width = mechanism.radius + 4 * mechanism.sigma, 2 * (mechanism.radius + 4 * mechanism.sigma) / BUCKETS

    def marks(payloads: Payloads) -> NDArray[np.integer]:
        place = np.floor((payloads["steps"][:, 0] + end) / width).astype(np.int64)
        return np.clip(place, 0, BUCKETS - 1)

    value = np.array([[mechanism.clip_norm]])
    return Case(mechanism, (value, -value), marks, delta=DELTA)


def walked_epsilon(mechanism: GaussianVector) -> float:
    """The least epsilon at which one end of the interval and the other are (epsilon, DELTA)-close, from exact chances."""
    up, down = _chances(mechanism, 1.0), _chances(mechanism, -1.0)
    return max(_epsilon(up, down), _epsilon(down, up))


def _chances(mechanism: GaussianVector, sign: float) -> NDArray[np.float64]:
    """Of each step from the lowest to the highest possible: the noise's chances, moved to both neighbours of the value."""
    noise = mechanism.noise.chances()
    exact = float(on_grid(np.array([[sign]]), 1.0, mechanism.radius - norm_bound(1))[0, 0])
    floor = int(np.floor(exact))
    total = np.zeros(len(noise) + 2 * mechanism.radius + 1)
    for step, chance in ((floor, 1 - (exact - floor)), (floor + 1, exact - floor)):
        start = step + mechanism.radius
        total[start : start + len(noise)] += chance * noise
    return total


def _epsilon(likely: NDArray[np.float64], rare: NDArray[np.float64]) -> float:
    low, high = 0.0, 64.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        excess = float(np.maximum(likely - np.exp(middle) * rare, 0).sum())
        low, high = (low, middle) if excess <= DELTA else (middle, high)
    return high
