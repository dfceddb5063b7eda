import numpy as np
import pytest
from scipy.stats import binom, chisquare

from choral.numerics import HashFamily, fingerprint

SEED = bytes(range(32))
FALSE_ALARM = 1e-9
GOLDEN = [771, 863, 702, 539]
GOLDEN_FINGERPRINT = 24024810583189


def test_it_is_multiply_shift_over_the_published_coefficients():
    family = HashFamily(SEED, 5, 256)
    for row, (a, b) in enumerate(family.coefficients().tolist()):
        for key in (0, 1, 2**47 + 11):
            expected = ((a * key + b) % 2**64) >> 56
            assert family(np.array([row]), np.array([key])).tolist() == [expected]


def test_golden_buckets():
    rows = np.arange(4)
    assert HashFamily(SEED, 4, 1024)(rows, np.array([0, 1, 2, 3])).tolist() == GOLDEN
    assert fingerprint("chorus") == GOLDEN_FINGERPRINT
    assert fingerprint("chorus", b"salt") != GOLDEN_FINGERPRINT


@pytest.mark.parametrize("pair", [(0, 1), (3, 2**40), (17, 18)])
def test_two_keys_fall_independently_over_the_family(pair):
    """All 16 pairs of buckets are equally frequent over 2**16 functions."""
    family = HashFamily(SEED, 2**16, 4)
    rows = np.arange(2**16)
    joint = family(rows, np.array(pair[0])) * 4 + family(rows, np.array(pair[1]))
    assert chisquare(np.bincount(joint, minlength=16)).pvalue > FALSE_ALARM


def test_one_function_spreads_keys_and_collides_as_chance_would():
    family = HashFamily(SEED, 2**14, 64)
    rows = np.arange(2**14)
    same = int((family(rows, np.array(5)) == family(rows, np.array(905))).sum())
    assert binom.sf(same - 1, 2**14, 1 / 64) > FALSE_ALARM
    assert binom.cdf(same, 2**14, 1 / 64) > FALSE_ALARM


@pytest.mark.parametrize(
    "wrong", [(b"", 1, 4), (SEED, 0, 4), (SEED, 2**20 + 1, 4), (SEED, 1, 3), (SEED, 1, 1), (SEED, 1, 2**18)]
)
def test_an_illegal_family_is_refused(wrong):
    with pytest.raises(ValueError, match="need"):
        HashFamily(*wrong)
