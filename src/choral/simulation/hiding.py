"""How well a shuffled batch hides one device behind the others: the numerical bound, as tight as the mechanism allows.

Knows clones and oracles. Leaves the closed form to privacy. Conditional on an honest shuffler, like every such number.
"""

import math

from choral.mechanisms import FrequencyOracle
from choral.privacy import Clones

TWO_LEVELS = ("RandomizedResponse", "SubsetSelection", "ProjectiveGeometryResponse")
STEPS = 30  # halvings of the interval that holds epsilon: the answer is rounded up by at most epsilon / 2**30


def two_level(oracle: FrequencyOracle) -> Clones | None:
    """How others hide one report of an oracle whose every output has one of two chances E apart; None for another oracle.

    Then p - r = (E - 1) * rare, where p and r are the chances to support the truth and another item.
    """
    support = getattr(oracle, "support", None)
    if type(oracle).__name__ not in TWO_LEVELS or support is None:
        return None
    rare = (support.truth - support.lie) / math.expm1(oracle.epsilon)
    return Clones.two_level(oracle.epsilon, min(rare, 1 / (math.exp(oracle.epsilon) + 1)))


def device_epsilon(hidden: Clones, reports: int, delta: float, *, reports_per_device: int = 1) -> float:
    """Epsilon of one device with up to `reports_per_device` of the reports: that many times the epsilon of one step.

    One changed device changes that many reports, one after the other (group privacy): the deltas of the steps, each
    worth exp(epsilon) more than the one before, must keep within `delta` together.
    """
    low, high = 0.0, math.log(hidden.odds)
    for _ in range(STEPS):
        middle = (low + high) / 2
        steps = sum(math.exp(min(step * middle, 600)) for step in range(reports_per_device))
        low, high = (low, middle) if hidden.delta(middle, reports) * steps <= delta else (middle, high)
    return high * reports_per_device
