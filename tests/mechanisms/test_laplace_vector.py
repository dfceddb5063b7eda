"""Laplace noise on a grid: what it costs exactly, how far vectors can be apart, and the model it is put on."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.mechanisms.laplace_model import MOST_STEPS, LaplaceModel, packed, unpacked
from choral.mechanisms.laplace_vector import ONE_COORDINATE, LaplaceVector
from choral.mechanisms.vectors import rounded
from choral.numerics import SeededEntropy
from choral.numerics.enumeration import EnumeratedEntropy
from choral.privacy import micro

SMALL = LaplaceVector(1, 1_000_000, 40, 40, 20)


def outcomes(mechanism, step):
    """The exact chance of each outcome of a vector of one number that was rounded to `step`: fractions of 2**128."""
    noise, found = mechanism.noise, {}
    high, low = noise.chances()
    for i, above in enumerate(high):
        for j, last in enumerate(low):
            size = i * noise.base + j % noise.base
            x = size if j < noise.base else -1 - size
            place = max(-mechanism.limit, min(mechanism.limit, step + x))
            found[place] = found.get(place, 0) + above * last
    return found


def test_one_numbers_epsilon_is_exact():
    """Every outcome under the two steps farthest apart, through the tables in use; the ends gather what is cut."""
    up, down = outcomes(SMALL, SMALL.radius), outcomes(SMALL, -SMALL.radius)
    assert up.keys() == down.keys() == set(range(-SMALL.limit, SMALL.limit + 1))
    worst = max(abs(math.log(up[place]) - math.log(down[place])) for place in up)
    assert worst <= SMALL.epsilon
    assert worst >= SMALL.epsilon - 1e-8
    assert SMALL.epsilon == pytest.approx(2 * SMALL.radius / SMALL.scale, abs=1e-8)


@given(st.integers(1, 200), st.integers(0, 2**32), st.floats(1e-3, 1e300))
def test_no_rounded_vector_is_longer_than_the_radius_or_reaches_farther_than_it_may(dimension, seed, size):
    """Also where every coordinate is rounded away from zero: what epsilon rests on."""
    for mechanism in (
        LaplaceVector.for_epsilon(4.0, dimension, clip_norm=1.0),
        LaplaceVector(dimension, 10**6, 1000 * dimension, 9, 9),
    ):
        words = SeededEntropy(seed).words(2, dimension)
        exact = mechanism.on_grid((words.astype(np.float64) / 2**63 - 1) * size)
        farthest = np.sign(exact) * np.ceil(np.abs(exact))
        assert (np.abs(farthest).sum(axis=1) <= mechanism.radius).all()
        assert (np.abs(farthest) <= mechanism.reach).all()
        assert (np.abs(rounded(exact, words)) <= np.abs(farthest)).all()


@given(st.floats(0.01, 60), st.integers(1, 2000))
def test_never_weaker_than_asked_and_hardly_stronger(epsilon, dimension):
    mechanism = LaplaceVector.for_epsilon(epsilon, dimension, clip_norm=0.3)
    assert 0.95 * epsilon < mechanism.epsilon <= epsilon


@pytest.mark.parametrize("epsilon", [1.0, 4.0, 8.0])
def test_the_papers_epsilon_for_one_number_is_a_53rd_of_that_for_a_record(epsilon):
    mechanism = LaplaceVector.for_one_coordinate(epsilon, 53, most=0.02)
    assert 0.99 * epsilon < mechanism.epsilon_of_one <= epsilon
    assert mechanism.epsilon / mechanism.epsilon_of_one == pytest.approx(53, rel=1e-6)
    whole, _, one = mechanism.guarantees(1)
    assert (whole.relation, whole.trust, whole.epsilon) == ("any two values", "nobody", mechanism.epsilon)
    assert (one.relation, one.epsilon) == (ONE_COORDINATE, mechanism.epsilon_of_one)
    assert "other coordinates are the same" in one.sentence
    assert micro(mechanism.guarantees(1)[0].epsilon) > 52_000_000 * epsilon  # what a ledger charges


def test_the_papers_noise_is_two_steps_over_epsilon():
    mechanism = LaplaceVector.for_one_coordinate(4.0, 53, most=0.02)
    assert mechanism.step * mechanism.scale == pytest.approx(2 * 0.02 / 4.0, rel=0.01)
    whole = LaplaceVector.for_epsilon(4.0, 53, clip_norm=0.06)
    assert whole.step * whole.scale == pytest.approx(2 * 0.06 / 4.0, rel=0.01)


def test_a_small_change_costs_little_and_no_change_costs_more_than_any_two_values():
    mechanism = LaplaceVector.for_epsilon(4.0, 53, clip_norm=1.0)
    assert 0.8 < mechanism.epsilon_of_change(2 / 5) < 0.81
    assert mechanism.epsilon_of_change(2.0) == mechanism.epsilon_of_change(9.0) == mechanism.epsilon


def test_values_are_shortened_to_the_l1_norm():
    mechanism = LaplaceVector.for_epsilon(1.0, 4, clip_norm=1.0)
    vectors = np.array([[3.0, -1.0, 0, 0], [0.5, 0.1, -0.1, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(mechanism.clip(vectors), [[0.75, -0.25, 0, 0], [0.5, 0.1, -0.1, 0], [0, 0, 0, 0]], atol=1e-5)


def test_above_epsilon_10_a_single_number_is_cut():
    mechanism = LaplaceVector.for_epsilon(20.0, 10, clip_norm=1.0)
    assert mechanism.clip(np.eye(1, 10))[0, 0] == pytest.approx(0.5, rel=0.01)
    assert mechanism.epsilon == pytest.approx(20, rel=0.01)
    assert mechanism.epsilon_of_one == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize(
    "wrong",
    [
        {"dimension": 0},
        {"clip_micro": 0},
        {"radius": 1},
        {"radius": 2**27},
        {"reach": 1},
        {"reach": 41},
        {"scale": 0},
        {"scale": 7},
    ],
)
def test_illegal_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match="need"):
        replace(SMALL, **wrong)


@pytest.mark.parametrize(("epsilon", "dimension"), [(0.0, 10), (math.nan, 10), (1e9, 10), (1.0, 0), (0.001, 60_000)])
def test_what_no_grid_can_do_is_refused(epsilon, dimension):
    with pytest.raises(ValueError, match="epsilon"):
        LaplaceVector.for_epsilon(epsilon, dimension, clip_norm=1.0)


UPDATE = LaplaceVector.for_epsilon(2.0, 5, clip_norm=0.1)
MODEL = LaplaceModel.around(UPDATE)


def test_a_models_report_is_its_centre_plus_the_vectors_report():
    centre, update = np.array([[1.0, -2.0, 0.5, 0, 3.0]]), np.array([[0.02, -0.01, 0, 0.03, 0.3]])
    model = unpacked(MODEL.randomize(np.concatenate([centre, update], axis=1), SeededEntropy(3))["steps"])
    vector = UPDATE.randomize(update, SeededEntropy(3))["steps"]
    np.testing.assert_array_equal(model, vector + np.rint(centre / UPDATE.step).astype(int))
    assert MODEL.guarantees(1) == UPDATE.guarantees(1)


def test_a_report_estimates_the_moved_model():
    """n = 20,000 reports: within 6 standard errors, false alarm 1e-8; the variance is the one that is told."""
    centre, update, n = np.arange(5.0), np.full(5, 0.01), 20_000
    payloads = MODEL.randomize(np.tile(np.concatenate([centre, update]), (n, 1)), SeededEntropy(4))
    assert MODEL.legal(payloads).all()
    models = unpacked(payloads["steps"]) * UPDATE.step
    assert (np.abs(models.mean(axis=0) - centre - update) < 6 * MODEL.noise / math.sqrt(n) + UPDATE.step).all()
    assert models.var(axis=0) == pytest.approx(MODEL.noise**2, rel=6 * math.sqrt(5 / n))
    one = MODEL.estimate(MODEL.accumulate(np.zeros(5, np.int64), payloads[:1]), 1)
    np.testing.assert_allclose(one.values, models[0])


@pytest.mark.parametrize("spoilt", [math.nan, math.inf, 2 * MOST_STEPS * UPDATE.step, 1e300])
def test_a_centre_off_the_grid_is_refused_before_anything_is_drawn(spoilt):
    untouched = EnumeratedEntropy([])
    with pytest.raises(ValueError, match=r"NaN|operator"):
        MODEL.randomize(np.full((1, 10), spoilt), untouched)
    assert not untouched.branches


def test_weights_of_24_bits_travel_in_three_bytes_and_the_least_number_is_nobodys():
    steps = np.array([[0, 1, -1, MOST_STEPS, -MOST_STEPS], [2**16, -(2**16), 255, -256, 256], [-(2**23), 0, 0, 0, 0]])
    sent = packed(steps)
    assert sent[0].tolist() == [[0, 0, 0], [1, 0, 0], [255, 255, 255], [255, 255, 127], [1, 0, 128]]
    np.testing.assert_array_equal(unpacked(sent), steps)
    payloads = np.frombuffer(sent.tobytes(), MODEL.payload)
    assert MODEL.legal(payloads).tolist() == [True, True, False]
    np.testing.assert_array_equal(MODEL.accumulate(np.zeros(5, np.int64), payloads[:2]), steps[:2].sum(axis=0))


def test_a_centre_that_travelled_as_float32_is_the_grid_point_it_came_from():
    """All the way to the ends of the grid, on grids of many steps: half a step is 2**-24 of the farthest point, and more."""
    places = SeededEntropy(6).words(1, 100_000)[0].astype(np.int64) >> np.arange(100_000) % 40  # of every size
    places = np.concatenate([places % (2 * MOST_STEPS + 1) - MOST_STEPS, np.arange(-MOST_STEPS, 1 - MOST_STEPS, 1000)])
    ends = np.array([MOST_STEPS, -MOST_STEPS, MOST_STEPS - 1, 2**22, 2**22 + 1])
    for epsilon in (0.3, 1.0, 2.0, 4.0, 8.0, 16.0):
        for clip_norm in (0.01, 0.04, 0.06, 1.0):
            model = LaplaceModel.for_epsilon(epsilon, 1, clip_norm=clip_norm, weight=clip_norm)
            exact = np.concatenate([places, ends])[:, None] * model.update.step
            np.testing.assert_array_equal(model.on_grid(exact.astype(np.float32).astype(np.float64)), model.on_grid(exact))


@pytest.mark.parametrize("epsilon", [0.01, 0.05, 0.5, 1.0, 4.0, 8.0, 16.0])
def test_a_task_of_any_epsilon_finds_a_grid_on_which_its_weights_are_never_cut(epsilon):
    """53 weights in 159 bytes; from epsilon 0.05 on the grid costs at most 1.1 % of noise, below it 5.3 %."""
    model = LaplaceModel.for_epsilon(epsilon, 53, clip_norm=0.02)
    assert model.payload.itemsize == 159
    assert model.largest >= 15
    assert 0.99 * epsilon < model.epsilon <= epsilon
    assert 1 < model.noise / (math.sqrt(2) * 2 * 0.02 / epsilon) < (1.011 if epsilon >= 0.05 else 1.053)


def test_beyond_the_largest_weight_a_report_is_cut_at_the_grids_end_and_can_be_given_out_again():
    end = MOST_STEPS * UPDATE.step
    values = np.concatenate([np.full((500, 5), end), np.full((500, 5), 0.02)], axis=1)
    payloads = MODEL.randomize(values, SeededEntropy(8))
    steps = unpacked(payloads["steps"])
    assert MODEL.legal(payloads).all()
    assert steps.max() == MOST_STEPS
    assert 0.4 < (steps < MOST_STEPS).mean() < 0.6
    assert MODEL.on_grid(steps * UPDATE.step).max() == MOST_STEPS
    inside = np.full((1, 5), MODEL.largest)
    assert MODEL.on_grid(inside).max() + UPDATE.limit <= MOST_STEPS


def test_what_24_bits_cannot_carry_is_refused():
    for epsilon, weight in ((0.002, 15.0), (4.0, 1000.0)):
        with pytest.raises(ValueError, match="no grid of"):
            LaplaceModel.for_epsilon(epsilon, 53, clip_norm=0.04, weight=weight)
    with pytest.raises(ValueError, match="larger epsilon"):
        LaplaceModel.around(LaplaceVector.for_epsilon(0.002, 53, clip_norm=0.04))
