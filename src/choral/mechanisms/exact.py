"""The exact epsilon of a randomizer, found by walking every outcome of its own code. For small domains."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from choral.mechanisms.base import FrequencyOracle
from choral.numerics import Entropy, outcomes


def exact_epsilon(mechanism: FrequencyOracle, values: range | None = None) -> float:
    """The largest log ratio of an outcome's chances under two of `values` (all categories); infinite for a giveaway."""
    tables = [outcomes(partial(_one, mechanism.randomize, value)) for value in values or range(mechanism.domain)]
    worst = 0.0
    for outcome in set().union(*tables):
        chances = [table.get(outcome) for table in tables]
        possible = [chance for chance in chances if chance]
        if len(possible) < len(chances):
            return math.inf
        worst = max(worst, math.log(max(possible) / min(possible)))
    return worst


def _one(randomize: Callable[..., np.ndarray], value: int, entropy: Entropy) -> bytes:
    return randomize(np.array([value]), entropy).tobytes()
