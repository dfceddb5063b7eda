"""Chances stated by mechanisms against drawn reports. FALSE_ALARM is each test's, were its seed drawn anew."""

import numpy as np
import pytest
from scipy.stats import binomtest

from choral.mechanisms import CountMeanSketch, RandomizedResponse
from choral.numerics import FLIP_UNIT, SeededEntropy, SystemEntropy
from tests.mechanisms.examples import SEED

FALSE_ALARM = 1e-9


def test_randomized_response_tells_the_truth_at_the_stated_rate():
    n, mechanism = 200_000, RandomizedResponse.for_epsilon(1.0, domain=10)
    reports = mechanism.randomize(np.zeros(n, np.int64), SeededEntropy(7))
    kept = int((reports["value"] == 0).sum())
    chance = mechanism.keep / 2**64
    assert binomtest(kept, n, chance).pvalue > FALSE_ALARM
    for wrong in (0.95, 1.05):  # a 5 % drift is missed with chance 3e-10
        assert binomtest(kept, n, wrong * chance).pvalue < FALSE_ALARM


def test_count_mean_sketch_flips_bits_at_the_stated_rate():
    n, mechanism = 4_000, CountMeanSketch.for_epsilon(4.0, domain=10, seed=SEED, width=64, rows=4)
    bits = np.unpackbits(mechanism.randomize(np.zeros(n, np.int64), SeededEntropy(8))["bits"])
    chance = mechanism.flip / FLIP_UNIT
    ones_expected = chance + (1 - 2 * chance) / 64  # every bit, and the one that starts set
    ones = int(bits.sum())
    assert binomtest(ones, bits.size, ones_expected).pvalue > FALSE_ALARM  # an upper bound: the set bit varies less
    assert binomtest(ones, bits.size, 1.05 * ones_expected).pvalue < FALSE_ALARM


@pytest.mark.parametrize("entropy", [SeededEntropy(9), SystemEntropy()], ids=["seeded", "system"])
def test_chance_is_true_at_the_stated_rate(entropy):
    """The system's draw is new in every run: it fails by bad luck once in 10**9 runs."""
    hits = int(entropy.chance(100_000, 2**62).sum())
    assert binomtest(hits, 100_000, 0.25).pvalue > FALSE_ALARM
