"""Differencing and averaging tell no more than is promised; planted faults do, and are noticed.

A claim that holds is called broken with chance FALSE_ALARM at most in each test, were its seed drawn anew. Seeds are fixed, so
a failure is a change.
"""

from datetime import UTC, datetime

import numpy as np
import pytest

from choral.device import Budget
from choral.mechanisms import RandomizedResponse, SubsetSelection
from choral.mechanisms.base import DELTA
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.privacy import micro
from choral.protocol import Terms
from choral.simulation.attacks.averaging import ask_daily, guess_by_averaging, guess_by_retries, majority_accuracy
from choral.simulation.attacks.differencing import Target, guess_by_difference, in_histogram, in_sum
from choral.simulation.attacks.guesses import FALSE_ALARM, Guesses, allowed_accuracy
from choral.simulation.hiding import two_level

NAMED = {"mechanism_name": "randomized-response/1", "algorithm_name": "count/1"}

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
TELL = RandomizedResponse.for_epsilon(1.0, 2)
ORACLES = [TELL, SubsetSelection.for_epsilon(1.0, 12)]


def test_a_guesser_without_knowledge_is_within_any_claim_and_one_with_all_of_it_is_not():
    assert allowed_accuracy(0) == 0.5
    assert not Guesses(500, 1000).exceeds(0.5)
    assert Guesses(1000, 1000).exceeds(allowed_accuracy(3.0))
    low, high = Guesses(731, 1000).interval()
    assert low < 0.731 < high
    assert Guesses(731, 1000).advantage == pytest.approx(0.462)


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda one: one.NAME)
def test_subtracting_batches_tells_no_more_than_the_shuffled_claim_and_a_report_alone_no_more_than_the_local_one(oracle):
    """Power: an accuracy 0.1 above what is allowed is missed with chance below 1e-3."""
    target = in_histogram(oracle, np.arange(99) % oracle.domain)
    alone = Target(oracle, target.pair, target.others[:0], target.weights, 0.0)
    batch = allowed_accuracy(two_level(oracle).epsilon(100, DELTA), DELTA)
    assert not guess_by_difference(alone, "truth", tries=3000, seed=1).exceeds(allowed_accuracy(oracle.epsilon))
    for second in ("truth", "round"):
        assert not guess_by_difference(target, second, tries=2000, seed=1).exceeds(batch)


def test_an_overlapping_release_gives_the_device_away_and_is_noticed():
    target = in_histogram(TELL, np.arange(99) % 2)
    batch = allowed_accuracy(two_level(TELL).epsilon(100, DELTA), DELTA)
    overlapping = guess_by_difference(target, "overlap", tries=2000, seed=1)
    assert overlapping.exceeds(batch)
    assert overlapping.accuracy == pytest.approx(allowed_accuracy(TELL.epsilon), abs=0.06)  # as if there were no others


@pytest.mark.parametrize("second", ["truth", "round", "overlap"])
def test_subtracting_sums_tells_no_more_than_their_claim_unless_they_overlap(second):
    mechanism = GaussianVector.for_sum(1.0, 4, clip_norm=1.0, minimum=60)
    allowed = allowed_accuracy(mechanism.guarantees(60)[1].epsilon, DELTA)
    others = np.tile(np.linspace(-0.3, 0.3, 4), (59, 1))
    guesses = guess_by_difference(in_sum(mechanism, others), second, tries=1500, seed=2)
    assert guesses.exceeds(allowed) == (second == "overlap")
    if second == "truth":
        assert guesses.exceeds(0.5, alpha=0.05)  # it does tell something: the attack is not blind


def test_averaging_follows_the_exact_law_and_stays_within_n_epsilon():
    found = guess_by_averaging(TELL, 30, devices=20_000, seed=1)
    for number, guesses in enumerate(found, start=1):
        low, high = guesses.interval(FALSE_ALARM)
        assert low < majority_accuracy(TELL.support.truth, number) < high
        assert not guesses.exceeds(allowed_accuracy(number * TELL.epsilon))
    assert found[-1].exceeds(0.99)


def test_a_retry_with_the_same_bytes_gains_nothing_and_one_with_fresh_randomness_buys_what_was_not_paid():
    paid = allowed_accuracy(TELL.epsilon)
    for sent, known in ((1, 0.731), (7, 0.911), (30, 0.996)):
        same, fresh = (guess_by_retries(TELL, sent, devices=20_000, seed=1, is_fresh=one) for one in (False, True))
        assert not same.exceeds(paid)
        assert fresh.exceeds(paid) == (sent > 1)
        assert fresh.accuracy == pytest.approx(known, abs=0.02)


def test_the_ledger_ends_averaging_at_what_terms_and_person_allow():
    terms = [
        Terms(f"question {number}", "a", "one report", "nobody", micro(1.0), 1, 7, 100, 30, **NAMED) for number in range(12)
    ]
    budget = Budget.nats(day=4, year=12, life=20)
    one, all_ = (ask_daily(asked, budget, NEW_YEAR, days=800) for asked in (terms[:1], terms))
    assert (one.reports, one.paid) == (7, 7.0)
    assert "its Terms allow 7 report(s) for life" in one.ended
    assert (all_.reports, all_.paid) == (20, 20.0)
    assert "of 20 nats left for life" in all_.ended


@pytest.mark.acceptance
@pytest.mark.parametrize("seed", range(1, 6))
def test_long_differencing_stays_within_its_claim(seed):
    """40,000 guesses: an accuracy 0.03 above what is allowed is missed with chance below 1e-3."""
    for oracle in ORACLES:
        target = in_histogram(oracle, np.arange(99) % oracle.domain)
        allowed = allowed_accuracy(two_level(oracle).epsilon(100, DELTA), DELTA)
        assert not guess_by_difference(target, "truth", tries=40_000, seed=seed).exceeds(allowed)
