"""Federated averaging and buffered gradients: what they learn, what they refuse, and how the server steps."""

from dataclasses import replace

import numpy as np
import optax
import pytest

from choral.learning import BufferedGradient, FederatedAveraging
from choral.learning.steps import Optimizer, linear_decay, tail_average
from choral.mechanisms import Estimate
from choral.mechanisms.priv_unit import PrivUnit
from choral.numerics import ScriptedEntropy, SeededEntropy
from tests.learning.examples import choices, labelled

RANKING = FederatedAveraging(model="bilinear-ranking/1", shape="3x4", local_rate_micro=500_000)
PHISHING = BufferedGradient(model="logistic/1", shape="5", horizon=20, rate_micro=4_000_000)


def begun(algorithm):
    return algorithm.init(SeededEntropy(1))


def params_of(algorithm, state):
    return algorithm.check_out(state, SeededEntropy(2))


def people(number, seed=0):
    """Devices whose choices follow one hidden matrix, and as many choices of others to judge by."""
    truth = np.random.default_rng(99).normal(size=(3, 4))
    devices = []
    for device in range(number):
        rows = choices(6, seed=1000 * seed + device)
        logits = np.einsum("np,pq,nmq->nm", rows["personal"], truth, rows["items"]) + rows["offset"]
        devices.append({**rows, "chosen": np.where(rows["shown"] > 0, logits, -np.inf).argmax(axis=1)})
    return devices


def joined(devices):
    return {name: np.concatenate([one[name] for one in devices]) for name in devices[0]}


def trained(algorithm, devices, rounds):
    state = begun(algorithm)
    for _ in range(rounds):
        params = params_of(algorithm, state)
        state = algorithm.folded(state, np.mean([algorithm.contribute(params, one)[0] for one in devices], axis=0))
    return state


def test_federated_averaging_learns_what_people_choose():
    devices, judged = people(30), joined(people(40, seed=1))
    metrics = [RANKING.judge(RANKING.publish(trained(RANKING, devices, rounds)), judged) for rounds in (0, 15)]
    assert metrics[1][0] > metrics[0][0] + 5 * (metrics[0][1] + metrics[1][1]), metrics


def test_buffered_gradients_find_the_central_optimum():
    """One device that holds all rows is central learning; 12 that hold one row each send the same mean."""
    rows = labelled(12) | {"weight": np.ones(12)}
    alone = [{name: array[row : row + 1] for name, array in rows.items()} for row in range(12)]
    central, federated = trained(PHISHING, [rows], 20), trained(PHISHING, alone, 20)
    assert np.allclose(central["params"], federated["params"], rtol=0, atol=1e-12)
    start, end = (PHISHING.learner.loss(np, state["params"], rows) for state in (begun(PHISHING), central))
    assert end < start / 1.5


def test_an_empty_journal_is_a_row_of_zeros():
    params = params_of(RANKING, begun(RANKING))
    empty = choices() | {"weight": np.zeros(12)}
    assert RANKING.contribute(params, empty).tolist() == [[0.0] * 12]
    none = {name: array[:0] for name, array in choices().items()}
    assert RANKING.contribute(params, none).tolist() == [[0.0] * 12]


@pytest.mark.parametrize(
    "wrong", [np.full(12, np.nan), np.full(12, np.inf), np.zeros(11), np.zeros((1, 12)), np.zeros(12, int)]
)
def test_a_model_of_the_wrong_shape_or_with_nan_is_refused(wrong):
    for refuse in (lambda: RANKING.contribute({"params": wrong}, choices()), lambda: RANKING.started({"params": wrong})):
        with pytest.raises(ValueError, match=r"was due|NaN or infinite"):
            refuse()
    with pytest.raises(ValueError, match="was due"):
        RANKING.started({})


def test_training_that_leaves_all_bounds_is_refused_by_the_mechanism_before_it_draws():
    wild = FederatedAveraging(model="linear/1", shape="5", local_rate_micro=2**60, epochs=40)
    values = wild.contribute(params_of(wild, begun(wild)), labelled())
    assert not np.isfinite(values).all()
    with pytest.raises(ValueError, match="NaN or infinite"):
        PrivUnit.for_epsilon(4.0, 6, clip_norm=1.0).randomize(values, ScriptedEntropy([]))


def test_a_warm_start_begins_where_the_release_is_and_only_there():
    public = np.arange(12, dtype=np.float32)
    warm = replace(RANKING, start=bytes(32))
    state = warm.started({"params": public})
    assert (
        warm.publish(state)["params"].tolist() == warm.check_out(state, SeededEntropy(1))["params"].tolist() == public.tolist()
    )
    with pytest.raises(ValueError, match="give its arrays to `started`"):
        begun(warm)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("algorithm", [RANKING, replace(RANKING, optimizer="adam"), PHISHING])
def test_no_estimate_brings_nan_or_an_overflow_into_the_state(algorithm, bad):
    size = algorithm.learner.size
    values = np.ones(size)
    values[2] = bad
    state = begun(algorithm)
    after = algorithm.fold(state, Estimate(values, np.ones(size), 10), SeededEntropy(1))
    after = algorithm.fold(after, Estimate(np.ones(size), np.full(size, bad), 10), SeededEntropy(1))
    assert after["round"][0] == 2
    assert all(np.isfinite(array).all() for array in after.values())
    assert np.isfinite(algorithm.publish(after)["params"]).all()


def test_an_estimate_of_another_size_is_refused():
    with pytest.raises(ValueError, match="need a sum of 12 numbers"):
        RANKING.fold(begun(RANKING), Estimate(np.ones(11), np.ones(11), 10), SeededEntropy(1))


def test_the_published_noise_is_the_standard_error_of_the_mean_update():
    """Through PrivUnit, 40 times; correct code fails with chance below 1e-6, an error off by a quarter is noticed."""
    devices = people(50)
    params = params_of(RANKING, begun(RANKING))
    values = np.concatenate([RANKING.contribute(params, one) for one in devices])
    mechanism = PrivUnit.for_epsilon(4.0, 12, clip_norm=10.0)
    ratios = []
    for seed in range(40):
        sums = mechanism.accumulate(np.zeros(13, np.int64), mechanism.randomize(values, SeededEntropy(seed)))
        after = RANKING.fold(begun(RANKING), mechanism.estimate(sums, 50), SeededEntropy(1))
        moved = after["params"] - begun(RANKING)["params"]
        ratios.append(np.linalg.norm(moved - values.mean(axis=0)) / RANKING.publish(after)["noise"][0])
    assert np.mean(np.square(ratios)) == pytest.approx(1, abs=0.35)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Optimizer("sgd", 0.0), optax.sgd(1.0)),
        (Optimizer("sgd", 0.9), optax.sgd(1.0, momentum=0.9)),
        (Optimizer("adam", 0.9), optax.adam(1.0, b1=0.9, b2=0.99)),
    ],
)
def test_server_steps_are_those_of_optax(ours, theirs):
    source = np.random.default_rng(0)
    memory, state = ours.memory(5), theirs.init(np.zeros(5, np.float32))
    for number in range(1, 8):
        update = source.normal(size=5)
        direction, memory = ours.step(memory, update, number)
        expected, state = theirs.update(-update.astype(np.float32), state)
        assert np.allclose(direction, expected, rtol=1e-4, atol=1e-5)


def test_the_rate_falls_linearly_and_ends():
    assert [linear_decay(2.0, number, 4) for number in range(6)] == [2.0, 1.5, 1.0, 0.5, 0.0, 0.0]


def test_the_tails_mean_is_served_and_the_iterate_goes_on():
    algorithm = replace(PHISHING, horizon=4, tail_milli=500, rate_micro=1_000_000)
    state = begun(algorithm)
    iterates, served = [], []
    for _ in range(6):
        state = algorithm.folded(state, np.ones(6))
        iterates.append(state["params"])
        served.append(state["served"])
    assert served[0].tolist() == iterates[0].tolist()
    assert served[1].tolist() == iterates[1].tolist()
    assert served[2].tolist() == iterates[2].tolist()
    assert np.allclose(served[3], (iterates[2] + iterates[3]) / 2)
    assert served[5].tolist() == served[3].tolist(), "after the horizon the model rests"
    assert iterates[5].tolist() == iterates[3].tolist()
    assert params_of(algorithm, state)["params"].tolist() == iterates[3].astype(np.float32).tolist()
    assert int(state["round"][0]) == 6


@pytest.mark.parametrize(("tail", "averaged"), [(0.0, 1), (0.5, 5), (1.0, 10)])
def test_a_share_of_the_horizon_is_averaged(tail, averaged):
    served = np.zeros(1)
    for number in range(10):
        served = tail_average(served, np.array([float(number)]), number, horizon=10, tail=tail)
    assert served[0] == pytest.approx(np.mean(range(10 - averaged, 10)))


def test_the_anchor_pulls_towards_the_start():
    free, held = replace(PHISHING, horizon=1000), replace(PHISHING, horizon=1000, anchor_micro=200_000)
    for algorithm in (free, held):
        state = begun(algorithm)
        for _ in range(300):
            state = algorithm.folded(state, np.full(6, 0.1))
        if algorithm is held:  # rests where the pull equals the mean: 0.1 / 0.2 away
            assert np.allclose(state["params"] - state["start"], 0.5, atol=1e-6)
        else:
            assert (state["params"] - state["start"] > 50).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "oracle/1"},
        {"shape": "3"},
        {"shape": "3x0"},
        {"shape": "3x-4"},
        {"shape": "03x4"},
        {"shape": ""},
        {"shape": 12},
        {"optimizer": "lion"},
        {"momentum_milli": 1000},
        {"epochs": 0},
        {"epochs": 10**6},
        {"local_rate_micro": 0},
        {"canaries": b"short"},
        {"start": b"short"},
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(changes):
    with pytest.raises(ValueError, match=r"need|no model|no shape|32 bytes"):
        replace(RANKING, **changes)


def test_judging_says_how_good_a_version_is():
    rows = labelled(200) | {"weight": np.ones(200)}
    good = {"params": np.append(np.ones(5), 0.0).astype(np.float32)}
    bad = {"params": -good["params"]}
    (high, error), (low, _) = PHISHING.judge(good, rows), PHISHING.judge(bad, rows)
    assert high > 0.5 + 3 * error
    assert low == pytest.approx(1 - high)
