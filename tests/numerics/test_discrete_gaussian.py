import math
from decimal import Decimal, getcontext

import numpy as np
import pytest
from scipy.stats import chisquare

from choral.numerics import ScriptedEntropy, SeededEntropy, discrete_gaussian
from choral.numerics.discrete_gaussian import DiscreteGaussian, _tails

FALSE_ALARM = 1e-9
HIGHEST = 2**64 - 1


def tails_of(sigma):
    upper, lower = _tails(sigma)
    return [(int(u) << 64) + int(v) for u, v in zip(upper, lower, strict=True)]


@pytest.mark.parametrize("sigma", [1, 2, 7, 40])
def test_the_table_is_the_distribution_to_127_bits(sigma):
    getcontext().prec = 80
    weights = [(Decimal(-x * x) / (2 * sigma * sigma)).exp() for x in range(40 * sigma)]
    total = weights[0] + 2 * sum(weights[1:])
    tails = tails_of(sigma)
    assert len(tails) == 14 * sigma
    for size in (1, 2, sigma, 3 * sigma, 10 * sigma, 14 * sigma):
        exact = 2 * sum(weights[size:]) / total * 2**127
        assert -1 <= Decimal(tails[-size]) - exact <= 1


@pytest.mark.parametrize("sigma", [1, 4, 30])
def test_draws_follow_the_distribution(sigma):
    draws = DiscreteGaussian(sigma).draw(200, 1000, SeededEntropy(sigma)).ravel()
    reach = 3 * sigma
    chances = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    chances /= np.exp(-(np.arange(-40 * sigma, 40 * sigma + 1) ** 2) / (2 * sigma**2)).sum()
    counts = np.bincount(np.clip(draws, -reach - 1, reach + 1) + reach + 1, minlength=2 * reach + 3)
    expected = np.concatenate([[(1 - chances.sum()) / 2], chances, [(1 - chances.sum()) / 2]]) * draws.size
    assert chisquare(counts, expected * draws.size / expected.sum()).pvalue > FALSE_ALARM


def test_a_draw_is_the_number_of_tails_above_it_and_the_lowest_bit_is_its_sign():
    noise, tails = DiscreteGaussian(5), tails_of(5)
    for size in (0, 1, 2, 5, 40, 65):
        least = tails[-size - 1]  # a draw of 127 bits just above the next tail
        for sign in (0, 1):
            high, low = divmod(2 * least + sign, 2**64)
            assert noise.draw(1, 1, ScriptedEntropy([high, low])).item() == (-size if sign else size)
        if size:
            high, low = divmod(2 * (tails[-size] - 1), 2**64)
            assert noise.draw(1, 1, ScriptedEntropy([high, low])).item() == size


def test_the_ends_of_the_words_are_the_ends_of_the_table():
    noise = DiscreteGaussian(4)
    assert noise.draw(1, 2, ScriptedEntropy([0, 0, 0, 1])).tolist() == [[52, -52]]  # the chance of more is below 2**-127
    assert noise.draw(1, 1, ScriptedEntropy([HIGHEST, HIGHEST])).tolist() == [[0]]
    assert noise.largest == 56


def test_rows_are_streams():
    noise = DiscreteGaussian(9)
    cohort = noise.draw(70, 3, SeededEntropy(1))
    assert (cohort == np.concatenate([noise.draw(1, 3, SeededEntropy(1, stream=row)) for row in range(70)])).all()


def test_its_distance_from_the_truth_is_far_below_any_delta():
    assert DiscreteGaussian(2**16).distance < 1e-32


@pytest.mark.parametrize("sigma", [0, -1, 2**16 + 1])
def test_an_absurd_sigma_is_refused(sigma):
    with pytest.raises(ValueError, match="sigma"):
        DiscreteGaussian(sigma)


def test_the_largest_table_is_made_within_bounds():
    assert math.isclose(tails_of(1000)[-1000] / 2**127, math.erfc(999.5 / 1000 / math.sqrt(2)), rel_tol=1e-6)


@pytest.mark.parametrize("sigma", [1, 2, 40, 1500])
def test_the_compiled_search_gives_the_same_bits(sigma, monkeypatch):
    noise = DiscreteGaussian(sigma)
    fast = noise.draw(3, discrete_gaussian.BULK, SeededEntropy(8))
    monkeypatch.setattr(discrete_gaussian, "_kernels", lambda: None)
    assert (noise.draw(3, discrete_gaussian.BULK, SeededEntropy(8)) == fast).all()


def test_the_compiled_search_decides_by_all_127_bits(monkeypatch):
    monkeypatch.setattr(discrete_gaussian, "BULK", 1)
    test_a_draw_is_the_number_of_tails_above_it_and_the_lowest_bit_is_its_sign()
    test_the_ends_of_the_words_are_the_ends_of_the_table()
