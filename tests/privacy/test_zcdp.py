import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.privacy.zcdp import zcdp_budget, zcdp_epsilon, zcdp_rho


@pytest.mark.parametrize(("sigma", "distance"), [(3, 1), (8, 4), (10, 10), (20, 60), (5, 30)])
@pytest.mark.parametrize("delta", [1e-3, 1e-6])
def test_the_exact_delta_of_one_discrete_gaussian_is_below_the_one_stated(sigma, distance, delta):
    epsilon = zcdp_epsilon(zcdp_rho(distance, sigma), delta)
    x = np.arange(-40 * sigma, 40 * sigma + distance + 1)
    one, other = (np.exp(-((x - centre) ** 2) / (2 * sigma**2)) for centre in (0, distance))
    total = one.sum()
    exact = float(np.maximum(one - math.exp(epsilon) * other, 0).sum() / total)
    assert exact <= delta
    assert exact > delta / 300  # and not idly far


def test_the_exact_delta_of_a_sum_of_shares_is_below_the_one_stated():
    sigma, shares, distance, delta = 1, 4, 6, 1e-3
    x = np.arange(-30, 31)
    part = np.exp(-(x**2) / (2 * sigma**2))
    part /= part.sum()
    whole = part
    for _ in range(shares - 1):
        whole = np.convolve(whole, part)
    epsilon = zcdp_epsilon(zcdp_rho(distance, sigma, shares=shares), delta)
    shifted = np.concatenate([np.zeros(distance), whole])
    exact = float(np.maximum(np.concatenate([whole, np.zeros(distance)]) - math.exp(epsilon) * shifted, 0).sum())
    assert exact <= delta


@given(st.floats(0.01, 50), st.floats(1e-9, 1e-2))
def test_a_budget_is_never_overspent_and_nearly_used_up(epsilon, delta):
    rho = zcdp_budget(epsilon, delta)
    assert zcdp_epsilon(rho, delta) <= epsilon
    assert zcdp_epsilon(rho * 1.001, delta) > epsilon * 0.999


def test_it_is_never_above_the_usual_conversion_and_nothing_costs_nothing():
    assert zcdp_epsilon(0.0, 1e-6) == 0
    for rho in (1e-4, 0.1, 3.0, 100.0):
        assert zcdp_epsilon(rho, 1e-6) < rho + 2 * math.sqrt(rho * math.log(1e6))


def test_shares_add_up_and_a_coarse_grid_costs_something():
    assert zcdp_rho(10, 40, shares=100) == pytest.approx(zcdp_rho(10, 400), rel=1e-12)
    assert zcdp_rho(10, 1, shares=100, dimension=50) > 1.01 * zcdp_rho(10, 10)


@pytest.mark.parametrize(("rho", "delta"), [(-1.0, 0.1), (1.0, 0.0), (1.0, 1.0), (math.nan, 0.1)])
def test_absurd_arguments_are_refused(rho, delta):
    with pytest.raises(ValueError, match="need"):
        zcdp_epsilon(rho, delta)


def test_absurd_noise_is_refused():
    with pytest.raises(ValueError, match="need"):
        zcdp_rho(1, 0.5)
