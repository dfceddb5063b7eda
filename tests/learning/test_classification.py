"""Measures of a classifier, against the plain definition and against what chance does."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.learning.classification import auc, recall_at

ROWS = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30)


@given(ROWS)
def test_the_area_is_the_share_of_pairs_in_order_a_tie_counting_half(rows):
    scores, labels = np.array([score for score, _ in rows], float), np.array([label for _, label in rows])
    pairs = [(p > n) + (p == n) / 2 for p in scores[labels] for n in scores[~labels]]
    expected = float(np.mean(pairs)) if pairs else 0.5
    assert auc(scores, labels)[0] == pytest.approx(expected, abs=1e-12)


@given(ROWS, st.sampled_from([0.05, 0.2, 0.5, 0.9]))
def test_recall_is_the_best_that_a_threshold_can_reach(rows, rate):
    scores, labels = np.array([score for score, _ in rows], float), np.array([label for _, label in rows])
    if labels.all() or not labels.any():
        with pytest.raises(ValueError, match="both classes"):
            recall_at(scores, labels, false_positives=rate)
        return
    thresholds = [-math.inf, *np.unique(scores)]
    reached = [(scores[~labels] > one).mean() <= rate + 1e-12 for one in thresholds]
    best = max((scores[labels] > one).mean() for one, allowed in zip(thresholds, reached, strict=True) if allowed)
    assert recall_at(scores, labels, false_positives=rate)[0] == pytest.approx(best)


def drawn(measure):
    """Values and errors of 300 samples of two classes one standard deviation apart."""
    source = np.random.default_rng(5)
    labels = np.arange(600) % 3 == 0
    return np.array([measure(source.normal(size=600) + labels, labels) for _ in range(300)])


def test_the_areas_error_is_its_spread():
    """Of 300 samples; a right error misses by 25 % with chance below 1e-8."""
    samples = drawn(auc)
    assert samples[:, 0].mean() == pytest.approx(0.7602, abs=0.01)  # the normal distribution at 1 / sqrt(2)
    assert samples[:, 1].mean() == pytest.approx(samples[:, 0].std(), rel=0.25)


def test_the_recalls_error_is_its_spread_and_not_a_binomials_alone():
    """Of 300 samples; as above, and the threshold's part is of the size of the positives' own."""
    samples = drawn(lambda scores, labels: recall_at(scores, labels, false_positives=0.1))
    spread, recall = samples[:, 0].std(), samples[:, 0].mean()
    assert samples[:, 1].mean() == pytest.approx(spread, rel=0.25)
    assert math.sqrt(recall * (1 - recall) / 200) < 0.8 * spread


def test_without_two_of_each_class_there_is_no_error():
    assert auc(np.array([1.0, 2.0, 3.0]), np.array([1, 0, 0])) == (0.0, math.inf)
    assert auc(np.array([1.0, 2.0]), np.array([0, 0])) == (0.5, math.inf)
