"""The device's half and a cohort's are one pure function: what they answer, on the grid that a mechanism randomizes."""

import jax
import numpy as np
import pytest

from choral.learning import BufferedGradient, FederatedAveraging
from choral.learning.cohort import updates
from choral.mechanisms.vectors import GRID, lifted
from choral.numerics import SeededEntropy
from tests.learning.examples import choices, labelled

DEVICES = 40
CLIP = 0.3  # most updates are longer, some are not
RANKING = [choices(personal=10, item=15, places=10, seed=seed) for seed in range(DEVICES)]
LABELS = [labelled(30, inputs=64, seed=seed) for seed in range(DEVICES)]
CASES = [
    (FederatedAveraging(model="bilinear-ranking/1", shape="10x15", epochs=2, batch=5, local_rate_micro=20_000), RANKING),
    (FederatedAveraging(model="perceptron/1", shape="64x32", start_micro=1_000_000), LABELS),
    (BufferedGradient(model="logistic/1", shape="64"), LABELS),
]


def of_devices(algorithm, params, examples):
    return np.concatenate([algorithm.contribute(params, one) for one in examples])


def of_cohort(algorithm, params, examples, dtype):
    together = {name: np.stack([one[name] for one in examples]) for name in examples[0]}
    return updates(algorithm, params["params"].astype(dtype), together)


def both(algorithm, examples, dtype):
    """Lifted updates of the same devices, alone and as a cohort: int64[devices, size + 1] each."""
    params = algorithm.check_out(algorithm.init(SeededEntropy(1)), SeededEntropy(2))
    alone, together = of_devices(algorithm, params, examples), of_cohort(algorithm, params, examples, dtype)
    assert together.dtype == dtype
    return (lifted(np.asarray(rows, np.float64), CLIP) for rows in (alone, together))


@pytest.mark.parametrize(("algorithm", "examples"), CASES)
def test_in_64_bits_a_cohorts_updates_equal_its_devices_to_the_bit_on_the_mechanisms_grid(algorithm, examples):
    with jax.enable_x64(True):
        alone, together = both(algorithm, examples, np.float64)
    assert np.array_equal(alone, together)


@pytest.mark.parametrize(("algorithm", "examples"), CASES)
def test_in_32_bits_they_lie_within_one_step_of_a_grid_four_times_as_coarse(algorithm, examples):
    """Measured: at most 2 steps of the mechanism's grid of radius 2**24, so 1 step of one of radius 2**22.

    The last coordinate, what an update lacks to full length, is a root near 0 where an update was clipped: there a step
    of the others weighs up to 2,200 steps, which is below 2**-12 of the radius.
    """
    alone, together = both(algorithm, examples, np.float32)
    assert np.abs(together - alone)[:, :-1].max() <= 2
    assert np.abs(np.rint(together / 4) - np.rint(alone / 4))[:, :-1].max() <= 1
    assert np.abs(together - alone)[:, -1].max() <= GRID / 2**12
