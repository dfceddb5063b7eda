import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.privacy import Guarantee, local, micro


@given(st.floats(0, 1000))
def test_a_price_is_never_below_its_epsilon(epsilon):
    assert micro(epsilon) >= epsilon * 10**6 - 1e-3


@pytest.mark.parametrize(("epsilon", "delta"), [(-1, 0), (math.nan, 0), (1, 1), (1, -0.1)])
def test_an_impossible_guarantee_is_refused(epsilon, delta):
    with pytest.raises(ValueError, match="epsilon"):
        Guarantee(epsilon, delta, "one report", "any two values", "nobody")


def test_a_sentence_says_for_whom_and_on_what_condition():
    assert local(math.log(3)).sentence.endswith("more than 3.0 times likelier. Whatever the server does.")
    conditional = Guarantee(1, 1e-6, "one report", "any two values", "shuffler", "the operator does not look")
    assert "except with chance 1e-06. If the operator does not look." in conditional.sentence


def test_odds_too_large_to_mean_anything_stay_a_power():
    assert "more than e^32 times likelier, which hides next to nothing." in local(32).sentence
