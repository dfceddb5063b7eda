import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.learning.words import FoundWords, legal_words, scores, spelled, standing_out, step_of, word_codes
from choral.mechanisms import Estimate, RandomizedResponse
from choral.numerics import SeededEntropy

WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=14)


@given(st.lists(WORDS, max_size=20))
def test_a_word_survives_its_codes(words):
    codes = word_codes(words)
    assert spelled(codes) == tuple(words)
    assert legal_words(codes).all()


@pytest.mark.parametrize("wrong", ["", "a", "Lol", "l0l", "naïve", "a b", "abcdefghijklmno", "lol\n"])
def test_what_is_not_2_to_14_letters_becomes_nothing(wrong):
    codes = word_codes([wrong])
    assert not codes.any()
    assert not legal_words(codes).any()


@pytest.mark.parametrize("wrong", [[1, 0, 1], [1, 27, 0], [1, 2, 255], [0, 1, 2], [0, 0, 0], [1, 0, 0]])
def test_illegal_codes_are_told(wrong):
    assert not legal_words(np.array([wrong], np.uint8)).any()


def test_a_score_is_the_plain_quotient_where_many_reports_make_the_noise():
    values = np.linspace(-4e4, 4e4, 9)
    np.testing.assert_allclose(scores(values, np.array(1e8), 2.0), values / 1e4, rtol=0.003, atol=1e-9)


@pytest.mark.parametrize("rate", [0.05, 1.0, 30.0])
def test_a_score_is_honest_where_few_reports_support_a_word_by_chance(rate):
    """The tail of the score covers the exact Poisson tail but for a factor of 4, where the plain quotient misses by more."""
    hits = np.arange(math.ceil(rate) + 3, math.ceil(rate) + 12)
    terms = np.array([math.exp(-rate + k * math.log(rate) - math.lgamma(k + 1)) for k in range(200)])
    exact = np.array([terms[one:].sum() for one in hits])
    z = scores(2.0 * (hits - rate), np.array(4 * rate), 2.0)
    told = np.array([0.5 * math.erfc(one / math.sqrt(2)) for one in z])
    assert (told > exact / 4).all()
    assert (told < exact * 4).all()


@pytest.mark.parametrize("epsilon", [8.0, 10.0])
def test_the_step_is_what_one_report_moves(epsilon):
    oracle = RandomizedResponse.for_epsilon(epsilon, 20_000)
    state = np.bincount(np.repeat([0, 7], [500, 1]), minlength=20_000)
    update = oracle.estimate(state, 501)
    assert step_of(update) == pytest.approx(update.values[7] - update.values[8], rel=0.01)


def test_of_what_stands_out_the_stated_share_is_false():
    """5,000 true words far above 95,000 cells of noise: about 2 % of what is released is noise, by the method's theory."""
    noise = np.sqrt(2) * np.array([_inverse(u) for u in (SeededEntropy(3).words(95_000, 1)[:, 0] + 0.5) / 2.0**64])
    mask = standing_out(np.concatenate([np.full(5_000, 9.0), noise]), 100_000, 0.02)
    assert mask[:5_000].all()
    false = int(mask[5_000:].sum())
    assert 40 < false < 160  # about 97 are expected; outside with chance below 1e-6


def _inverse(share):
    from statistics import NormalDist

    return NormalDist().inv_cdf(float(share)) / math.sqrt(2)


def test_untested_words_raise_the_bar():
    z = np.array([4.0])
    assert standing_out(z, 100, 0.02).all()
    assert not standing_out(z, 100_000, 0.02).any()
    assert standing_out(np.array([]), 0, 0.02).tolist() == []


def test_found_words_are_released_with_their_error():
    algorithm = FoundWords(length=4)
    update = Estimate(np.array([9.0, 400.0, 500.0]), np.full(3, 100.0), 1000, ("noise", "word", "lol"))
    found = algorithm.publish(algorithm.fold({}, update, SeededEntropy(1)))
    assert spelled(found["word"]) == ("lol", "word")
    assert found["estimate"].tolist() == [500.0, 400.0]
    assert found["stderr"].tolist() == [10.0, 10.0]


def test_a_device_cuts_its_word_and_says_nothing_if_it_has_none():
    algorithm = FoundWords(length=4)
    values = algorithm.contribute({}, {"word": word_codes(["ilysm", "lol", ""])})
    assert spelled(values) == ("ilys", "lol", "")


@pytest.mark.parametrize("wrong", [{"length": 1}, {"length": 15}, {"false_milli": 0}, {"false_milli": 1000}])
def test_illegal_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match="need"):
        FoundWords(**wrong)
