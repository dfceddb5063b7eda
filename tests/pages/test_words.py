import math

import pytest

from choral.mechanisms import RandomizedResponse
from choral.pages import promises, spoken
from choral.privacy import Guarantee, local, shuffled

SHUFFLED = shuffled(1.0, 100_000, 1e-6)


def test_what_needs_nobodys_honesty_comes_first():
    first, second = promises([SHUFFLED, local(1.0)])
    assert (first.condition, first.is_conditional) == ("Even if nobody is honest", False)
    assert second.condition.startswith("If the server's operator shuffles honestly")
    assert second.is_conditional


def test_the_odds_in_words_are_those_of_the_guarantee():
    (promise,) = promises([local(math.log(2.995))])
    assert "at most 3 times likelier" in promise.text
    assert promise.numbers == "ε = 1.1 for one report, any two values"


def test_a_chance_of_failure_is_said():
    (promise,) = promises([SHUFFLED])
    assert "except with chance 1e-06" in promise.text
    assert "δ = 1e-06" in promise.numbers


def test_a_batch_that_adds_nothing_says_no_amplification():
    _, promise = promises(RandomizedResponse.for_epsilon(4.0, domain=10).guarantees(100))
    assert "no amplification" in promise.text
    assert "no amplification" not in promise.condition


def test_a_promise_of_next_to_nothing_is_not_dressed_up():
    (promise,) = promises([Guarantee(800.0, 0.0, "one life", "any two values", "nobody")])
    assert "e^800 times likelier" in promise.text
    assert "promises next to nothing" in promise.text


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("♥️", "heart suit"),
        ("🖤", "black heart"),
        ("👋🏽", "waving hand sign, emoji modifier fitzpatrick type-4"),
        ("👨‍👩‍👧", "man, woman, girl"),
        ("1️⃣", "digit one"),
        ("⬛", "black large square"),
        ("nothing", ""),
        ("草", ""),
        ("to be", ""),
    ],
)
def test_signs_have_words_and_words_have_none(label, words):
    assert spoken(label) == words
