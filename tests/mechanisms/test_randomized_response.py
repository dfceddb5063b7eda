import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.mechanisms import RandomizedResponse, empty_state
from choral.mechanisms.exact import exact_epsilon
from choral.numerics import ScriptedEntropy, SeededEntropy


@given(st.floats(1e-5, 19.9), st.integers(2, 2**20))
def test_never_weaker_than_asked_and_hardly_stronger(epsilon, domain):
    realised = RandomizedResponse.for_epsilon(epsilon, domain).epsilon
    assert realised <= epsilon
    assert realised >= epsilon * (1 - 1e-4)


@pytest.mark.parametrize(("epsilon", "domain"), [(0.001, 2), (1.0, 2), (4.0, 7), (12.0, 3)])
def test_its_every_outcome_costs_what_it_claims(epsilon, domain):
    mechanism = RandomizedResponse.for_epsilon(epsilon, domain)
    assert exact_epsilon(mechanism) == pytest.approx(mechanism.epsilon, abs=1e-9)


def test_golden_words_give_known_reports():
    entropy = ScriptedEntropy([0, 2**64 - 1, 2**64 - 1, 0, 0, 5])
    reports = RandomizedResponse(domain=10, keep=2**62).randomize(np.array([0, 3, 9]), entropy)
    assert reports["value"].tolist() == [0, 4, 5]


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.inf, math.nan, 1e-9, 30.0])
def test_an_absurd_epsilon_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        RandomizedResponse.for_epsilon(epsilon, 10)


@pytest.mark.parametrize("domain", [0, 1, 2**32])
def test_a_domain_without_a_choice_is_refused(domain):
    with pytest.raises(ValueError, match="domain"):
        RandomizedResponse.for_epsilon(1.0, domain)


def test_an_empty_batch_estimates_zero():
    mechanism = RandomizedResponse.for_epsilon(1.0, 4)
    estimate = mechanism.estimate(empty_state(mechanism), 0)
    assert estimate.values.tolist() == estimate.stderr.tolist() == [0, 0, 0, 0]


def test_an_error_never_names_the_value():
    with pytest.raises(ValueError, match="outside") as caught:
        RandomizedResponse.for_epsilon(1.0, 4).randomize(np.array([987654]), SeededEntropy(1))
    assert "987654" not in str(caught.value)


def test_one_report_moves_a_count_by_the_published_factor():
    assert RandomizedResponse.for_epsilon(2.0, 128).manipulation == pytest.approx(20.9, abs=0.05)
