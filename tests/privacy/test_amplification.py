import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from choral.privacy import Clones, shuffled, shuffled_epsilon


def test_the_closed_form_has_its_published_value():
    assert shuffled_epsilon(4, 100_000, 1e-6) == pytest.approx(0.535, abs=0.001)


def test_where_the_condition_fails_there_is_no_amplification_and_the_words_say_so():
    guarantee = shuffled(8, 1000, 1e-6)
    assert (guarantee.epsilon, guarantee.delta) == (8, 0)
    assert "no amplification" in guarantee.assumption


@given(st.floats(0.01, 8), st.integers(1, 10**7), st.integers(1, 8))
def test_never_worse_than_the_local_sum_and_never_better_for_more_reports_of_a_device(epsilon, reports, group):
    many = shuffled(epsilon, reports, 1e-6, reports_per_device=group)
    assert many.epsilon <= group * epsilon * (1 + 1e-12)
    assert many.epsilon >= shuffled(epsilon, reports, 1e-6).epsilon


def test_a_device_with_several_reports_is_charged_for_all_within_one_delta():
    one, seven = shuffled(1, 10**6, 1e-6), shuffled(1, 10**6, 1e-6, reports_per_device=7)
    assert seven.epsilon > 7 * one.epsilon
    assert seven.delta == 1e-6
    assert "7 reports" in seven.unit


def test_the_numerical_generic_bound_has_its_known_value():
    assert 0.1675 < Clones.generic(4).epsilon(100_000, 1e-6) < 0.1725


@pytest.mark.parametrize("reports", [10**3, 10**5])
@pytest.mark.parametrize("epsilon", [0.1, 1.0, 2.5, 4.0, 6.0])
def test_the_numerical_bound_is_never_above_the_closed_form(epsilon, reports):
    assert Clones.generic(epsilon).epsilon(reports, 1e-6) <= shuffled_epsilon(epsilon, reports, 1e-6) + 1e-9


def exact_delta(odds, clone_chance, epsilon, reports):
    """The hockey-stick divergence of Theorem 3.2's pair, summed over every outcome (a, b)."""
    total = 0.0
    truth = odds / (odds + 1)
    for clones in range(reports):
        weight = binom.pmf(clones, reports - 1, clone_chance)
        a = np.arange(clones + 2)
        first, second = binom.pmf(a - 1, clones, 0.5), binom.pmf(a, clones, 0.5)
        p, q = truth * first + (1 - truth) * second, (1 - truth) * first + truth * second
        total += weight * np.maximum(p - math.exp(epsilon) * q, 0).sum()
    return total


@pytest.mark.parametrize("epsilon", [0.0, 0.2, 1.0, 1.9])
def test_summing_tails_equals_summing_every_outcome(epsilon):
    clones = Clones.generic(2.0)
    assert clones.delta(epsilon, 60) == pytest.approx(exact_delta(clones.odds, clones.clone_chance, epsilon, 60), abs=1e-11)


def randomized_response_delta(domain, odds, epsilon, reports):
    """Exact delta for shuffled randomized response: one report of 0 or 1 among others that all say 2 (or are noise)."""
    lie = 1 / (odds + domain - 1)
    total = 0.0
    for outside in range(reports):  # the others outside {0, 1}
        inside = reports - 1 - outside
        weight = binom.pmf(inside, reports - 1, 2 * lie)
        a = np.arange(inside + 2)
        first, second = binom.pmf(a - 1, inside, 0.5), binom.pmf(a, inside, 0.5)
        p, q = lie * (odds * first + second), lie * (first + odds * second)
        total += weight * np.maximum(p - math.exp(epsilon) * q, 0).sum()
    return total


def test_the_two_level_bound_is_exact_for_randomized_response_on_its_worst_pair():
    odds, domain = math.exp(2), 10
    ours = Clones.two_level(2, 1 / (odds + domain - 1)).delta(0.3, 80)
    assert ours == pytest.approx(randomized_response_delta(domain, odds, 0.3, 80), abs=1e-11)


def test_absurd_arguments_are_refused():
    with pytest.raises(ValueError, match="delta"):
        shuffled_epsilon(1, 100, 0)
    with pytest.raises(ValueError, match="rare"):
        Clones.two_level(1, 0.9)
