import math
from collections import Counter

import numpy as np
import pytest

from choral.learning.words import word_codes
from choral.mechanisms import empty_state
from choral.mechanisms.contract import MOST_Z
from choral.mechanisms.fragment_puzzle import TAGS, FragmentPuzzle
from choral.mechanisms.puzzle import PAIRS, Fragments, NumberSketch, joined, spelled_numbers, word_numbers
from choral.mechanisms.puzzle_kernels import bucket_sums
from choral.numerics import FLIP_UNIT, HashFamily, SeededEntropy, outcomes

SEED = bytes(range(32))
TINY = FragmentPuzzle(2, 2, 1, FLIP_UNIT // 5, FLIP_UNIT // 9, 3000, SEED)
MIDDLING = FragmentPuzzle.for_epsilon(9.0, seed=SEED, length=6, width=128, rows=32)
SAID = Counter({"lol": 9_000, "ilysm": 7_000, "omg": 6_000, "idk": 5_000, "tbh": 60})


def reports(mechanism, said, seed=1):
    codes = np.repeat(word_codes(list(said), mechanism.length), list(said.values()), axis=0)
    return mechanism.randomize(codes, SeededEntropy(seed))


def test_its_epsilon_is_the_sum_of_both_parts_and_some_outcome_reaches_it():
    tables = [
        outcomes(lambda entropy, word=word: TINY.randomize(word_codes([word], 2), entropy).tobytes())
        for word in ("ab", "qx", "mu", "zz", "to", "at", "be", "of", "as")
    ]
    ratios = [
        math.log(max(chances) / min(chances)) for chances in zip(*(table.values() for table in aligned(tables)), strict=True)
    ]
    parts = 2 * math.log(4) + 2 * math.log(8)
    assert max(ratios) == pytest.approx(parts, abs=1e-6)
    assert max(ratios) <= TINY.epsilon <= max(ratios) + 1e-9


def aligned(tables):
    keys = sorted(set().union(*tables))
    return [{key: table[key] for key in keys} for table in tables]


@pytest.mark.parametrize(("epsilon", "share"), [(0.5, 0.25), (8.0, 0.25), (8.0, 0.5), (16.0, 0.1)])
def test_it_never_costs_more_than_asked_and_splits_as_asked(epsilon, share):
    mechanism = FragmentPuzzle.for_epsilon(epsilon, seed=SEED, word_share=share)
    assert epsilon - 1e-3 < mechanism.epsilon <= epsilon
    word = 2 * math.log((FLIP_UNIT - mechanism.flip_word) / mechanism.flip_word)
    assert word == pytest.approx(share * epsilon, abs=1e-3)


def test_apples_setting_sends_265_bytes():
    mechanism = FragmentPuzzle.for_epsilon(8.0, seed=SEED)
    assert (mechanism.length, mechanism.width, mechanism.rows, mechanism.positions) == (10, 1024, 2048, 5)
    assert mechanism.payload.itemsize == 1 + 2 * (4 + 1024 // 8) == 265


def test_common_words_are_pieced_together_and_counted():
    payloads = reports(MIDDLING, SAID)
    estimate = MIDDLING.estimate(MIDDLING.accumulate(empty_state(MIDDLING), payloads), len(payloads))
    found = dict(zip(estimate.items, zip(estimate.values, estimate.stderr, strict=True), strict=True))
    assert list(found)[:4] == ["lol", "ilysm", "omg", "idk"]
    assert all(abs(found[word][0] - SAID[word]) < MOST_Z * found[word][1] for word in list(found)[:4])
    assert (np.diff(estimate.values) <= 0).all()
    assert "" not in found


def test_its_word_counts_are_unbiased_with_the_variance_it_tells():
    """200 batches under hash functions of their own: errors average to zero, their squares to the variance told."""
    z = []
    said = {"lol": 200, "omg": 100, "": 100}
    numbers = word_numbers(word_codes(["lol", "omg", "nobody"], 6))
    for repeat in range(200):
        mechanism = FragmentPuzzle.for_epsilon(8.0, seed=bytes([repeat]) * 32, length=6, width=32, rows=8)
        state = mechanism.accumulate(empty_state(mechanism), reports(mechanism, said, repeat))
        values, variance = mechanism.words.counts(state[0], numbers)
        z.append((values - [200, 100, 0]) / np.sqrt(variance))
    errors = np.array(z)
    assert np.abs(errors.mean(axis=0)).max() * math.sqrt(200) < MOST_Z
    assert np.abs((errors**2).mean() - 1) < 0.35  # false alarm below 1e-6, the three estimates of a batch taken as one


def test_a_fragment_that_stands_out_is_a_true_one():
    state = MIDDLING.accumulate(empty_state(MIDDLING), reports(MIDDLING, SAID))
    strong = MIDDLING.strong(state, 0)
    common = np.array([word for word in SAID if SAID[word] > 1_000])
    tags = MIDDLING.tags(word_numbers(word_codes(list(common), 6)))
    pairs = word_numbers(word_codes(list(common), 6)[:, :2])
    assert set(zip(tags.tolist(), pairs.tolist(), strict=True)) <= set(
        zip(strong.tag.tolist(), strong.pair.tolist(), strict=True)
    )


def test_fragments_join_only_under_the_words_own_tag():
    words = ["omgwow", "omgxyz", "lolwow", "ok"]
    codes = word_codes(words, 6)
    tag = MIDDLING.tags(word_numbers(codes))
    places = [Fragments(tag, word_numbers(codes[:, 2 * p : 2 * p + 2]), np.ones(4)) for p in range(3)]
    assert sorted(spelled_numbers(joined(places, MIDDLING.tags), 6)) == sorted(words)


def test_no_letter_follows_a_words_end():
    tag = np.zeros(2, np.int64)
    places = [Fragments(tag, np.array([27 * 15 + 11, 27 * 15]), np.ones(2)) for _ in range(3)]  # "ok" and "o" with an end
    words = spelled_numbers(joined(places, lambda numbers: np.zeros(len(numbers), np.int64)), 6)
    assert sorted(words) == ["okoko", "okokok"]


def test_the_weakest_words_in_the_making_are_left_out_when_there_are_too_many():
    many = 4_000
    score = np.arange(many, 0.0, -1)
    pairs = 28 + np.arange(many) % 700
    places = [Fragments(np.zeros(many, np.int64), pairs, score) for _ in range(2)]
    words = joined(places, lambda numbers: np.zeros(len(numbers), np.int64))
    assert 0 < len(words) <= 2**21
    assert words[0] // PAIRS == pairs[0]


def test_a_cohort_sends_what_its_devices_send():
    codes = word_codes(["lol", "ilysm", "", "omg"] * 20, 6)
    together = MIDDLING.randomize(codes, SeededEntropy(3))
    alone = [MIDDLING.randomize(codes[i : i + 1], SeededEntropy(3, stream=i)).tobytes() for i in range(80)]
    assert together.tobytes() == b"".join(alone)


def test_merging_is_addition_and_the_order_of_reports_does_not_matter():
    payloads = reports(MIDDLING, {"lol": 200, "omg": 100})
    whole = MIDDLING.accumulate(empty_state(MIDDLING), payloads)
    parts = [MIDDLING.accumulate(empty_state(MIDDLING), part) for part in (payloads[150:], payloads[:150])]
    assert (whole == sum(parts)).all()
    assert whole.shape == MIDDLING.cells
    assert whole[0, :, -1].sum() == whole[1:, :, -1].sum() == 300


@pytest.mark.parametrize("rows", [1, 7])
def test_the_fast_decoding_is_the_slow_one(rows):
    hashes = HashFamily(SEED, rows, 64)
    counts = (SeededEntropy(2).words(rows, 65) % np.uint64(1000)).astype(np.int64)
    keys = np.array([0, 1, 2**48 - 1, 77, 77])
    slow = [sum(counts[row, hashes(np.array(row), key)] for row in range(rows)) for key in keys]
    assert bucket_sums(counts, hashes.coefficients(), hashes.shift, keys).tolist() == slow
    assert NumberSketch(hashes, 1)._sums(counts, keys).tolist() == slow


def test_all_keys_are_decoded_as_a_list_of_them_is():
    sketch = MIDDLING.fragments
    state = MIDDLING.accumulate(empty_state(MIDDLING), reports(MIDDLING, {"lol": 50}))[1]
    for part, whole in zip(sketch.counts(state, np.arange(300)), sketch.all_counts(state, 300), strict=True):
        np.testing.assert_array_equal(part, whole)


def test_it_counts_alike_in_bulk_and_in_small_batches():
    payloads = reports(MIDDLING, {"lol": 9_000, "omg": 5_000})
    bulk, state = MIDDLING.accumulate(empty_state(MIDDLING), payloads), empty_state(MIDDLING)
    for start in range(0, len(payloads), 1_000):
        state = MIDDLING.accumulate(state, payloads[start : start + 1_000])
    assert (bulk == state).all()


@pytest.mark.parametrize("words", [[[1, 0, 1, 0, 0, 0]], [[27, 1, 0, 0, 0, 0]], [[0, 1, 0, 0, 0, 0]]])
def test_an_illegal_word_is_refused_before_anything_is_drawn(words):
    with pytest.raises(ValueError, match="map it to zeros"):
        MIDDLING.randomize(np.array(words, np.uint8), None)


@pytest.mark.parametrize("words", [np.zeros((1, 4), np.uint8), np.zeros(6, np.uint8), np.zeros((1, 6), np.int64)])
def test_another_shape_is_refused(words):
    with pytest.raises(ValueError, match="words are uint8"):
        MIDDLING.randomize(words, None)


def test_payloads_that_nobody_can_send_are_told():
    payloads = reports(TINY, {"ok": 4}).copy()
    assert TINY.legal(payloads).all()
    payloads["position"][0] = 1
    payloads["word_row"][1] = 1
    payloads["fragment_row"][2] = 2**32 - 1
    payloads["fragment_bits"][3] = 4
    assert not TINY.legal(payloads).any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"length": 9},
        {"length": 12},
        {"length": 0},
        {"width": 1},
        {"width": 96},
        {"rows": 0},
        {"flip_word": 0},
        {"flip_fragment": FLIP_UNIT // 2},
        {"threshold_milli": 100_001},
        {"seed": b""},
    ],
)
def test_illegal_parameters_are_refused(wrong):
    right = {"length": 4, "width": 8, "rows": 2, "flip_word": 9, "flip_fragment": 9, "threshold_milli": 3000, "seed": SEED}
    FragmentPuzzle(**right)
    with pytest.raises(ValueError, match="need"):
        FragmentPuzzle(**(right | wrong))


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.inf, math.nan, 40.0])
def test_an_absurd_epsilon_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        FragmentPuzzle.for_epsilon(epsilon, seed=SEED)


def test_its_first_guarantee_is_local_and_the_second_says_its_condition():
    first, second = MIDDLING.guarantees(1000)
    assert (first.trust, first.epsilon, first.delta) == ("nobody", MIDDLING.epsilon, 0.0)
    assert second.assumption


def test_every_tag_is_used():
    numbers = word_numbers(
        word_codes([a + b + c for a in "abcdef" for b in "abcdefghijklmnopqrstuvwxyz" for c in "lmnopqrstu"], 6)
    )
    assert set(MIDDLING.tags(numbers).tolist()) == set(range(TAGS))
