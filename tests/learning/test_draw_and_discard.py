"""Draw and discard: both halves of the ordinary journey, the distance check, and the compiled twin."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from choral.learning.contract import check_algorithm
from choral.learning.draw_and_discard import DrawAndDiscard, gaussians, measured_spread
from choral.learning.draw_and_discard_kernels import Holders, Limits, Turns, logistic_updates
from choral.mechanisms import Estimate, empty_state
from choral.mechanisms.laplace_model import LaplaceModel, unpacked
from choral.mechanisms.laplace_vector import LaplaceVector
from choral.numerics import SeededEntropy
from choral.protocol import Release, decode, encode

FALSE_ALARM = 1e-9
K = 5
MECHANISM = LaplaceModel.around(LaplaceVector.for_epsilon(4.0, 6, clip_norm=0.1))
ALGORITHM = DrawAndDiscard.with_noise_of(
    MECHANISM, model="logistic/1", shape="5", instances=K, rate_micro=50_000, clip_micro=2_000_000
)
STATE = ALGORITHM.init(SeededEntropy(1))


def examples(rows=4, label=None):
    source = np.random.default_rng(rows)
    labels = source.integers(0, 2, rows).astype(float) if label is None else np.full(rows, label)
    return {"inputs": source.uniform(size=(rows, 5)), "label": labels, "weight": np.ones(rows)}


def returned(state, seed, rows=4):
    """What the server estimates from one device's report."""
    params = ALGORITHM.check_out(state, SeededEntropy(seed))
    payload = MECHANISM.randomize(ALGORITHM.contribute(params, examples(rows)), SeededEntropy(seed + 1000))
    return MECHANISM.estimate(MECHANISM.accumulate(empty_state(MECHANISM), payload), 1)


def travelled(arrays):
    return decode(encode(Release(bytes(32), 0, "unpublished", 1, 0, (), arrays)), Release).arrays


def test_it_passes_the_contract_of_algorithms():
    updates = tuple(Estimate(STATE["instances"][i] + 0.01 * i, np.full(6, 0.1), 1) for i in (1, 2))
    check_algorithm(ALGORITHM, examples(), updates, travelled=travelled, linear=("instances",))


def test_each_instance_is_drawn_and_each_discarded_equally_often_and_independently():
    """Chi-square of all k * k pairs over 20,000 updates."""
    entropy, pairs = SeededEntropy(2), np.zeros((K, K))
    for _ in range(20_000):
        drawn = ALGORITHM.check_out(STATE, entropy)["params"]
        after = ALGORITHM.fold(STATE, Estimate(drawn + 1e-3, np.ones(6), 1), entropy)["instances"]
        discarded = np.flatnonzero((after != STATE["instances"]).any(axis=1))
        pairs[np.flatnonzero((STATE["instances"].astype(np.float32) == drawn).all(axis=1)), discarded] += 1
    assert chisquare(pairs.ravel()).pvalue > FALSE_ALARM


def test_a_check_out_has_the_same_size_whichever_instance_it_is():
    sizes = {
        len(encode(Release(bytes(32), 0, "params", 1, 0, (), ALGORITHM.check_out(STATE, SeededEntropy(i))))) for i in range(40)
    }
    assert len(sizes) == 1


def test_what_a_device_returns_is_the_same_from_float32_as_from_the_instance_itself():
    """Instances that devices returned lie on the grid; four bytes a weight find the same place as eight."""
    state = ALGORITHM.fold(STATE, returned(STATE, 3), SeededEntropy(4))
    exact = state["instances"][(state["instances"] != STATE["instances"]).any(axis=1)]
    sent = ALGORITHM.check_out({"instances": np.repeat(exact, K, axis=0)}, SeededEntropy(1))["params"]
    assert (sent.dtype, sent.nbytes) == (np.float32, 4 * 6)
    assert (sent != exact[0]).any()
    np.testing.assert_array_equal(MECHANISM.on_grid(sent.astype(np.float64)), MECHANISM.on_grid(exact[0]))


def test_the_fold_is_one_instance_replaced_and_no_other_touched():
    update = returned(STATE, 3)
    after = ALGORITHM.fold(STATE, update, SeededEntropy(4))
    changed = (after["instances"] != STATE["instances"]).any(axis=1)
    assert changed.sum() == 1
    np.testing.assert_array_equal(after["instances"][changed][0], update.values)
    assert (STATE["updates"][0], after["updates"][0]) == (0, 1)


def test_honest_answers_pass_the_distance_check_and_far_ones_do_not():
    """A thousand honest answers in a row, each from the state of the one before."""
    state = STATE
    for seed in range(1000):
        state = ALGORITHM.fold(state, returned(state, seed), SeededEntropy(seed))
    away = np.eye(1, 6)[0] * 1.01 * (ALGORITHM.limit + np.abs(state["instances"]).max() * math.sqrt(6))
    for far in (away, np.full(6, math.nan), np.full(6, math.inf)):
        with pytest.raises(ValueError, match="drop it"):
            ALGORITHM.fold(state, Estimate(far, np.ones(6), 1), SeededEntropy(0))


@given(st.data(), st.integers(0, 10**9), st.sampled_from([1, 2, 20, 1000]))
def test_what_is_given_out_lies_within_what_devices_accept_whatever_was_drawn(data, noise_nano, instances):
    """By a device's arithmetic in 32 bits and in 64; what lies within 8 standard deviations is given out as it is."""
    algorithm = replace(ALGORITHM, noise_nano=noise_nano, instances=instances)
    numbers = st.floats(-1e6, 1e6, width=32)
    around = {"params": np.array(data.draw(st.lists(numbers, min_size=6, max_size=6)), np.float32)}
    drawn = {"params": np.array(data.draw(st.lists(numbers, min_size=6, max_size=6)), np.float32)}
    near = algorithm.near(drawn, around)
    params = near["params"]
    assert (params.dtype, params.shape) == (np.float32, (6,))
    assert (np.abs(params.astype(np.float64) - around["params"]) <= algorithm.drawn_within).all()
    assert (np.abs(params - around["params"]) <= algorithm.drawn_within).all()
    honest = np.abs(drawn["params"].astype(np.float64) - around["params"]) <= 8 * math.sqrt(algorithm.spread_law)
    assert (params[honest] == drawn["params"][honest]).all()
    edge = algorithm.drawn_within * (1 - 2.0**-19) - np.abs(around["params"]) * 2.0**-22
    assert (np.abs(params.astype(np.float64) - around["params"])[~honest] >= edge[~honest]).all(), "it is cut no shorter"
    again = algorithm.near(near, around)
    assert again["params"].tobytes() == params.tobytes()


def test_in_a_round_of_k_squared_answers_hardly_any_weight_is_cut():
    """Honest answers, devices' steps included: the docstring's figure, at 40 seeds; all that are given out are accepted."""
    cut = given_out = 0
    for seed in range(40):
        state = ALGORITHM.init(SeededEntropy(seed))
        around = ALGORITHM.around(state)
        for turn in range(K * K):
            drawn = ALGORITHM.check_out(state, SeededEntropy(1000 * seed + turn))
            near = ALGORITHM.near(drawn, around)
            cut += int((near["params"] != drawn["params"]).sum())
            given_out += near["params"].size
            assert (np.abs(near["params"] - around["params"]) <= ALGORITHM.drawn_within).all()
            state = ALGORITHM.fold(state, returned(state, 1000 * seed + turn), SeededEntropy(turn))
    assert cut < 1e-3 * given_out


@pytest.mark.parametrize(("values", "n"), [(np.zeros(5), 1), (np.zeros(6), 2), (np.zeros((1, 6)), 1)])
def test_a_batch_that_is_not_one_model_is_refused(values, n):
    with pytest.raises(ValueError, match="one model"):
        ALGORITHM.fold(STATE, Estimate(values, values, n), SeededEntropy(0))


def test_a_step_is_within_the_clip_norm_and_one_record_of_five_moves_it_by_two_fifths_of_it():
    params = {"params": np.zeros(6)}
    big = {"inputs": np.full((5, 5), 1e6), "label": np.array([1.0, 1, 1, 1, 1]), "weight": np.ones(5)}
    other = {**big, "label": np.array([0.0, 1, 1, 1, 1])}
    one, two = (ALGORITHM.contribute(params, rows)[0, 6:] for rows in (big, other))
    assert np.abs(one).sum() == pytest.approx(ALGORITHM.clip_norm)
    assert np.abs(one - two).sum() == pytest.approx(2 * ALGORITHM.clip_norm / 5)
    small = examples()
    assert np.abs(ALGORITHM.contribute(params, small)[0, 6:]).sum() <= ALGORITHM.clip_norm


@pytest.mark.parametrize(
    ("mean", "longest", "distance"), [(0, 2, 0.8), (5, 2, 0.8), (1, 1, 1.6), (0.5, 0.5, 1.0), (0.1, 0.1, 0.2)]
)
def test_a_step_whose_mean_is_shortened_too_covers_a_device_by_less_and_a_record_by_more(mean, longest, distance):
    """Rows of 2 at most, 5 of them: 4/5 between two means, twice that between two shortened ones, never more than all rows."""
    algorithm = replace(ALGORITHM, mean_micro=round(mean * 1e6))
    assert algorithm.clip_norm == pytest.approx(0.05 * longest)
    assert algorithm.distance(5) == pytest.approx(0.05 * distance)
    source, most = np.random.default_rng(9), 0.0
    for turn in range(300):
        inputs, label = source.uniform(size=(5, 5)) * 10.0 ** (turn % 3 - 1), source.integers(0, 2, 5).astype(float)
        rows = {"inputs": inputs, "label": label, "weight": np.ones(5)}
        other = {**rows, "label": np.append(1 - label[0], label[1:])}
        one, two = (algorithm.local_step(np.zeros(6), each) for each in (rows, other))
        assert max(np.abs(one).sum(), np.abs(two).sum()) <= algorithm.clip_norm * (1 + 1e-12)
        most = max(most, float(np.abs(one - two).sum()))
    assert 0.4 * algorithm.distance(5) < most <= algorithm.distance(5) * (1 + 1e-12)


def test_who_holds_nothing_returns_the_instance_with_noise_alone():
    nothing = {name: np.zeros_like(array) for name, array in examples().items()}
    value = ALGORITHM.contribute({"params": np.arange(6.0)}, nothing)
    np.testing.assert_array_equal(value, [[*range(6), *[0] * 6]])


@pytest.mark.parametrize("model", ["logistic/1", "linear/1", "poisson/1"])
def test_every_generalized_linear_model_steps_downhill(model):
    algorithm = replace(ALGORITHM, model=model, rate_micro=10_000, clip_micro=10_000_000)
    rows = examples(6)
    step = algorithm.contribute({"params": np.zeros(6)}, rows)[0, 6:]
    losses = [float(algorithm.learner.loss(np, params, rows)) for params in (np.zeros(6), step)]
    assert losses[1] < losses[0]


def test_instances_start_where_noise_would_spread_them():
    """2,000 weights: the mean variance is within 6 standard errors, false alarm 2e-9."""
    algorithm = replace(ALGORITHM, shape="1999", instances=20, noise_nano=1_000_000_000)
    figures = algorithm.publish(algorithm.init(SeededEntropy(5)))
    assert figures["spread_law"][0] == 10
    assert abs(figures["spread"][0] - 10) < 6 * 10 * math.sqrt(2 / 19 / 2000)
    assert figures["spread_stderr"][0] == pytest.approx(10 * math.sqrt(2 / 19 / 2000), rel=0.2)


def test_a_warm_start_is_spread_around_the_release_the_same_each_time():
    algorithm = replace(ALGORITHM, start=bytes(range(32)))
    release = {"params": np.arange(6, dtype=np.float32)}
    one, other = algorithm.started(release), algorithm.started(release)
    np.testing.assert_array_equal(one["instances"], other["instances"])
    assert np.abs(one["instances"].mean(axis=0) - np.arange(6)).max() < 6 * math.sqrt(algorithm.spread_law / K)
    with pytest.raises(ValueError, match="starts from Release"):
        algorithm.init(SeededEntropy(1))


def test_what_is_served_is_the_average_or_one_of_them():
    np.testing.assert_allclose(ALGORITHM.publish(STATE)["params"], STATE["instances"].mean(axis=0), rtol=1e-6)
    one = replace(ALGORITHM, serve="one").publish(STATE)["params"]
    assert (one == STATE["instances"].astype(np.float32)).all(axis=1).any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"instances": 0},
        {"instances": 1001},
        {"rate_micro": 0},
        {"clip_micro": 0},
        {"reach_milli": 0},
        {"mean_micro": -1},
        {"serve": "all"},
        {"start": b"1"},
        {"canaries": b"1"},
        {"shape": "0"},
    ],
)
def test_illegal_fields_are_refused(wrong):
    with pytest.raises(ValueError, match=r"need|hash|shape"):
        replace(ALGORITHM, **wrong)


@pytest.mark.parametrize(("mean_micro", "epsilon"), [(0, 4.0), (500_000, 4.0), (0, 60.0)])
def test_the_compiled_twin_follows_the_ordinary_journey(mean_micro, epsilon):
    """200 updates from the same draws and the same noise: apart by no more than rounding to the grid, once an update.

    At epsilon 60 the mechanism cuts a weight's step at a sixth of the longest.
    """
    mechanism = LaplaceModel.around(LaplaceVector.for_epsilon(epsilon, 6, clip_norm=0.1))
    n, source, step = 200, np.random.default_rng(6), mechanism.update.step
    algorithm = replace(ALGORITHM, mean_micro=mean_micro)
    draw, discard, rows = source.integers(0, K, n), source.integers(0, K, n), source.integers(0, 30, (n, 3))
    table = examples(30)
    held = {name: array[rows] for name, array in table.items()}
    slow, fast, noise = STATE["instances"].copy(), STATE["instances"].copy(), np.empty((n, 6))
    for turn in range(n):
        own = SeededEntropy(7, stream=turn)
        value = algorithm.contribute({"params": slow[draw[turn]]}, {name: array[turn] for name, array in held.items()})
        slow[discard[turn]] = unpacked(mechanism.randomize(value, own)["steps"])[0] * step
        own = SeededEntropy(7, stream=turn)
        own.words(1, 6)
        noise[turn] = mechanism.update.noise.draw(1, 6, own)[0] * step
    inputs = np.column_stack([table["inputs"], np.ones(30)])
    holders = Holders(inputs, table["label"], rows, np.zeros(n, bool), np.zeros(6))
    limits = Limits(algorithm.rate, 2.0, algorithm.longest, (mechanism.reach - 1) * step)
    logistic_updates(fast, Turns(draw, discard, noise), holders, limits)
    assert np.abs(fast - slow).max() < 60 * step
    assert measured_spread(fast)[0] > (1000 * step) ** 2  # what rounding could explain is far less than what happened


def test_gaussians_are_gaussian():
    """10,000 numbers: mean and variance within 6 standard errors."""
    found = gaussians(SeededEntropy(8), 100, 100)
    assert abs(found.mean()) < 6 / 100
    assert abs(found.var() - 1) < 6 * math.sqrt(2) / 100
