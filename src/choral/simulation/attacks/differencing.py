"""Differencing: one batch with a device and one without it are subtracted, by someone who knows what all others hold.

Batches here are summed and estimated by the mechanism's own halves. Leaves to the server that no report is in two of
them. `Second` says what the analyst holds beside the batch with the device; `overlap` is what no server may ever give.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms import FrequencyOracle
from choral.mechanisms.base import Mechanism, Payloads, Values, empty_state
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.numerics import SeededEntropy
from choral.simulation.attacks.guesses import Guesses, coins, judged

Second = Literal["truth", "round", "overlap"]
CHUNK_NUMBERS = 2**22  # numbers in the values randomized at a time
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One device among others that are known.

    pair: the two values that it may hold, two rows; others: what the others hold, n - 1 rows
    weights: float64[d], what a release is multiplied with to tell the two apart; others_add: what `others` add to that
    """

    mechanism: Mechanism
    pair: Values
    others: Values
    weights: Floats
    others_add: float

    @property
    def reports(self) -> int:
        """Reports in the batch with the device."""
        return len(self.others) + 1


def in_histogram(oracle: FrequencyOracle, others: Values) -> Target:
    """A device that holds the first category or the last."""
    weights = np.zeros(oracle.domain)
    weights[-1], weights[0] = 1.0, -1.0
    return Target(oracle, np.array([0, oracle.domain - 1]), others, weights, float(weights[others].sum()))


def in_sum(mechanism: GaussianVector, others: Values) -> Target:
    """A device that holds a vector of full length, or its opposite."""
    update = np.eye(1, mechanism.dimension) * mechanism.clip_norm
    others_add = float((mechanism.clip(others) @ update[0]).sum()) if len(others) else 0.0
    return Target(mechanism, np.concatenate([-update, update]), others, update[0], others_add)


def guess_by_difference(target: Target, second: Second, *, tries: int, seed: int) -> Guesses:
    """How often the difference tells which value the device holds.

    second: `truth`: what the others hold, subtracted exactly; `round`: the release of another round, in which the others
    take part with the same values and fresh noise, and the device does not; `overlap`: the first batch's own reports
    released again without the device's
    """
    truth, ties = coins(SeededEntropy(seed, 2**62), tries), coins(SeededEntropy(seed, 2**62 + 1), tries)
    scores = np.empty(tries)
    size = target.reports * max(1, int(np.prod(target.pair.shape[1:])))
    step = max(1, CHUNK_NUMBERS // size)
    for start in range(0, tries, step):
        part = slice(start, min(start + step, tries))
        scores[part] = _differences(target, second, truth[part], seed, start)
    return judged(scores, truth, ties)


def _differences(target: Target, second: Second, truth: NDArray[np.bool_], seed: int, start: int) -> Floats:
    """What is left after the subtraction, one number a try."""
    n, tries = target.reports, len(truth)
    values = np.stack([np.concatenate([target.pair[int(one)][None], target.others]) for one in truth])
    reports = _randomized(target, values.reshape(tries * n, *target.pair.shape[1:]), seed, 2 * start * n)
    reports = reports.reshape(tries, n)
    first = np.array([_seen(target, batch) for batch in reports])
    if second == "overlap":
        return first - [_seen(target, batch[1:]) for batch in reports]
    if second == "truth" or n == 1:
        return first - target.others_add
    again = _randomized(target, np.concatenate([target.others] * tries), seed, (2 * start + tries) * n)
    return first - [_seen(target, batch) for batch in again.reshape(tries, n - 1)]


def _randomized(target: Target, values: Values, seed: int, stream: int) -> Payloads:
    return target.mechanism.randomize(values, SeededEntropy(seed, stream))


def _seen(target: Target, batch: Payloads) -> float:
    """What the release of a batch says about the two values."""
    mechanism = target.mechanism
    estimate = mechanism.estimate(mechanism.accumulate(empty_state(mechanism), np.ascontiguousarray(batch)), len(batch))
    return float(estimate.values @ target.weights)
