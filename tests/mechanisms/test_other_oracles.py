"""What is special to the Hadamard sketch, subset selection, unary encoding and local hashing; the rest is the contract."""

import math

import numpy as np
import pytest

from choral.mechanisms import HadamardCountMeanSketch, LocalHashing, SubsetSelection, UnaryEncoding, empty_state
from choral.mechanisms.exact import exact_epsilon
from choral.numerics import SeededEntropy
from choral.numerics.hadamard import hadamard
from tests.mechanisms.examples import SEED

KINDS = {
    "hadamard": lambda epsilon, domain: HadamardCountMeanSketch.for_epsilon(epsilon, domain, seed=SEED, width=8, rows=2),
    "subset": SubsetSelection.for_epsilon,
    "unary": UnaryEncoding.for_epsilon,
    "local": lambda epsilon, domain: LocalHashing.for_epsilon(epsilon, domain, prime=5),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("epsilon", [0.1, 1.0, 3.0])
def test_its_every_outcome_costs_what_it_claims(kind, epsilon):
    mechanism = KINDS[kind](epsilon, 5)
    assert mechanism.epsilon - 1e-9 <= exact_epsilon(mechanism) <= mechanism.epsilon + 1e-12
    assert mechanism.epsilon <= epsilon


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.inf, math.nan, 30.0])
def test_an_absurd_epsilon_is_refused(kind, epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        KINDS[kind](epsilon, 5)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (SubsetSelection, (1, 1, 2**63)),
        (SubsetSelection, (10, 10, 2**63)),
        (SubsetSelection, (10, 6, 2**63)),
        (SubsetSelection, (2**17, 5, 2**63)),
        (UnaryEncoding, (1, 2**20)),
        (UnaryEncoding, (10, 2**23)),
        (UnaryEncoding, (2**19, 2**20)),
        (LocalHashing, (10, 4, 2**63, 9)),
        (LocalHashing, (10, 4, 2**62, 11)),
        (LocalHashing, (12, 4, 2**63, 11)),
        (LocalHashing, (10, 1, 2**63, 11)),
        (HadamardCountMeanSketch, (10, 12, 2, 2**60, SEED)),
        (HadamardCountMeanSketch, (10, 8, 2, 2**63, SEED)),
        (HadamardCountMeanSketch, (0, 8, 2, 2**60, SEED)),
        (HadamardCountMeanSketch, (10, 8, 2, 2**60, b"short")),
    ],
)
def test_illegal_parameters_are_refused(kind, wrong):
    with pytest.raises(ValueError, match="need"):
        kind(*wrong)


def test_apples_formulas_give_the_hadamard_estimate():
    """M[j, l] += k c b w_l; M <- M H; f = m/(m-1) (mean over rows of M[l, h_l(d)] - n/m), report by report."""
    mechanism = HadamardCountMeanSketch.for_epsilon(1.0, 30, seed=SEED, width=16, rows=4)
    n, m, k = 200, mechanism.width, mechanism.rows
    payloads = mechanism.randomize(np.arange(n) % 7, SeededEntropy(1))
    c = 1 / (1 - 2 * mechanism.turn / 2**64)
    sketch = np.zeros((k, m))
    for payload in payloads:
        sketch[payload["row"], payload["column"]] += k * c * (1 - 2 * int(payload["sign"]))
    sketch = sketch @ hadamard(np.eye(m, dtype=np.int64))
    rows = np.arange(k)
    expected = [m / (m - 1) * (sketch[rows, mechanism.hashes(rows, np.array(d))].mean() - n / m) for d in range(30)]
    estimate = mechanism.estimate(mechanism.accumulate(empty_state(mechanism), payloads), n)
    np.testing.assert_allclose(estimate.values, expected, atol=1e-9)


def test_apples_safari_setting_has_14_times_the_asymptote_and_its_factor_at_epsilon_2_is_1_31():
    mechanism = HadamardCountMeanSketch.for_epsilon(4.0, 100, seed=SEED)
    asymptote = 4 * math.exp(4) / (math.exp(4) - 1) ** 2
    assert mechanism.variance(np.zeros(100), 10**6)[0] / 10**6 / asymptote == pytest.approx(14.2, abs=0.05)
    assert HadamardCountMeanSketch.for_epsilon(2.0, 100, seed=SEED).manipulation == pytest.approx(1.31, abs=0.005)


def test_subsets_have_one_size_and_differ():
    mechanism = SubsetSelection.for_epsilon(1.0, 40)
    payloads = mechanism.randomize(np.arange(200) % 40, SeededEntropy(1))
    bits = np.unpackbits(payloads["bits"], axis=1, bitorder="little")
    assert (bits.sum(axis=1) == mechanism.size).all()
    assert not bits[:, 40:].any()
    assert len(np.unique(bits, axis=0)) == 200


@pytest.mark.parametrize("domain", [2, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100, 128])
def test_bitmaps_of_every_length_are_legal(domain):
    for mechanism in (SubsetSelection.for_epsilon(1.0, domain), UnaryEncoding.for_epsilon(1.0, domain)):
        payloads = mechanism.randomize(np.arange(100) % domain, SeededEntropy(2))
        assert mechanism.legal(payloads).all()
        assert mechanism.payload.itemsize == 4 * -(-domain // 32)


def test_unary_encoding_is_set_at_its_two_rates():
    """z below 6: false alarm 2e-9 for each of the two; a 5 % drift is 7 standard errors."""
    mechanism, n = UnaryEncoding.for_epsilon(2.0, 64), 20_000
    payloads = mechanism.randomize(np.full(n, 3), SeededEntropy(3))
    bits = np.unpackbits(payloads["bits"], axis=1, bitorder="little")
    others = np.delete(bits, 3, axis=1)
    flip = mechanism.flip / 2**24
    assert abs(bits[:, 3].mean() - 0.5) < 6 * math.sqrt(0.25 / n)
    assert abs(others.mean() - flip) < 6 * math.sqrt(flip * (1 - flip) / others.size)
