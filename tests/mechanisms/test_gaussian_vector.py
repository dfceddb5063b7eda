"""Central noise in shares: sensitivity in integers, guarantees, refusals; the rest is the contract."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.mechanisms.gaussian_vector import GaussianVector
from choral.mechanisms.vectors import norm_bound, on_grid, rounded
from choral.numerics import SeededEntropy
from choral.privacy import micro
from choral.privacy.zcdp import zcdp_epsilon, zcdp_rho

SMALL = GaussianVector(3, 1_500_000, 100, 4)


@given(st.integers(1, 300), st.integers(0, 2**32), st.floats(1e-3, 1e3))
def test_no_rounded_vector_is_longer_than_the_radius(dimension, seed, scale):
    """Also where every coordinate is rounded away from zero: what the sum's epsilon rests on."""
    radius = 40 * norm_bound(dimension)
    words = SeededEntropy(seed).words(2, dimension)
    vectors = (words.astype(np.float64) / 2**63 - 1) * scale
    exact = on_grid(vectors, 1.0, radius - norm_bound(dimension))
    farthest = np.sign(exact) * np.ceil(np.abs(exact))
    assert ((farthest**2).sum(axis=1) <= radius**2).all()
    assert (np.abs(rounded(exact, words)) <= np.abs(farthest)).all()


def test_rounding_goes_up_with_the_chance_of_the_fraction():
    """n = 40,000: within 6 standard errors, false alarm 2e-9."""
    found = rounded(np.full((1, 40_000), -2.7), SeededEntropy(1).words(1, 40_000))
    assert set(found.ravel().tolist()) == {-3, -2}
    assert abs(found.mean() + 2.7) < 6 * math.sqrt(0.21 / 40_000)


@pytest.mark.parametrize(
    ("epsilon", "minimum", "dimension"), [(1.0, 1000, 200), (8.0, 100, 50), (0.3, 10**5, 1000), (4.0, 1, 10)]
)
def test_a_sum_over_the_minimum_costs_what_was_asked(epsilon, minimum, dimension):
    mechanism = GaussianVector.for_sum(epsilon, dimension, clip_norm=1.0, minimum=minimum)
    one, whole = mechanism.guarantees(minimum)
    assert 0.97 * epsilon < whole.epsilon <= epsilon
    assert (whole.trust, one.trust) == ("sum", "nobody")
    assert one.delta == whole.delta == 1e-6
    assert one.epsilon >= whole.epsilon
    assert mechanism.guarantees(2 * minimum)[1].epsilon < whole.epsilon < mechanism.guarantees(minimum, 2)[1].epsilon


def test_its_local_guarantee_says_how_little_one_report_hides():
    alone = GaussianVector.for_sum(2.0, 50, clip_norm=1.0, minimum=1)
    assert alone.epsilon == pytest.approx(zcdp_epsilon(zcdp_rho(2 * alone.radius, alone.sigma), 1e-6), rel=1e-6)
    shared = GaussianVector.for_sum(1.0, 200, clip_norm=1.0, minimum=10_000)
    assert shared.epsilon == math.inf
    with pytest.raises(OverflowError):  # which is why no ledger can pay for it, and no task with it be let in
        micro(shared.guarantees(10_000)[0].epsilon)


def test_noise_is_that_of_its_share():
    """Variance over 30,000 numbers: within 6 standard errors, false alarm 2e-9."""
    steps = replace(SMALL, dimension=300, radius=1000, sigma=20).randomize(np.zeros((100, 300)), SeededEntropy(4))["steps"]
    assert abs(steps.astype(float).var() / 400 - 1) < 6 * math.sqrt(2 / 30_000)


@pytest.mark.parametrize(
    "wrong", [{"dimension": 0}, {"clip_micro": 0}, {"radius": 3}, {"radius": 2**25}, {"sigma": 3}, {"sigma": 2**17}]
)
def test_illegal_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match="need"):
        replace(SMALL, **wrong)


@pytest.mark.parametrize(("epsilon", "minimum"), [(0.0, 10), (math.nan, 10), (1000.0, 10), (1.0, 0), (0.001, 1)])
def test_what_no_grid_can_do_is_refused(epsilon, minimum):
    with pytest.raises(ValueError, match="epsilon"):
        GaussianVector.for_sum(epsilon, 60_000, clip_norm=1.0, minimum=minimum)
