"""One pure function for a device and a cohort: how equal their updates are, and that nothing ties it to a processor."""

import subprocess
import sys

import jax
import numpy as np
import pytest

from choral.learning import cohort
from choral.learning.buffered_gradient import BufferedGradient
from choral.learning.federated_averaging import FederatedAveraging
from choral.mechanisms.vectors import GRID, lifted
from choral.numerics import SeededEntropy
from choral.numerics.directions import gaussian_levels, spread

DEVICES, ROWS = 11, 13
RANKING = FederatedAveraging(model="bilinear-ranking/1", shape="4x6", batch=7, epochs=2)
LOGISTIC = FederatedAveraging(model="logistic/1", shape="30", batch=7)
PERCEPTRON = BufferedGradient(model="perceptron/1", shape="8x5")


def gaussians(*shape):
    words = SeededEntropy(3, len(shape)).words(1, -(-int(np.prod(shape)) // 4))
    return (gaussian_levels() / spread())[words.view("<u2")[0, : int(np.prod(shape))]].reshape(shape)


def examples_of(algorithm):
    weight = (np.arange(ROWS) < np.arange(DEVICES)[:, None] + 3).astype(np.float64)
    weight[4] = 0  # a device with nothing to say
    if algorithm is RANKING:
        chosen = np.arange(DEVICES * ROWS).reshape(DEVICES, ROWS) % 5
        shown = np.ones((DEVICES, ROWS, 5))
        parts = {"personal": gaussians(DEVICES, ROWS, 4), "items": gaussians(DEVICES, ROWS, 5, 6)}
        return {**parts, "offset": gaussians(DEVICES, ROWS, 5), "shown": shown, "chosen": chosen, "weight": weight}
    features = 30 if algorithm is LOGISTIC else 8
    label = (gaussians(DEVICES, ROWS, 1)[..., 0] > 0).astype(np.float64)
    return {"inputs": gaussians(DEVICES, ROWS, features), "label": label, "weight": weight}


def on_devices(algorithm, params, examples):
    own = ({name: array[device] for name, array in examples.items()} for device in range(DEVICES))
    return np.concatenate([algorithm.contribute({"params": params}, one) for one in own])


def start_of(algorithm):
    return 0.3 * algorithm.learner.init(SeededEntropy(5)).astype(np.float32)


@pytest.mark.parametrize("algorithm", [RANKING, LOGISTIC, PERCEPTRON], ids=["ranking", "logistic", "perceptron"])
def test_in_64_bits_a_cohorts_updates_are_the_devices_to_the_bit_on_the_integer_grid(algorithm):
    params, examples = start_of(algorithm), examples_of(algorithm)
    expected = on_devices(algorithm, params, examples)
    with jax.enable_x64(True):
        updates = cohort.updates(algorithm, params, examples)
    assert updates.dtype == np.float64
    np.testing.assert_allclose(updates, expected, rtol=1e-12, atol=1e-14)  # sums in another order: the last bits differ
    assert (lifted(updates, 1.0) == lifted(expected, 1.0)).all()
    assert not updates[4].any()


@pytest.mark.parametrize("algorithm", [RANKING, LOGISTIC, PERCEPTRON], ids=["ranking", "logistic", "perceptron"])
def test_in_32_bits_they_are_within_one_step_of_a_grid_of_a_millionth(algorithm):
    params, examples = start_of(algorithm), examples_of(algorithm)
    expected, updates = on_devices(algorithm, params, examples), cohort.updates(algorithm, params, examples)
    assert updates.dtype == np.float32
    steps = [
        np.rint(one[:, :-1] / GRID * 1e6).astype(np.int64)
        for one in (lifted(updates.astype(float), 1.0), lifted(expected, 1.0))
    ]
    assert abs(steps[0] - steps[1]).max() <= 1


def test_resident_examples_chosen_rows_and_parts_change_nothing(monkeypatch):
    params, examples = start_of(LOGISTIC), examples_of(LOGISTIC)
    rows = np.array([9, 0, 0, 4, 7])
    whole = cohort.updates(LOGISTIC, params, examples)
    for held in (examples, cohort.resident(examples)):
        np.testing.assert_allclose(cohort.updates(LOGISTIC, params, held, rows=rows), whole[rows], rtol=1e-5, atol=1e-7)
    each = sum(array[0].nbytes for array in examples.values()) + 4 * len(params)
    monkeypatch.setattr(cohort, "PART_BYTES", 4 * each)
    parts = list(cohort.parts(LOGISTIC, params, examples))
    assert [len(part) for part in parts] == [4, 4, 3], "memory stays flat: no part holds more devices"
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-5, atol=1e-7)


def test_rows_are_compiled_once_for_a_shape():
    params, examples = start_of(LOGISTIC), cohort.resident(examples_of(LOGISTIC))
    cohort.updates(LOGISTIC, params, examples, rows=np.arange(3))
    before = cohort._chosen_updates._cache_size()
    cohort.updates(LOGISTIC, params + 1, examples, rows=np.array([8, 2, 5]))
    assert cohort._chosen_updates._cache_size() == before


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@pytest.mark.parametrize("algorithm", [RANKING, LOGISTIC, PERCEPTRON], ids=["ranking", "logistic", "perceptron"])
def test_the_same_source_is_lowered_for_every_backend(algorithm, platform):
    examples = cohort.resident(examples_of(algorithm))
    traced = cohort._chosen_updates.trace(algorithm, 4, start_of(algorithm), examples, np.arange(8, dtype=np.int32))
    assert "stablehlo" in traced.lower(lowering_platforms=(platform,)).as_text()


@pytest.mark.parametrize("rows", [[], [11], [-1]])
def test_devices_that_are_not_there_are_refused(rows):
    with pytest.raises(ValueError, match="rows in"):
        cohort.updates(LOGISTIC, start_of(LOGISTIC), examples_of(LOGISTIC), rows=np.array(rows, np.int64))


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="leading axis"):
        cohort.updates(LOGISTIC, start_of(LOGISTIC), {**examples_of(LOGISTIC), "weight": np.ones((3, ROWS))})


def test_training_on_a_bare_device_loads_no_compiler():
    code = """
import sys
import numpy as np
from choral.learning import ALGORITHMS
from choral.learning.federated_averaging import FederatedAveraging
algorithm = FederatedAveraging(model="logistic/1", shape="3")
examples = {"inputs": np.ones((4, 3)), "label": np.ones(4), "weight": np.ones(4)}
assert algorithm.contribute({"params": np.zeros(4, np.float32)}, examples).any()
print(sorted({"numba", "scipy", "jax"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
