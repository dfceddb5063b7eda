"""Consistency, cutting and significance: facts by hand, laws by hypothesis, error rates by drawing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from choral.learning.post_processing import base_cut, expected_false, norm_sub, significant, threshold
from choral.mechanisms import RandomizedResponse, empty_state
from choral.numerics import SeededEntropy

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40).map(np.array)


@given(VALUES, st.floats(0, 1e6))
def test_norm_sub_is_never_negative_and_keeps_the_total(values, total):
    fixed = norm_sub(values, total)
    assert (fixed >= 0).all()
    assert fixed.sum() == pytest.approx(total, rel=1e-9, abs=1e-4)


@given(VALUES)
def test_norm_sub_keeps_the_order(values):
    fixed = norm_sub(values, 1000.0)
    assert (np.diff(fixed[np.argsort(values)]) >= 0).all()


@given(VALUES, st.floats(0.1, 1e4))
def test_base_cut_keeps_a_value_or_makes_it_zero(values, stderr):
    cut = base_cut(values, np.full(len(values), stderr), false_discoveries=0.01)
    assert ((cut == values) | (cut == 0)).all()
    assert (cut >= 0).all()
    assert (values[cut == 0] <= threshold(len(values), false_discoveries=0.01) * stderr).all()


@given(st.integers(2, 10**9), st.floats(1e-6, 0.9))
def test_the_threshold_lets_through_as_many_as_it_says(items, false_discoveries):
    level = threshold(items, false_discoveries=false_discoveries)
    assert items * norm.sf(level) == pytest.approx(false_discoveries, rel=1e-6)
    assert expected_false(items, level) == pytest.approx(false_discoveries, rel=1e-6)


def slow_benjamini_hochberg(scores, rate):
    """The definition: the largest k with p_(k) <= k rate / m; the k smallest are significant."""
    tails = norm.sf(scores)
    most = max((k for k in range(1, len(tails) + 1) if np.sort(tails)[k - 1] <= k * rate / len(tails)), default=0)
    return np.isin(np.arange(len(tails)), np.argsort(tails, kind="stable")[:most])


@given(st.lists(st.floats(-6, 9), min_size=1, max_size=30, unique=True).map(np.array), st.sampled_from([0.01, 0.05, 0.3]))
def test_significant_is_the_definition(scores, rate):
    assert (significant(scores, np.ones(len(scores)), rate=rate) == slow_benjamini_hochberg(scores, rate)).all()


def test_significance_is_no_stricter_than_the_threshold_and_looser_where_much_is_found():
    scores = np.concatenate([np.full(100, 6.0), np.full(100, 3.0), np.zeros(800)])
    found = significant(scores, np.ones(1000))
    assert (found >= (base_cut(scores, np.ones(1000)) > 0)).all()
    assert found.sum() == 200
    assert (base_cut(scores, np.ones(1000)) > 0).sum() == 100


def test_false_discoveries_of_a_real_mechanism_stay_at_their_rate():
    """30 histograms over 400 items of which 20 are there: false share below 5 % on average; the seeds are fixed.

    Its mean has a standard error of 1 %, so 9 % is four of them above; a rate of 12 % would be noticed.
    """
    mechanism, shares = RandomizedResponse.for_epsilon(5.0, 400), []
    values = np.repeat(np.arange(20), 2_000)
    for seed in range(30):
        payloads = mechanism.randomize(values, SeededEntropy(seed))
        estimate = mechanism.estimate(mechanism.accumulate(empty_state(mechanism), payloads), len(values))
        found = significant(estimate.values, estimate.stderr)
        assert found[:20].all()
        shares.append(found[20:].sum() / found.sum())
    assert np.mean(shares) < 0.09


@pytest.mark.parametrize("wrong", [{"items": 0}, {"items": 10, "false_discoveries": 0}, {"items": 10, "false_discoveries": 5}])
def test_an_impossible_threshold_is_refused(wrong):
    with pytest.raises(ValueError, match="need items >= 1"):
        threshold(**wrong)


@pytest.mark.parametrize("rate", [0, 1, -0.1, float("nan")])
def test_an_impossible_rate_is_refused(rate):
    with pytest.raises(ValueError, match="need 0 < rate < 1"):
        significant(np.ones(3), np.ones(3), rate=rate)


def test_a_negative_total_is_refused():
    with pytest.raises(ValueError, match="need total >= 0"):
        norm_sub(np.ones(3), -1.0)
