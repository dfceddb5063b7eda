"""The laws of draw and discard, each as a test of the compiled simulation, which is held against the ordinary code.

Margins are 6 standard errors, estimated from independent runs or batches of the run itself: each fails on correct code
with chance 2e-9 if errors are normal, and notices a law that is off by the share that it states.
"""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from choral.learning.draw_and_discard_kernels import Turns, takeovers, walk
from choral.numerics import SeededEntropy
from choral.numerics.discrete_laplace import DiscreteLaplace

FALSE_ALARM = 1e-9
MARGIN = 6
NOISE = DiscreteLaplace(1000)
VARIANCE = NOISE.variance


def turns(n, k, size, seed):
    entropy = SeededEntropy(seed)
    draw, discard = (entropy.words(1, n)[0] % np.uint64(k) for _ in range(2))
    noise = NOISE.draw(n, size, SeededEntropy(seed + 10**6)).astype(float)
    return Turns(draw.astype(np.int64), discard.astype(np.int64), noise)


def stationary(k, size, seed, *, n=1_000_000, **options):
    """Spread and mean after each update, from instances that are spread by the law."""
    words = SeededEntropy(seed + 1).words(k, 12 * size).reshape(k, size, 12)
    gaussians = (words / 2**64).sum(axis=2) - 6
    return walk(gaussians * math.sqrt(k * VARIANCE / 2), turns(n, k, size, seed), **options)


def batch_error(values, batches=50):
    means = values[: len(values) // batches * batches].reshape(batches, -1).mean(axis=1)
    return means.std(ddof=1) / math.sqrt(batches)


@pytest.mark.parametrize(("k", "notices"), [(10, 0.12), (20, 0.22)])
def test_the_variance_between_k_instances_is_k_halves_of_the_noises_over_a_million_updates(k, notices):
    """A law that is off by the share `notices` is missed with chance 1e-9."""
    spreads, _ = stationary(k, 4, k)
    law, error = k * VARIANCE / 2, batch_error(spreads)
    assert abs(spreads.mean() - law) < MARGIN * error
    assert 2 * MARGIN * error < notices * law


@pytest.mark.parametrize("k", [1, 5, 20])
def test_the_mean_walks_one_noise_over_k_an_update(k):
    """Variance of one update and of a hundred; notices 10 %. Increments of the mean do not depend on those before."""
    n = 200_000
    _, means = stationary(k, 1, 2 + k, n=n)
    for steps in (1, 100):
        squares = np.diff(means[::steps]) ** 2
        error = squares.std() / math.sqrt(len(squares)) * math.sqrt(2)  # increments share the spread of their time
        assert abs(squares.mean() - steps * VARIANCE / k) < MARGIN * error
        assert steps == 100 or error < 0.1 / MARGIN * VARIANCE / k


def test_spread_grows_to_its_law_in_half_of_k_squared_updates():
    """From equal instances, over 4,000 runs: 1 - exp(-2 t / k**2) of the law after t updates; notices 15 %."""
    k, runs = 10, 4000
    found = np.array([walk(np.zeros((k, 1)), turns(3 * k * k // 2, k, 1, 10 + run))[0] for run in range(runs)])
    for t in (k, k * k // 2, 3 * k * k // 2):
        law = k * VARIANCE / 2 * (1 - (1 - 2 / k**2) ** t)
        error = found[:, t - 1].std() / math.sqrt(runs)
        assert abs(found[:, t - 1].mean() - law) < MARGIN * error
        assert error < 0.15 / MARGIN * law


def test_one_poisoned_return_takes_over_with_chance_1_in_k_in_about_k_squared_updates():
    """Over 20,000 runs: the chance by the exact binomial test, which notices 20 %; the time is k (k - 1) on average."""
    k, runs, n = 10, 20_000, 1200
    words = SeededEntropy(20).words(runs, n)
    ended = takeovers((words >> np.uint64(32)).astype(np.int64) % k, (words % np.uint64(2**32)).astype(np.int64) % k, k)
    decided, taken = ended[ended != 0], ended[ended > 0]
    assert len(decided) > 0.9999 * runs
    assert binomtest(len(taken), runs, 1 / k).pvalue > FALSE_ALARM
    for wrong in (0.8, 1.2):
        assert binomtest(len(taken), runs, wrong / k).pvalue < FALSE_ALARM
    assert abs(taken.mean() - k * (k - 1)) < MARGIN * taken.std() / math.sqrt(len(taken))


@pytest.mark.parametrize("late", [0, 5, 40])
def test_a_step_moves_the_mean_by_1_over_k_plus_late(late):
    """The same step each time, answers that come `late` updates after their draw; 8 % is missed with chance 1e-9."""
    k, n, step = 10, 400_000, 20_000.0
    _, means = stationary(k, 1, 30, n=n, drift=step, late=late)
    moves = np.diff(means[n // 10 :])
    error = batch_error(moves)
    assert abs(moves.mean() - step / (k + late)) < MARGIN * error
    assert 2 * MARGIN * error < 0.08 * step / (k + late)
