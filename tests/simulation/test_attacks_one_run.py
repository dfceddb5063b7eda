"""One-run audits bound epsilon below the claim of a correct sum, with the confidence they state, and see planted faults."""

import numpy as np
import pytest

from choral.apps.companion.device.tasks import ratings_filter
from choral.mechanisms.audit_one_run import CoinGuesses, gaussian_epsilon
from choral.mechanisms.base import DELTA
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.numerics import SeededEntropy
from choral.simulation.attacks.guesses import allowed_accuracy
from choral.simulation.attacks.one_run import halved_noise, one_batch, one_training, opposite_canaries, unclipped

ONE_RUN_ALARM = 1e-3  # of a correct sum in each test, were the seed drawn anew


def test_one_run_bounds_are_right_with_their_confidence():
    """Runs that just keep the claim: each bound excludes it with chance alpha at most. 400 runs: at a true 5 % more than
    10 % come up with chance 3e-5; at a true 20 %, which a wrong bound might have, fewer do with chance 1e-7."""
    alpha, runs, canaries, mu, epsilon = 0.05, 400, 200, 1.0, 1.0
    uniform = (SeededEntropy(5).words(runs, 3 * canaries) >> np.uint64(11)) * 2.0**-53
    heads, sent, other = (uniform[:, part::3] for part in range(3))
    truth = heads < 0.5
    gaussian = np.sqrt(-2 * np.log1p(-sent)) * np.cos(2 * np.pi * other) + np.where(truth, mu / 2, -mu / 2)
    answered = np.where(sent < allowed_accuracy(epsilon), truth, ~truth) - 0.5
    shifts = [CoinGuesses.of(row, coin, 40) for row, coin in zip(gaussian, truth, strict=True)]
    answers = [CoinGuesses.of(row, coin, canaries) for row, coin in zip(answered, truth, strict=True)]
    assert np.mean([one.excludes(mu, alpha) for one in shifts]) < 2 * alpha
    assert np.mean([one.excludes(mu / 4, alpha) for one in shifts]) > 0.5  # not blind
    tail = [one.chance(epsilon, 0.0) <= alpha for one in answers]
    assert 0.0 < np.mean(tail) < 2 * alpha  # for this randomizer the bound is exact
    assert np.mean([one.chance(epsilon / 2, 0.0) <= alpha for one in answers]) > 0.5


def test_a_pure_claim_needs_no_canaries_and_delta_costs_some():
    found = CoinGuesses(1000, 100, 90)
    assert found.epsilon(delta=0, alpha=0.05) > found.epsilon(delta=1e-4, alpha=0.05) > 0
    assert CoinGuesses(1000, 100, 50).epsilon(delta=0, alpha=0.05) == pytest.approx(0, abs=1e-12)
    assert gaussian_epsilon(0, 1e-6) == 0
    for wrong in ((10, 11, 5), (10, 5, 6), (10, 0, 0), (10, 5, -1)):
        with pytest.raises(ValueError, match="need 0 <= right"):
            CoinGuesses(*wrong)


def test_one_run_of_a_sum_bounds_epsilon_below_the_claim_and_sees_half_the_noise_and_vectors_unclipped():
    mechanism = GaussianVector.for_sum(4.0, 1200, clip_norm=1.0, minimum=1200)
    sound = one_batch(mechanism, opposite_canaries(mechanism), seed=1)
    assert 0.5 < sound.found.epsilon(delta=DELTA, alpha=ONE_RUN_ALARM) < sound.claimed
    assert 0.2 < sound.found.mu(alpha=ONE_RUN_ALARM) < sound.claimed_mu
    long = one_batch(mechanism, opposite_canaries(mechanism, length=3), seed=1, used=unclipped(mechanism, 3))
    assert long.found.mu(alpha=ONE_RUN_ALARM) > long.claimed_mu
    clipped = one_batch(mechanism, opposite_canaries(mechanism, length=3), seed=1)
    assert clipped.found.mu(alpha=ONE_RUN_ALARM) < clipped.claimed_mu
    loud = one_batch(mechanism, opposite_canaries(mechanism), seed=1, used=halved_noise(mechanism))
    assert loud.found.mu(alpha=0.05) > loud.claimed_mu  # 5 % for a correct sum


def test_one_run_of_the_companions_training_sees_the_same_faults():
    algorithm = ratings_filter()
    mechanism = GaussianVector.for_sum(4.0, algorithm.size, clip_norm=algorithm.clip_norm, minimum=100)
    options = {"nights": 30, "minimum": 100, "seed": 1}
    sound = one_training(mechanism, algorithm, **options)
    assert 0.1 < sound.found.mu(alpha=ONE_RUN_ALARM) < sound.claimed_mu
    assert sound.found.epsilon(delta=DELTA, alpha=ONE_RUN_ALARM) < sound.claimed
    for used, scales in ((unclipped(mechanism, 10), 5.0), (halved_noise(mechanism), 1.0)):
        faulty = one_training(mechanism, algorithm, **options, scales=scales, used=used)
        assert faulty.found.mu(alpha=0.05) > faulty.claimed_mu
    with pytest.raises(ValueError, match="a report for each of"):
        one_training(mechanism, algorithm, nights=1, minimum=3, seed=1)


@pytest.mark.acceptance
@pytest.mark.parametrize("seed", range(1, 6))
def test_half_the_noise_shows_in_one_run_of_a_long_sum(seed):
    """False alarm ONE_RUN_ALARM; that 4,000 canaries miss half the noise has chance below 1e-2 at this confidence."""
    mechanism = GaussianVector.for_sum(4.0, 4000, clip_norm=1.0, minimum=4000)
    sound = one_batch(mechanism, opposite_canaries(mechanism), seed=seed)
    assert sound.found.mu(alpha=ONE_RUN_ALARM) < sound.claimed_mu
    loud = one_batch(mechanism, opposite_canaries(mechanism), seed=seed, used=halved_noise(mechanism))
    assert loud.found.mu(alpha=0.05) > loud.claimed_mu
