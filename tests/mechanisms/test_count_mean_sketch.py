import math

import numpy as np
import pytest

from choral.mechanisms import CountMeanSketch, empty_state
from choral.mechanisms.exact import exact_epsilon
from choral.numerics import SeededEntropy
from tests.mechanisms.examples import SEED


@pytest.mark.parametrize("epsilon", [0.1, 4.0])
def test_its_every_outcome_costs_what_it_claims_at_width_8_and_2_rows(epsilon):
    mechanism = CountMeanSketch.for_epsilon(epsilon, 3, seed=SEED, width=8, rows=2)
    exact = exact_epsilon(mechanism)
    assert mechanism.epsilon - 1e-9 <= exact <= mechanism.epsilon + 1e-12
    assert mechanism.epsilon <= epsilon


def test_apples_formulas_give_the_same_estimate():
    """Row j of M += k (c/2 v + 1/2); f = m/(m-1) (mean over rows of M[l, h_l(d)] - n/m), in floats, report by report."""
    mechanism = CountMeanSketch.for_epsilon(2.0, 30, seed=SEED, width=16, rows=4)
    n, m, k = 200, mechanism.width, mechanism.rows
    payloads = mechanism.randomize(np.arange(n) % 7, SeededEntropy(1))
    flip = mechanism.flip / 2**24
    c = 1 / (1 - 2 * flip)
    sketch = np.zeros((k, m))
    for payload in payloads:
        signs = 2.0 * np.unpackbits(payload["bits"], bitorder="little") - 1
        sketch[payload["row"]] += k * (c / 2 * signs + 1 / 2)
    rows = np.arange(k)
    expected = [m / (m - 1) * (sketch[rows, mechanism.hashes(rows, np.array(d))].mean() - n / m) for d in range(30)]
    estimate = mechanism.estimate(mechanism.accumulate(empty_state(mechanism), payloads), n)
    np.testing.assert_allclose(estimate.values, expected, atol=1e-9)


def test_one_report_moves_a_count_by_the_published_factor():
    assert CountMeanSketch.for_epsilon(2.0, 2600, seed=SEED, rows=16).manipulation == pytest.approx(1.58, abs=0.005)


def test_apples_emoji_setting_has_2_4_times_the_asymptote():
    mechanism = CountMeanSketch.for_epsilon(4.0, 2600, seed=SEED)
    asymptote = 4 * math.exp(4) / (math.exp(4) - 1) ** 2
    rare = mechanism.variance(np.zeros(2600), 10**6)[0] / 10**6
    assert rare / asymptote == pytest.approx(2.40, abs=0.01)


def test_a_report_has_one_row_and_one_bit_a_bucket():
    mechanism = CountMeanSketch.for_epsilon(4.0, 2600, seed=SEED)
    assert mechanism.payload.itemsize == 4 + 1024 // 8


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.inf, math.nan, 30.0])
def test_an_absurd_epsilon_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        CountMeanSketch.for_epsilon(epsilon, 10, seed=SEED)


@pytest.mark.parametrize(
    "wrong", [{"width": 12}, {"width": 4}, {"width": 2**17}, {"rows": 0}, {"rows": 2**21}, {"seed": b"short"}, {"domain": 0}]
)
def test_an_illegal_shape_is_refused(wrong):
    right = {"domain": 4, "width": 8, "rows": 2, "flip": 2**20, "seed": SEED}
    CountMeanSketch(**right)
    with pytest.raises(ValueError, match="need"):
        CountMeanSketch(**(right | wrong))


def test_a_single_category_is_estimated_without_an_error_from_others():
    mechanism = CountMeanSketch.for_epsilon(8.0, 1, seed=SEED, width=64, rows=8)
    payloads = mechanism.randomize(np.zeros(2000, np.int64), SeededEntropy(2))
    estimate = mechanism.estimate(mechanism.accumulate(empty_state(mechanism), payloads), 2000)
    assert abs(estimate.values[0] - 2000) < 6 * estimate.stderr[0]
