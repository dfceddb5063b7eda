"""Attackers who collude: what each sends is legal, and together they push the model where it judges worst.

Knows mechanisms and the two ways to learn. An attacker knows the data, the model and the seed of nothing but its own
report; it needs no noise. Against a list of directions it may search seeds for the direction that suits it best.
"""

import numpy as np
from numpy.typing import NDArray

from choral.apps.phishing.study.ground import Ground
from choral.apps.phishing.study.population import source, uniforms
from choral.learning.draw_and_discard import DrawAndDiscard
from choral.mechanisms.base import empty_state
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.mechanisms.priv_unit import PrivUnit
from choral.mechanisms.vectors import lifted

Floats = NDArray[np.float64]
SEEDS = 512  # whose lists an attacker searches
INSIDE = 0.99  # of the distance at which a returned model is refused


def hostile(devices: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Which devices are hostile: bool[devices], each with chance `share`."""
    return uniforms(source("hostile", seed), devices, 1)[:, 0] < share


def worst_direction(ground: Ground) -> Floats:
    """Away from the best model there is, float64[size] of length 1: the direction tried that lowers AUC most.

    Pushing along the gradient at the current model lowers it less: what is undone grows with what was done.
    """
    best = ground.central()
    return -best / float(np.linalg.norm(best))


def named_direction(mechanism: PrivUnit, target: Floats, *, seed: int) -> Floats:
    """What the server adds for the legal report nearest to `target` among all lists of `SEEDS` seeds: float64[dimension]."""
    seeds = source("attack", seed).words(1, SEEDS)[0]
    points = np.repeat(lifted(target[None, :] * mechanism.clip_norm, mechanism.clip_norm), SEEDS, axis=0)
    scores = mechanism.scores(seeds, points)
    which, pair = divmod(int(np.abs(scores).argmax()), mechanism.pairs)
    payload = np.zeros(1, mechanism.payload)
    payload["seed"], payload["index"] = seeds[which], 2 * pair + (scores[which, pair] < 0)
    return np.asarray(mechanism.estimate(mechanism.accumulate(empty_state(mechanism), payload), 1).values, np.float64)


def hostile_report(mechanism: PrivUnit | GaussianVector | None, clip: float, target: Floats, *, seed: int) -> Floats:
    """What one hostile report adds to a buffer's sum; of full length where no mechanism gives more: float64[size]."""
    return named_direction(mechanism, target, seed=seed) if isinstance(mechanism, PrivUnit) else clip * target


def hostile_push(algorithm: DrawAndDiscard, target: Floats) -> Floats:
    """How far a hostile device may move the instance that it drew without being refused: float64[size]."""
    return INSIDE * algorithm.limit * target
