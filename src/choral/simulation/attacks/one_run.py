"""One run in the central mode with many canaries: reports that hold one of two vectors, each by a coin of its own.

Knows the mechanism's own halves and the algorithm's. Leaves what guesses prove to mechanisms.audit_one_run. The auditor
sees released sums, knows every report but the coins, and scores each canary along the line between its two vectors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.learning.alternating_least_squares import AlternatingLeastSquares, example_rows
from choral.learning.base import Arrays
from choral.mechanisms.audit_one_run import CoinGuesses
from choral.mechanisms.base import Estimate, empty_state
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.numerics import SeededEntropy
from choral.privacy.zcdp import zcdp_rho
from choral.simulation.attacks.guesses import coins

ROWS = 512  # reports randomized at a time
GUESSED = 10  # of so many canaries one is guessed: that with the surest score
LOW, HIGH = 0.0, 1.0  # the ends of the scale of moods
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Canaries:
    """The two vectors that each report may hold, float64[m, d] each; the second where its coin is true."""

    tails: Floats
    heads: Floats


@dataclass(frozen=True, slots=True)
class Run:
    """What one run showed, beside what was claimed.

    claimed: epsilon of one report at `delta`; claimed_mu: how far a report moves a sum, in standard deviations of noise
    """

    found: CoinGuesses
    claimed: float
    claimed_mu: float
    delta: float


@dataclass(frozen=True, slots=True, eq=False)
class Night:
    """One batch: each canary's score, its coin, and what was released."""

    scores: Floats
    coins: NDArray[np.bool_]
    released: Estimate


def opposite_canaries(mechanism: GaussianVector, *, length: float = 1.0) -> Canaries:
    """One canary a coordinate: `length` clip norms down it or up it, as far apart as two reports can be at length 1."""
    half = np.eye(mechanism.dimension) * (length * mechanism.clip_norm)
    return Canaries(-half, half)


def rating_canaries(algorithm: AlternatingLeastSquares, params: Arrays, *, scales: float = 1.0) -> Canaries:
    """One canary an item: what a person sends who rates nothing else, and rates it as low, or as high, as the scale goes.

    scales: how many scales apart the two ratings are; above 1 only clipping keeps the two vectors near each other
    """
    centre, most = (LOW + HIGH) / 2, scales * (HIGH - LOW) / 2

    def rated(rating: float) -> Floats:
        rows = [algorithm.contribute(params, example_rows({item: rating})) for item in range(algorithm.items)]
        return np.asarray(np.concatenate(rows), np.float64)

    return Canaries(rated(centre - most), rated(centre + most))


def one_batch(mechanism: GaussianVector, canaries: Canaries, *, seed: int, used: GaussianVector | None = None) -> Run:
    """One batch of canaries alone. used: what really randomizes, where it is not the mechanism."""
    return _judged(mechanism, [_night(mechanism, used or mechanism, canaries, seed=seed)], len(canaries.heads))


def one_training(
    mechanism: GaussianVector,
    algorithm: AlternatingLeastSquares,
    *,
    nights: int,
    minimum: int,
    seed: int,
    scales: float = 1.0,
    used: GaussianVector | None = None,
) -> Run:
    """A model learnt over so many nights, each from `minimum` reports with one canary an item among them.

    The others sent nothing but their noise, so that they need not be subtracted. A report is in one night's sum alone; all
    that comes after is computed from that sum.
    """
    if minimum < algorithm.items:
        raise ValueError(f"need a report for each of {algorithm.items} items, got {minimum=}")
    state, found = algorithm.init(SeededEntropy(seed, 2**52)), list[Night]()
    for night in range(nights):
        canaries = rating_canaries(algorithm, algorithm.check_out(state, SeededEntropy(seed)), scales=scales)
        others = minimum - algorithm.items
        found.append(_night(mechanism, used or mechanism, canaries, seed=seed, night=night, others=others))
        state = algorithm.fold(state, found[-1].released, SeededEntropy(seed))
    return _judged(mechanism, found, minimum)


def halved_noise(mechanism: GaussianVector) -> GaussianVector:
    """A fault: half the noise that the claim needs."""
    return GaussianVector(mechanism.dimension, mechanism.clip_micro, mechanism.radius, mechanism.sigma // 2)


def unclipped(mechanism: GaussianVector, times: int) -> GaussianVector:
    """A fault: vectors up to so many times the clip norm pass as they are, on the same grid and with the same noise."""
    return GaussianVector(mechanism.dimension, mechanism.clip_micro * times, mechanism.radius * times, mechanism.sigma)


def _night(
    mechanism: GaussianVector, used: GaussianVector, canaries: Canaries, *, seed: int, night: int = 0, others: int = 0
) -> Night:
    """A batch of canaries and `others` who hold zeros; `used` sums it, and the mechanism's own half estimates."""
    tails, heads = (used.clip(one) for one in (canaries.tails, canaries.heads))
    fallen = coins(SeededEntropy(seed, 2**51 + night), len(heads))
    held = np.concatenate([np.where(fallen[:, None], heads, tails), np.zeros((others, mechanism.dimension))])
    state = empty_state(used)
    for start in range(0, len(held), ROWS):
        entropy = SeededEntropy(seed, night * 2**24 + start)
        state = used.accumulate(state, used.randomize(held[start : start + ROWS], entropy))
    released = mechanism.estimate(state, len(held))
    half = (heads - tails) / 2
    unknown = released.values - (heads + tails).sum(axis=0) / 2
    scores = half @ unknown / np.maximum(np.linalg.norm(half, axis=1), 1e-12)
    return Night(scores, fallen, released)


def _judged(mechanism: GaussianVector, nights: list[Night], minimum: int) -> Run:
    scores, fallen = (np.concatenate([getattr(one, name) for one in nights]) for name in ("scores", "coins"))
    (claim,) = (one for one in mechanism.guarantees(minimum) if one.trust == "sum")
    rho = zcdp_rho(2 * mechanism.radius, mechanism.sigma, shares=minimum, dimension=mechanism.dimension)
    found = CoinGuesses.of(scores, fallen, max(1, len(scores) // GUESSED))
    return Run(found, claim.epsilon, float(np.sqrt(2 * rho)), claim.delta)
