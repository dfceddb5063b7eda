"""The laws of draw and discard, each as a test of the compiled simulation, which is held against the ordinary code.

Errors are estimated from independent runs, or from batches of a run of which each is longer than what happens in it is
remembered (k**2 / 2 updates); margins are the quantiles of Student's t. So each comparison fails on correct code with chance
1e-9 as far as means of batches are normal. Each test says how far off a law would have to be to be missed as rarely.
"""

import math

import numpy as np
import pytest
from scipy.stats import binom, binomtest, t

from choral.learning.draw_and_discard_kernels import Turns, takeovers, walk
from choral.numerics import SeededEntropy
from choral.numerics.discrete_laplace import DiscreteLaplace

FALSE_ALARM = 1e-9
BATCHES = 100
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


def in_batches(values):
    """Means of equal parts of a run."""
    return values[: len(values) // BATCHES * BATCHES].reshape(BATCHES, -1).mean(axis=1)


def assert_mean_is(law, values, *, notices):
    """The mean of independent values is `law`; were that off by the share `notices`, it would pass with chance 1e-9."""
    margin = t.isf(FALSE_ALARM / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    assert abs(values.mean() - law) < margin
    assert 2 * margin < notices * law


@pytest.mark.parametrize(("k", "notices"), [(10, 0.11), (20, 0.18)])
def test_the_variance_between_k_instances_is_k_halves_of_the_noises_over_a_million_updates(k, notices):
    """Notices 11 % and 18 %."""
    spreads, _ = stationary(k, 4, k)
    assert_mean_is(k * VARIANCE / 2, in_batches(spreads), notices=notices)


@pytest.mark.parametrize(("k", "notices"), [(1, 0.02), (5, 0.05), (20, 0.18)])
def test_the_mean_walks_one_noise_over_k_an_update(k, notices):
    """Notices 2, 5 and 18 %, and 20 % over a hundred updates, of which each is as if those before had not been.

    Over four million updates: a step is as long as the spread of its time, which comes and goes.
    """
    size = 2
    _, means = stationary(k, size, 2 + k, n=4_000_000)
    for steps, least in ((1, notices), (100, 0.2)):
        squares = np.diff(means[::steps]) ** 2
        assert_mean_is(steps * VARIANCE / k / size, in_batches(squares), notices=least)


def test_spread_grows_to_its_law_in_half_of_k_squared_updates():
    """From equal instances, over 4,000 runs: 1 - exp(-2 t / k**2) of the law after t updates; notices 23 %."""
    k, runs = 10, 4000
    found = np.array([walk(np.zeros((k, 1)), turns(3 * k * k // 2, k, 1, 10 + run))[0] for run in range(runs)])
    for time in (k, k * k // 2, 3 * k * k // 2):
        assert_mean_is(k * VARIANCE / 2 * (1 - (1 - 2 / k**2) ** time), found[:, time - 1], notices=0.23)


def test_one_poisoned_return_takes_over_with_chance_1_in_k_in_about_k_squared_updates():
    """Over 20,000 runs: the chance by the exact binomial test, which misses one that is 25 % off with chance 2e-7 at most;
    the time is k (k - 1) on average, notices 16 %.
    """
    k, runs, n = 10, 20_000, 1200
    words = SeededEntropy(20).words(runs, n)
    ended = takeovers((words >> np.uint64(32)).astype(np.int64) % k, (words % np.uint64(2**32)).astype(np.int64) % k, k)
    decided, taken = ended[ended != 0], ended[ended > 0]
    assert len(decided) > 0.9999 * runs
    assert binomtest(len(taken), runs, 1 / k).pvalue > FALSE_ALARM
    least, most = binom.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], runs, 1 / k)
    for wrong in (0.75 / k, 1.25 / k):
        assert binom.cdf(most, runs, wrong) - binom.cdf(least - 1, runs, wrong) < 2e-7
    assert_mean_is(k * (k - 1), taken, notices=0.16)


@pytest.mark.parametrize("late", [0, 5, 40])
def test_a_step_moves_the_mean_by_1_over_k_plus_late(late):
    """The same step each time, answers that come `late` updates after their draw; notices 7 %."""
    k, n, step = 10, 400_000, 20_000.0
    _, means = stationary(k, 1, 30, n=n, drift=step, late=late)
    assert_mean_is(step / (k + late), in_batches(np.diff(means[n // 10 :])), notices=0.07)


def test_the_instance_nearest_to_an_answer_is_nearly_always_the_one_that_was_drawn():
    """Of 20 with 53 weights over 5,000 updates: at least 99.5 %; were it 99.9 %, fewer are found with chance 1e-10."""
    k, size, n, found = 20, 53, 5000, 0
    words = SeededEntropy(40).words(k, 12 * size).reshape(k, size, 12)
    held = ((words / 2**64).sum(axis=2) - 6) * math.sqrt(k * VARIANCE / 2)
    going = turns(n, k, size, 41)
    for draw, discard, noise in zip(going.draw, going.discard, going.noise, strict=True):
        answer = held[draw] + noise
        found += int(((held - answer) ** 2).sum(axis=1).argmin() == draw)
        held[discard] = answer
    assert binom.cdf(math.ceil(0.995 * n) - 1, n, 0.999) < 1e-10
    assert found >= 0.995 * n
