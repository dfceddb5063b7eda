"""Factorization by federated averaging: what a person sends is bounded, compiled or not, and what is learnt is learnt."""

import numpy as np
import pytest

from choral.learning import factorization
from choral.learning.factorization import FactorSteps, Ratings, rounding
from choral.numerics import SeededEntropy

ITEMS, WIDTH, PEOPLE, MOST = 40, 4, 60, 12
STEPS = FactorSteps(batch=5, rate=0.5, clip_norm=0.3, radius=2000)


def gaussians(stream, *shape):
    words = SeededEntropy(2, stream).words(*shape).astype(np.float64) / 2**64
    return (words - 0.5) * np.sqrt(12)


def population():
    tastes, qualities = gaussians(0, PEOPLE, WIDTH), gaussians(100, ITEMS, WIDTH)
    item = np.argsort(SeededEntropy(3).words(PEOPLE, ITEMS), axis=1)[:, :MOST].astype(np.int32)
    value = np.einsum("ik,ijk->ij", tastes, qualities[item])
    return Ratings(item, value, 1 + np.arange(PEOPLE) % MOST)


def starts():
    return 0.3 * gaussians(200, ITEMS, WIDTH), 0.3 * gaussians(300, PEOPLE, WIDTH)


def loss(factors, people, ratings):
    rated = np.arange(MOST) < ratings.count[:, None]
    surplus = np.einsum("ik,ijk->ij", people, factors[ratings.item]) - ratings.value
    return float((surplus[rated] ** 2).mean())


def test_compiled_and_plain_sums_are_equal_to_the_bit(monkeypatch):
    (factors, people), ratings, chosen = starts(), population(), np.arange(3, 50, 2)
    mine, theirs = people.copy(), people.copy()
    fast = STEPS.sums(factors, mine, ratings, chosen)
    monkeypatch.setattr(factorization, "_kernels", lambda: None)
    assert (STEPS.sums(factors, theirs, ratings, chosen) == fast).all()
    np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-15)
    assert (mine[0] == people[0]).all(), "who was not chosen did not train"


def test_no_person_moves_the_sum_by_more_than_the_radius():
    (factors, people), ratings = starts(), population()
    wild = Ratings(ratings.item, 1e9 * ratings.value, ratings.count)
    for number in range(PEOPLE):
        total = STEPS.sums(factors, people.copy(), wild, np.array([number]))
        assert np.sqrt((total**2).sum()) <= STEPS.radius
        assert set(np.flatnonzero(total.any(axis=1))) <= set(wild.item[number, : wild.count[number]])


def test_the_mean_of_one_small_update_is_the_update_but_for_rounding():
    (factors, people), ratings = starts(), population()
    calm = FactorSteps(batch=5, rate=0.001, clip_norm=0.3, radius=2000)
    update, _ = calm.trained(factors, people[11], ratings, 11)
    mean = calm.mean(calm.sums(factors, people.copy(), ratings, np.array([11])), 1, MOST * WIDTH)
    step = calm.clip_norm / (calm.radius - rounding(MOST * WIDTH))
    assert abs(mean[ratings.item[11, : len(update)]] - update).max() <= 0.5 * step


def test_rounds_without_noise_learn():
    (factors, people), ratings = starts(), population()
    before = loss(factors, people, ratings)
    for _ in range(300):
        factors = factors + 5 * STEPS.mean(STEPS.sums(factors, people, ratings, np.arange(PEOPLE)), PEOPLE, MOST * WIDTH)
    assert loss(factors, people, ratings) < 0.2 * before


@pytest.mark.parametrize("numbers", [1, 3, 4, 5, 48, 800, 10_000])
def test_rounding_to_the_nearest_moves_a_vector_by_less_than_its_bound(numbers):
    assert np.sqrt(numbers) * 0.5 <= rounding(numbers) <= np.sqrt(numbers) * 0.5 + 1
