"""Measured errors of vector mechanisms against theory, and the closed form against the integers. d = 1,000 throughout."""

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest

from choral.mechanisms.cap import optimal_gain
from choral.mechanisms.closed_form import closed_form, score_distribution
from choral.mechanisms.priv_unit import PrivUnit
from choral.mechanisms.proj_unit import ProjUnit
from choral.mechanisms.score_laws import gaussian_law, sphere_law
from choral.numerics import SeededEntropy

D = 1000
FALSE_ALARM = 1e-9  # of each test of distributions; the errors' margins are 6 standard errors or more
UPDATE = np.linspace(-1, 1, D) / np.linalg.norm(np.linspace(-1, 1, D))


def optimum(epsilon):
    """1 / m**2 - 1 with infinitely many candidates."""
    return D / optimal_gain(epsilon) ** 2 - 1


def single_estimates(mechanism, payloads):
    """What each report alone would estimate, float64[n, D]."""
    rows = np.zeros((len(payloads), *mechanism.cells), np.int64)
    for row in range(len(payloads)):
        mechanism.accumulate(rows[row], payloads[row : row + 1])
    return np.array([mechanism.estimate(row, 1).values for row in rows])


def squared_error(estimates):
    return float(((estimates - UPDATE) ** 2).sum(axis=1).mean())


@pytest.mark.parametrize("epsilon", [1.0, 4.0, 8.0])
def test_the_closed_form_is_within_1_percent_of_the_optimum(epsilon):
    """n = 2,000: the standard error is 0.1 %."""
    mechanism = PrivUnit.for_epsilon(epsilon, D, clip_norm=1.0, pairs=2**15)
    estimates = closed_form(mechanism, np.tile(UPDATE, (2000, 1)), SeededEntropy(2))
    assert squared_error(estimates) / optimum(epsilon) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("epsilon", "n"), [(1.0, 500), (4.0, 300), (8.0, 100)])
def test_the_integer_form_is_within_3_percent_of_the_optimum(epsilon, n):
    """The standard error is 0.2 to 0.45 %."""
    mechanism = PrivUnit.for_epsilon(epsilon, D, clip_norm=1.0)
    estimates = single_estimates(mechanism, mechanism.randomize(np.tile(UPDATE, (n, 1)), SeededEntropy(3)))
    assert squared_error(estimates) / optimum(epsilon) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(("epsilon", "n"), [(4.0, 200), (8.0, 150)])
def test_projected_to_128_dimensions_it_is_within_7_percent_of_the_optimum_at_80_bits(epsilon, n):
    """The standard error is 0.4 %."""
    mechanism = ProjUnit.for_epsilon(epsilon, D, clip_norm=1.0)
    estimates = single_estimates(mechanism, mechanism.randomize(np.tile(UPDATE, (n, 1)), SeededEntropy(4)))
    assert squared_error(estimates) / optimum(epsilon) == pytest.approx(1, abs=0.07)
    assert 8 * mechanism.payload.itemsize == 80


SMALLER = {
    "priv": PrivUnit.for_epsilon(3.0, 20, clip_norm=1.0, pairs=32),
    "proj": ProjUnit.for_epsilon(3.0, 20, clip_norm=1.0, width=8, pairs=32),
}


@pytest.mark.parametrize("kind", sorted(SMALLER))
def test_integers_and_closed_form_have_one_distribution(kind):
    """Two-sample Kolmogorov-Smirnov along the update, across it, and of lengths; n = 4,000 notices a distance of 0.07."""
    mechanism, n = SMALLER[kind], 4000
    update = np.ones(20) / np.sqrt(20) * 0.8
    across = np.where(np.arange(20) % 2 == 0, 1, -1) / np.sqrt(20)
    values = np.tile(update, (n, 1))
    integers = single_estimates(mechanism, mechanism.randomize(values, SeededEntropy(5)))
    floats = closed_form(mechanism, values, SeededEntropy(6))
    for mark in (lambda rows: rows @ update, lambda rows: rows @ across, lambda rows: (rows**2).sum(axis=1)):
        assert ks_2samp(mark(integers), mark(floats)).pvalue > FALSE_ALARM
    weaker = closed_form(PrivUnit.for_epsilon(1.5, 20, clip_norm=1.0, pairs=32), values, SeededEntropy(7))
    assert ks_2samp(integers @ update, weaker @ update).pvalue < FALSE_ALARM  # and would notice half the epsilon


def test_integer_scores_follow_the_law_that_is_integrated():
    """Kolmogorov-Smirnov against the distribution itself; an update of full length, so that its score can be read."""
    mechanism, n = SMALLER["priv"], 4000
    update = np.eye(20)[4]
    payloads = mechanism.randomize(np.tile(update, (n, 1)), SeededEntropy(8))
    scores = single_estimates(mechanism, payloads)[:, 4] * mechanism.gain
    places, chances = score_distribution(mechanism.cap, gaussian_law())
    assert kstest(scores, lambda x: np.interp(x, places, chances)).pvalue > FALSE_ALARM
    assert kstest(1.1 * scores, lambda x: np.interp(x, places, chances)).pvalue < 1e-3


@pytest.mark.parametrize("law", [gaussian_law(), sphere_law(16)], ids=["gaussian", "sphere"])
def test_the_tabled_score_distribution_has_the_integrals_moments(law):
    cap = SMALLER["priv"].cap
    places, chances = score_distribution(cap, law)
    middle, mass = (places[1:] + places[:-1]) / 2, np.diff(chances)
    assert ((middle * mass).sum(), (middle**2 * mass).sum()) == pytest.approx(cap.moments(law), rel=1e-4)
    assert (chances[0], chances[-1]) == pytest.approx((0, 1), abs=1e-12)


def test_the_closed_forms_rows_are_streams():
    mechanism, values = SMALLER["proj"], np.tile(UPDATE[:20], (150, 1))
    together = closed_form(mechanism, values, SeededEntropy(9))
    alone = [closed_form(mechanism, values[:1], SeededEntropy(9, stream=row))[0] for row in range(150)]
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-12)
