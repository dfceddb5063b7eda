"""Laplace noise on a grid: what it costs exactly, how far vectors can be apart, and the model it is put on."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.mechanisms.laplace_model import MOST_CENTRE, LaplaceModel
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
    model = MODEL.randomize(np.concatenate([centre, update], axis=1), SeededEntropy(3))["steps"]
    vector = UPDATE.randomize(update, SeededEntropy(3))["steps"]
    np.testing.assert_array_equal(model, vector + np.rint(centre / UPDATE.step).astype(int))
    assert MODEL.guarantees(1) == UPDATE.guarantees(1)


def test_a_report_estimates_the_moved_model():
    """n = 20,000 reports: within 6 standard errors, false alarm 1e-8; the variance is the one that is told."""
    centre, update, n = np.arange(5.0), np.full(5, 0.01), 20_000
    payloads = MODEL.randomize(np.tile(np.concatenate([centre, update]), (n, 1)), SeededEntropy(4))
    assert MODEL.legal(payloads).all()
    models = payloads["steps"] * UPDATE.step
    assert (np.abs(models.mean(axis=0) - centre - update) < 6 * MODEL.noise / math.sqrt(n) + UPDATE.step).all()
    assert models.var(axis=0) == pytest.approx(MODEL.noise**2, rel=6 * math.sqrt(5 / n))
    one = MODEL.estimate(MODEL.accumulate(np.zeros(5, np.int64), payloads[:1]), 1)
    np.testing.assert_allclose(one.values, models[0])


@pytest.mark.parametrize("spoilt", [math.nan, math.inf, 2 * MOST_CENTRE * UPDATE.step, 1e300])
def test_a_centre_off_the_grid_is_refused_before_anything_is_drawn(spoilt):
    untouched = EnumeratedEntropy([])
    with pytest.raises(ValueError, match=r"NaN|operator"):
        MODEL.randomize(np.full((1, 10), spoilt), untouched)
    assert not untouched.branches


def test_no_centre_leads_to_these_weights():
    steps = np.zeros((2, 5), np.int32)
    steps[0, 2], steps[1, 4] = -(2**31), 2**31 - 1
    assert not MODEL.legal(np.array([(row,) for row in steps], MODEL.payload)).any()
