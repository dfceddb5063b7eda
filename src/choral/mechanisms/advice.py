"""When a mechanism is a bad choice for its parameters, and which one is better."""

import numpy as np

from choral.mechanisms.base import FrequencyOracle
from choral.mechanisms.hadamard_count_mean_sketch import HadamardCountMeanSketch
from choral.mechanisms.optimum import optimal_variance
from choral.mechanisms.projective_geometry import MOST_CELLS, ProjectiveGeometryResponse
from choral.mechanisms.randomized_response import RandomizedResponse

TOLERABLE = 2.5  # times the optimal variance; Apple's emoji sketch has 2.4
HADAMARD_EPSILON = 2.0


def excess(mechanism: FrequencyOracle) -> float:
    """The variance of a rare item's share over V*, the least that any mechanism can have at this epsilon."""
    rare = float(mechanism.variance(np.zeros(mechanism.domain), 1)[0])
    return rare / optimal_variance(mechanism.epsilon, mechanism.domain)


def advice(mechanism: FrequencyOracle) -> tuple[str, ...]:
    """Sentences of warning, each naming something better; empty for a good choice.

    >>> advice(RandomizedResponse.for_epsilon(4.0, domain=16))
    ()
    """
    if mechanism.domain < 2 or mechanism.domain > MOST_CELLS // 2:
        return ()
    found, times = [], excess(mechanism)
    better = best_choice(mechanism.epsilon, mechanism.domain)
    named = f"{better.NAME} has {excess(better):.2f} times"
    if isinstance(mechanism, HadamardCountMeanSketch) and mechanism.epsilon > HADAMARD_EPSILON:
        found.append(
            f"{mechanism.NAME} sends one bit and gains little above epsilon {HADAMARD_EPSILON:g}: "
            f"{times:.1f} times the optimal variance at epsilon {mechanism.epsilon:.3g}; {named}"
        )
    elif times > TOLERABLE:
        found.append(
            f"{mechanism.NAME} has {times:.1f} times the optimal variance over {mechanism.domain} categories "
            f"at epsilon {mechanism.epsilon:.3g}; {named}"
        )
    if mechanism.manipulation > TOLERABLE * better.manipulation:
        found.append(
            f"one hostile report moves a count of {mechanism.NAME} by {mechanism.manipulation:.1f}; "
            f"with {better.NAME} by {better.manipulation:.1f}"
        )
    return tuple(found)


def best_choice(epsilon: float, domain: int) -> FrequencyOracle:
    """The more accurate one of projective geometry and randomized response: both optimal, each on its side."""
    choices: list[FrequencyOracle] = [RandomizedResponse.for_epsilon(epsilon, domain)]
    choices.append(ProjectiveGeometryResponse.for_epsilon(epsilon, domain))
    return min(choices, key=excess)
