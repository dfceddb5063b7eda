import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.mechanisms import (
    CountMeanSketch,
    HadamardCountMeanSketch,
    LocalHashing,
    RandomizedResponse,
    SubsetSelection,
    UnaryEncoding,
)
from choral.mechanisms.advice import advice, best_choice, excess
from choral.mechanisms.optimum import best_subset_size, optimal_variance, rare_item_variance, subset_chances
from tests.mechanisms.examples import SEED


@given(st.floats(0.01, 10), st.integers(2, 400))
def test_no_subset_size_is_better_than_the_best(epsilon, domain):
    every = [rare_item_variance(*subset_chances(math.exp(epsilon), domain, size)) for size in range(1, domain)]
    assert optimal_variance(epsilon, domain) == min(every)


def test_the_optimum_tends_to_its_asymptote():
    for epsilon in (1.0, 2.0, 4.0):
        asymptote = 4 * math.exp(epsilon) / (math.exp(epsilon) - 1) ** 2
        assert optimal_variance(epsilon, 10**6) == pytest.approx(asymptote, rel=2e-3)


def test_subset_selection_is_the_optimum():
    for epsilon, domain in ((0.5, 20), (1.0, 128), (4.0, 2600)):
        mechanism = SubsetSelection.for_epsilon(epsilon, domain)
        assert mechanism.size == best_subset_size(epsilon, domain)
        assert excess(mechanism) == pytest.approx(1, abs=1e-6)


def test_unary_encoding_and_local_hashing_are_near_it():
    for epsilon in (1.0, 2.0, 4.0):
        assert excess(UnaryEncoding.for_epsilon(epsilon, 2600)) < 1.02
        assert excess(LocalHashing.for_epsilon(epsilon, 2600)) < 1.06


@pytest.mark.parametrize(
    ("mechanism", "words"),
    [
        (HadamardCountMeanSketch.for_epsilon(4.0, 250_000, seed=SEED), "14.* times the optimal .* projective-geometry"),
        (HadamardCountMeanSketch.for_epsilon(2.1, 200, seed=SEED), "above epsilon 2"),
        (RandomizedResponse.for_epsilon(2.0, 2600), "times the optimal .* projective-geometry"),
        (CountMeanSketch.for_epsilon(8.0, 2600, seed=SEED), "times the optimal"),
    ],
)
def test_a_bad_choice_is_told_of_a_better_one(mechanism, words):
    assert [one for one in advice(mechanism) if re.search(words, one)]


def test_hostile_reports_are_warned_of():
    assert any("hostile" in one for one in advice(RandomizedResponse.for_epsilon(2.0, 2600)))


@pytest.mark.parametrize(
    "mechanism",
    [
        RandomizedResponse.for_epsilon(4.0, 16),
        CountMeanSketch.for_epsilon(4.0, 2600, seed=SEED),
        HadamardCountMeanSketch.for_epsilon(1.9, 200, seed=SEED),
        CountMeanSketch.for_epsilon(4.0, 1, seed=SEED),
        best_choice(4.0, 2600),
        best_choice(8.0, 10),
    ],
)
def test_a_good_choice_is_left_alone(mechanism):
    assert advice(mechanism) == ()


@pytest.mark.parametrize("wrong", [(0.0, 10), (math.nan, 10), (31.0, 10), (1.0, 1), (1.0, 2**32)])
def test_an_optimum_of_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="need"):
        best_subset_size(*wrong)


def test_an_item_that_everyone_has_varies_by_the_coin_alone():
    for kind in (UnaryEncoding, SubsetSelection, LocalHashing):
        support = kind.for_epsilon(2.0, 30).support
        all_ = support.variance(np.array([100.0]), 100)[0]
        assert all_ == pytest.approx(100 * support.truth * (1 - support.truth) / (support.truth - support.lie) ** 2)
