"""Alternating least squares by sums: the algebra against a plain one, federated against central, noise, and bad input."""

import numpy as np
import pytest

from choral.apps.companion.study.factors import Private, central, federated, noisy_sum, predictions, private_plan, trained
from choral.learning import ALGORITHMS
from choral.learning.alternating_least_squares import AlternatingLeastSquares, example_rows
from choral.learning.factor_solver import Cells, item_rows, item_sums, items_from, solved_people
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.numerics import SeededEntropy

ITEMS, PEOPLE = 12, 60
FILTER = AlternatingLeastSquares(ITEMS, 2, 500, taste_milli=120)


def made(people=PEOPLE, ratings=10, seed=0, noise=0.05):
    """Ratings with two hidden tastes: person, and examples in the order of people."""
    source = np.random.default_rng(seed)
    tastes, factors = source.normal(size=(people, 2)), 0.15 * np.random.default_rng(99).normal(size=(ITEMS, 2))
    biases = 0.1 * np.random.default_rng(98).normal(size=ITEMS)
    person = np.repeat(np.arange(people), ratings)
    item = source.integers(0, ITEMS, len(person))
    mood = 0.5 + biases[item] + (tastes[person] * factors[item]).sum(1) + noise * source.normal(size=len(person))
    return person, {"item": item, "rating": mood, "weight": np.ones(len(person))}


def cells_of(person, examples, people=PEOPLE):
    return Cells.of(person, examples, people=people, items=ITEMS)


def last(algorithm, cells, add, rounds=8):
    *_, state = trained(algorithm, cells, rounds=rounds, entropy=SeededEntropy(1), add=add)
    return state


def test_it_is_known_by_its_name():
    assert ALGORITHMS["alternating-least-squares/1"] is AlternatingLeastSquares


def test_a_persons_factors_minimise_what_ridge_regression_minimises():
    person, examples = made()
    cells, items = cells_of(person, examples), FILTER.parts(FILTER.publish(FILTER.init(SeededEntropy(1))))
    found = solved_people(cells, items, FILTER.priors)
    own = person == 7
    x = np.concatenate([items.factors, np.ones((ITEMS, 1))], axis=1)[examples["item"][own]]
    y = examples["rating"][own] - items.mean - items.biases[examples["item"][own]]
    ridge = FILTER.priors.noise**2 * np.diag([2, 2, FILTER.priors.person**-2])
    expected = np.linalg.solve(x.T @ x + ridge, x.T @ y)
    assert np.allclose([*found.factors[7], found.bias[7]], expected)
    assert np.allclose(found.spread[7], FILTER.priors.noise**2 * np.linalg.inv(x.T @ x + ridge))


def test_items_from_exact_sums_minimise_what_ridge_regression_minimises():
    person, examples = made()
    cells, items = cells_of(person, examples), FILTER.parts(FILTER.publish(FILTER.init(SeededEntropy(1))))
    people, priors = solved_people(cells, items, FILTER.priors), FILTER.priors
    found = items_from(item_sums(cells, people, items.mean, priors), items, priors=priors, variance=0.0)
    own = examples["item"] == 3
    whose = person[own]
    x = np.concatenate([people.factors, np.ones((PEOPLE, 1))], axis=1)[whose]
    y = examples["rating"][own] - found.mean - people.bias[whose]
    unsure, both = people.spread[whose].sum(axis=0), people.spread[whose].sum(axis=0)[:, -1].copy()
    unsure[-1], unsure[:, -1], both[-1] = 0, 0, 0
    ridge = priors.noise**2 * np.diag([priors.taste**-2] * 2 + [priors.item**-2])
    expected = np.linalg.solve(x.T @ x + unsure + ridge, x.T @ y - both)
    assert np.allclose([*found.factors[3], found.biases[3]], expected)


def test_a_devices_report_is_its_rows_of_the_cohort_and_dense():
    person, examples = made()
    for per_person in (0, 1):
        algorithm = AlternatingLeastSquares(ITEMS, 2, 500, per_person=per_person)
        params = algorithm.check_out(algorithm.init(SeededEntropy(1)), SeededEntropy(2))
        cells, items = cells_of(person, examples), algorithm.parts(params)
        rows = item_rows(cells, solved_people(cells, items, algorithm.priors), items.mean, algorithm.priors)
        own = {name: array[person == 5] for name, array in examples.items()}
        report = algorithm.contribute(params, own)
        assert report.shape == (1, algorithm.size)
        dense = np.zeros((ITEMS, algorithm.width))
        dense[cells.item[cells.person == 5]] = rows[cells.person == 5]
        assert np.allclose(report[0], dense.ravel())
        assert np.allclose(item_sums(cells, solved_people(cells, items, algorithm.priors), items.mean, algorithm.priors),
                           sum_by_item(cells, rows))  # fmt: skip


def sum_by_item(cells, rows):
    total = np.zeros((cells.items, rows.shape[1]))
    np.add.at(total, cells.item, rows)
    return total


def test_a_person_with_nothing_to_say_reports_zeros():
    params = FILTER.check_out(FILTER.init(SeededEntropy(1)), SeededEntropy(2))
    nothing = {"item": np.zeros(2, np.int64), "rating": np.zeros(2), "weight": np.zeros(2)}
    assert not FILTER.contribute(params, nothing).any()


def test_federated_sums_give_the_central_answer_whatever_the_order_and_the_partition():
    person, examples = made()
    cells = cells_of(person, examples)
    one, other = last(FILTER, cells, central), last(FILTER, cells, federated)
    assert np.abs(one["params"] - other["params"]).max() < 1e-5
    order = np.random.default_rng(3).permutation(PEOPLE)
    mixed = cells_of(order[person][np.argsort(order[person], kind="stable")],
                     {name: array[np.argsort(order[person], kind="stable")] for name, array in examples.items()})  # fmt: skip
    turned = last(FILTER, mixed, federated)
    assert np.abs(turned["params"] - other["params"]).max() < 1e-6
    halves = last(FILTER, cells, in_parts)
    assert np.abs(halves["params"] - other["params"]).max() < 1e-9


def in_parts(algorithm, cells, params):
    parts = [federated(algorithm, cells.of_people(first, last), params)[0] for first, last in ((0, 7), (7, 8), (8, PEOPLE))]
    return np.sum(parts, axis=0), 0.0


def test_hidden_factors_beat_biases_on_ratings_that_have_them():
    person, examples = made(people=300, ratings=8)
    later, asked = made(people=300, ratings=8, noise=0.0)
    cells = cells_of(person, examples, 300)
    errors = {}
    for algorithm in (FILTER, AlternatingLeastSquares(ITEMS, 0, 500)):
        params = algorithm.publish(last(algorithm, cells, central))
        told = predictions(algorithm, params, cells)(later, asked["item"])
        errors[algorithm.rank] = float(((told - asked["rating"]) ** 2).mean())
    assert errors[2] < 0.5 * errors[0]


def test_noise_draws_items_to_their_priors_and_says_so():
    person, examples = made()
    cells, state = cells_of(person, examples), FILTER.init(SeededEntropy(1))
    sums, _ = central(FILTER, cells, FILTER.check_out(state, SeededEntropy(2)))
    doubts = []
    for variance in (0.0, 4.0, 1e8):
        items = FILTER.parts(FILTER.publish(FILTER.folded(state, sums, variance)))
        doubts.append(float(items.doubt.mean()))
        if variance == 1e8:
            assert np.abs(items.biases).max() < 1e-3
            assert np.abs(items.factors).max() < 1e-3
    assert 0 < doubts[0] < doubts[1] < doubts[2] <= 1


def test_a_persons_squared_weights_sum_to_one_however_much_they_rate():
    algorithm = AlternatingLeastSquares(ITEMS, 0, 500, per_person=1)
    params = algorithm.check_out(algorithm.init(SeededEntropy(1)), SeededEntropy(2))
    for count in (1, 5, 200):
        source = np.random.default_rng(count)
        examples = {"item": source.integers(0, ITEMS, count), "rating": source.random(count), "weight": np.ones(count)}
        weights = algorithm.contribute(params, examples).reshape(ITEMS, 2)[:, 0]
        assert (weights**2).sum() == pytest.approx(1)


def test_private_training_sends_what_the_mechanism_would_estimate():
    """The noise drawn at once has the mean and the variance of 2,000 devices' reports; within 6 standard errors."""
    mechanism = GaussianVector(300, 2_000_000, 4_000, 200)
    rows = np.random.default_rng(1).normal(size=(2_000, 300)) * 0.05
    real = mechanism.estimate(mechanism.accumulate(np.zeros(300, np.int64), mechanism.randomize(rows, SeededEntropy(1))), 2_000)
    drawn, variance = noisy_sum(mechanism, rows.sum(axis=0), 2_000, SeededEntropy(2))
    assert variance == pytest.approx(float(real.variance[0]))
    for estimate in (np.asarray(real.values), drawn):
        errors = (estimate - rows.sum(axis=0)) / np.sqrt(variance)
        assert abs(errors.mean()) < 6 / np.sqrt(300)
        assert abs(errors.var() - 1) < 6 * np.sqrt(2 / 300)


def test_private_training_with_many_people_comes_close_to_the_open_one():
    person, examples = made(people=3_000, ratings=8)
    cells = cells_of(person, examples, 3_000)
    plan, mechanism, rounds = private_plan(3_000, cells, items=ITEMS, epsilon=8.0, like=FILTER)
    assert (plan.rank, plan.per_person, rounds) == (2, 1, 3)
    noisy = Private(mechanism, SeededEntropy(5))
    errors = []
    for algorithm, add, times in ((FILTER, central, 8), (plan, noisy, rounds)):
        told = predictions(algorithm, algorithm.publish(last(algorithm, cells, add, times)), cells)
        errors.append(float(((told(person, examples["item"]) - examples["rating"]) ** 2).mean()))
    assert errors[1] < 1.3 * errors[0]


def test_judging_is_better_after_learning():
    person, examples = made()
    canaries = {"person": person, **examples}
    states = [FILTER.init(SeededEntropy(1)), last(FILTER, cells_of(person, examples), central)]
    (before, _), (after, error) = (FILTER.judge(FILTER.publish(state), canaries) for state in states)
    assert after > before + 3 * error
    assert error > 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"items": 0}, "items"),
        ({"rank": 65}, "rank"),
        ({"noise_milli": 0}, "deviations"),
        ({"per_person": 2}, "per_person"),
        ({"canaries": b"short"}, "32 bytes"),
        ({"items": 10**6, "rank": 64}, "too many"),
    ],
)
def test_illegal_parameters_are_refused(change, told):
    with pytest.raises(ValueError, match=told):
        AlternatingLeastSquares(**{"items": 5, "rank": 1, "centre_milli": 500, **change})


def test_ratings_that_cannot_be_are_refused():
    params = FILTER.check_out(FILTER.init(SeededEntropy(1)), SeededEntropy(2))
    assert FILTER.contribute(params, example_rows({3: 0.5, 4: 0.7})).any()
    for wrong in (example_rows({ITEMS: 0.5}), example_rows({-1: 0.5}), example_rows({1: np.nan}),
                  {**example_rows({1: 0.5}), "weight": np.ones(2)}):  # fmt: skip
        with pytest.raises(ValueError, match="item"):
            FILTER.contribute(params, wrong)
