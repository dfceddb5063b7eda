"""Ranks and their measures; tests/contracts looks at the models."""

import math

import numpy as np
import pytest

from choral.learning.bilinear_ranking import BilinearRanking
from choral.learning.ranking import hit, ndcg, ranks, reciprocal_rank
from choral.learning.rows import mean_of
from choral.numerics import SeededEntropy
from tests.learning.examples import choices


def test_ties_count_half_and_hidden_places_count_nothing():
    scores = np.array([[2.0, 2.0, 2.0, 2.0], [1.0, 5.0, 3.0, 9.0]])
    shown = np.array([[1, 1, 1, 0], [1, 1, 1, 1]])
    assert ranks(scores, shown, np.array([1, 2])).tolist() == [2.0, 3.0]


def test_one_constant_score_ranks_in_the_middle_whatever_was_chosen():
    shown = np.ones((5, 5))
    assert ranks(np.zeros((5, 5)), shown, np.arange(5)).tolist() == [3.0] * 5


def test_measures_of_a_rank():
    placed = np.array([1.0, 2.0, 5.0, 5.5, 7.0])
    assert ndcg(placed, at=5).tolist() == [1.0, 1 / math.log2(3), 1 / math.log2(6), 0.0, 0.0]
    assert reciprocal_rank(placed).tolist() == [1.0, 0.5, 0.2, 1 / 5.5, 1 / 7]
    assert hit(placed, at=1).tolist() == [1, 0, 0, 0, 0]
    assert hit(placed, at=5).tolist() == [1, 1, 1, 0, 0]


def test_the_error_of_a_mean_is_the_spread_of_means():
    """Of 400 means; a right error fails with chance below 1e-7, one that forgets the weights by a quarter is noticed."""
    source = np.random.default_rng(4)
    weights = source.integers(1, 4, 200).astype(float)
    drawn = [mean_of(source.normal(size=200), weights) for _ in range(400)]
    spread = np.std([mean for mean, _ in drawn])
    assert np.mean([error for _, error in drawn]) == pytest.approx(spread, rel=0.2)


def test_a_mean_over_nothing_or_one_row_has_no_error():
    assert mean_of(np.array([3.0]), np.array([0.0])) == (0.0, math.inf)
    assert mean_of(np.array([3.0, 9.0]), np.array([2.0, 0.0])) == (3.0, math.inf)


def test_one_number_a_person_is_the_linear_case():
    rows = choices(personal=1)
    rows["personal"][:] = 1.0
    weights = np.array([0.5, -1.0, 2.0, 0.0])
    model = BilinearRanking(1, 4)
    expected = rows["items"] @ weights + rows["offset"]
    found = model.predict(np, weights, rows)
    seen = rows["shown"] > 0
    assert np.allclose(found[seen], expected[seen], rtol=0, atol=1e-12)
    assert (found[~seen] < expected.min()).all()


def test_what_is_not_shown_changes_nothing():
    model, rows = BilinearRanking(3, 4), choices()
    params = model.init(SeededEntropy(1))
    hidden = rows["shown"] == 0
    other = {**rows, "items": np.where(hidden[:, :, None], 1e6, rows["items"]), "offset": rows["offset"] + 1e6 * hidden}
    assert model.gradient(np, params, other).tolist() == model.gradient(np, params, rows).tolist()
    assert model.judge(params, other) == model.judge(params, rows)


def test_logits_of_a_thousand_overflow_nothing():
    model, rows = BilinearRanking(3, 4), choices()
    params = model.init(SeededEntropy(1)) * 1e4
    assert np.isfinite(model.gradient(np, params, rows)).all()
    assert np.isfinite(model.loss(np, params, rows))
