from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choral.learning.prefix_tree import PrefixTree, endings
from choral.learning.words import LETTERS, spelled, word_codes
from choral.mechanisms import Estimate, RandomizedResponse, empty_state
from choral.numerics import SeededEntropy

NOTHING = SeededEntropy(0)
WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=14)
SMALL = PrefixTree(domain=20_000, rounds=bytes([2, 4, 6, 8, 10, 12, 14]))


@dataclass(frozen=True)
class Exact:
    """An estimate of true counts, with the noise of a report told and none added."""

    noise: float = 1.0

    def __call__(self, tree, cells):
        counts = np.bincount(cells, minlength=tree.domain).astype(float)
        return Estimate(counts, np.full(tree.domain, self.noise * len(cells)), len(cells))


def grown(tree, codes, rounds, told):
    """The state after asking the same devices in each round."""
    state = tree.init(NOTHING)
    for _ in range(rounds):
        cells = tree.contribute(tree.check_out(state, NOTHING), {"word": codes})
        state = tree.fold(state, told(tree, cells), NOTHING)
    return state


@settings(max_examples=20)
@given(st.lists(WORDS, min_size=1, max_size=6, unique=True))
def test_common_words_of_all_lengths_are_spelled_to_their_end(words):
    codes = np.repeat(word_codes(words), 1000, axis=0)
    found = SMALL.publish(grown(SMALL, codes, 7, Exact(0.01)))
    assert set(spelled(found["word"])) == set(words)
    np.testing.assert_allclose(found["estimate"], 7 * 1000, rtol=1e-9)


@given(WORDS, st.lists(WORDS, max_size=30, unique=True), st.integers(0, 6))
def test_a_device_names_the_candidate_that_its_word_continues_and_how(word, others, number):
    before, after = (0, *SMALL.rounds)[number : number + 2]
    prefixes = sorted({one[:before] for one in others if len(one) >= before}) if before else [""]
    wholes = sorted({one for one in others if len(one) < before})
    table = np.zeros((len(wholes) + len(prefixes), LETTERS), np.uint8)
    for row, text in zip(table, wholes + prefixes, strict=True):
        row[: len(text)] = np.frombuffer(text.encode(), np.uint8) - 96
    params = {"letters": np.array([before, after]), "complete": np.array([len(wholes)]), "candidates": table}
    cell = int(SMALL.contribute(params, {"word": word_codes([word])})[0])
    if word in wholes:
        assert cell == wholes.index(word)
    elif len(word) >= before and word[:before] in prefixes:
        place, ending = divmod(cell - len(wholes), endings(after - before))
        assert prefixes[place] == word[:before]
        assert ending == expected_ending(word[before:after])
    else:
        assert cell == SMALL.domain - 1


def expected_ending(text):
    """Endings in order: the empty one, a to z, aa to zz, ..."""
    number = 0
    for letter in text:
        number = number * 26 + ord(letter) - 96
    return number


def test_what_is_no_word_says_other():
    params = SMALL.check_out(SMALL.init(NOTHING), NOTHING)
    wrong = np.zeros((3, LETTERS), np.uint8)
    wrong[1, :3], wrong[2, :2] = [1, 0, 1], [27, 1]
    assert SMALL.contribute(params, {"word": wrong}).tolist() == [SMALL.domain - 1] * 3


def test_prefixes_that_do_not_stand_out_are_left_behind():
    codes = np.repeat(word_codes(["common", "rarely"]), [5_000, 30], axis=0)
    state = grown(SMALL, codes, 1, Exact())
    assert spelled(state["candidates"]) == ("co",)


def test_a_truncated_word_is_never_released():
    codes = np.repeat(word_codes(["neighbourhood"]), 5_000, axis=0)
    for rounds in range(1, 7):
        assert len(SMALL.publish(grown(SMALL, codes, rounds, Exact()))["word"]) == 0
    assert spelled(SMALL.publish(grown(SMALL, codes, 7, Exact()))["word"]) == ("neighbourhood",)


def test_words_that_ended_are_counted_again_in_every_later_round():
    codes = np.repeat(word_codes(["lo", "neighbour"]), 1_000, axis=0)
    state = grown(SMALL, codes, 9, Exact(0.01))
    measured = dict(zip(spelled(state["candidates"]), state["measured"], strict=True))
    assert measured == {"lo": 2_000 * 8, "neighbour": 2_000 * 5}  # an open prefix of 2 letters ends in the second round


def test_no_more_prefixes_are_kept_than_fit_into_the_domain():
    tree = PrefixTree(domain=1_500, rounds=bytes([2, 4, 6, 8, 10, 12, 14]))
    words = [a + b + "x" for a in "abcdef" for b in "abcdef"]
    state = grown(tree, np.repeat(word_codes(words), 1_000, axis=0), 1, Exact(0.01))
    assert len(state["candidates"]) == 2 == (1_500 - 1) // endings(2)
    assert tree.contribute(tree.check_out(state, NOTHING), {"word": word_codes(words)}).max() == tree.domain - 1


def test_a_letter_round_may_be_asked_twice():
    tree = PrefixTree(domain=20_000, rounds=bytes([2, 2, 4, 6, 8, 10, 12, 14]))
    codes = np.repeat(word_codes(["omg", "ok"]), 1_000, axis=0)
    state = grown(tree, codes, 2, Exact(0.01))
    assert state["measured"].tolist() == [4_000.0, 4_000.0]
    assert state["tested"].tolist() == [endings(2)]


def test_the_reported_error_covers_devices_that_were_not_asked():
    """Estimates of planted words over 12 seeds: their errors over their standard errors are standard normal."""
    words, z = ["lol", "omg", "idk", "ok"], []
    shares = np.array([8_000, 6_000, 4_000, 2_000])
    tree, oracle = (
        PrefixTree(domain=19_000, rounds=bytes([3, 5, 7, 9, 11, 13, 14])),
        RandomizedResponse.for_epsilon(9.0, 19_000),
    )
    codes = np.repeat(word_codes([*words, ""]), [*shares, 20_000], axis=0)
    for seed in range(12):
        coin = SeededEntropy(seed).below(len(codes), 7)
        state = tree.init(NOTHING)
        for number in range(7):
            cells = tree.contribute(tree.check_out(state, NOTHING), {"word": codes[coin == number]})
            payloads = oracle.randomize(cells, SeededEntropy(100 * seed + number))
            state = tree.fold(state, oracle.estimate(oracle.accumulate(empty_state(oracle), payloads), len(cells)), NOTHING)
        found = tree.publish(state)
        estimates = dict(zip(spelled(found["word"]), zip(found["estimate"], found["stderr"], strict=True), strict=True))
        assert set(words) <= set(estimates)
        z += [(estimates[word][0] - share) / estimates[word][1] for word, share in zip(words, shares, strict=True)]
    assert abs(np.mean(z)) < 6 / np.sqrt(len(z))  # false alarm below 1e-8
    assert 0.55 < np.std(z) < 1.6  # false alarm below 1e-5


def test_nothing_is_found_among_few_devices_that_have_nothing_in_common():
    """300 devices, epsilon 8, words of their own: small counts are far from normal, and no word is made up from them."""
    tree, oracle = (
        PrefixTree(domain=19_000, rounds=bytes([3, 5, 7, 9, 11, 13, 14])),
        RandomizedResponse.for_epsilon(8.0, 19_000),
    )
    letters = SeededEntropy(5).words(300, 14) % np.uint64(26) + np.uint64(1)
    state = tree.init(NOTHING)
    for number in range(7):
        cells = tree.contribute(tree.check_out(state, NOTHING), {"word": letters.astype(np.uint8)})
        payloads = oracle.randomize(cells, SeededEntropy(number))
        state = tree.fold(state, oracle.estimate(oracle.accumulate(empty_state(oracle), payloads), len(cells)), NOTHING)
        assert len(tree.publish(state)["word"]) <= 1


def test_a_check_out_that_does_not_fit_is_refused():
    """Also one that only devices with a certain word would have stumbled over."""
    prefix = np.zeros((1, LETTERS), np.uint8)
    prefix[0, :2] = 1
    good = {"letters": np.array([2, 4]), "complete": np.array([0]), "candidates": prefix}
    SMALL.require_params(good)
    many, word = np.repeat(prefix, 30, axis=0), word_codes(["hellowonder"])
    for changed, why in (
        ({"candidates": many}, "do not fit"),
        ({"letters": np.array([2, 2**31])}, "outside"),
        ({"letters": np.array([14, 12]), "candidates": word}, "no round of it"),
        ({"candidates": word}, "neither a word nor a prefix"),
        ({"complete": np.array([9])}, "do not fit"),
        ({"candidates": np.full((1, LETTERS), 27, np.uint8)}, "outside"),
    ):
        with pytest.raises(ValueError, match=why):
            SMALL.require_params({**good, **changed})


def test_an_estimate_of_another_domain_is_refused():
    with pytest.raises(ValueError, match="20000"):
        SMALL.fold(SMALL.init(NOTHING), Estimate(np.zeros(3), np.ones(3), 3), NOTHING)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": b""},
        {"rounds": bytes([4, 2, 14])},
        {"rounds": bytes([4, 8, 12])},
        {"rounds": bytes([7, 14])},
        {"domain": endings(4)},
        {"domain": 2**32},
        {"keep_milli": 100_001},
        {"false_milli": 0},
    ],
)
def test_illegal_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=r"rounds|need"):
        PrefixTree(**wrong)
