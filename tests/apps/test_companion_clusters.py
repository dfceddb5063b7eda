"""Clusters learnt from people: counts are those of devices, the noise is the mechanism's, and noise alone harms nobody."""

import numpy as np
import pytest

from choral.apps.companion.device.fragments import Fragments
from choral.apps.companion.study.clustering import Clusters
from choral.apps.companion.study.generator import Generator
from choral.apps.companion.study.trials_clusters import (
    CENTRAL,
    CLIP_NORM,
    HOURS,
    OPEN,
    SUM,
    WAYS,
    Trial,
    cluster_trials,
    day_counts,
    noisy,
    worth_it,
)
from choral.learning.k_modes import KModes
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.mechanisms.priv_unit import PrivUnit
from choral.numerics import SeededEntropy


@pytest.fixture(scope="module")
def trials():
    return cluster_trials(1, seeds=2, sizes=(100, 400))


def test_the_counts_of_many_are_the_sum_of_what_devices_contribute():
    people, algorithm = 40, KModes(20, 6, 56)
    rows = Generator(3).lives(people, 1).rows
    rows[:HOURS] = 7  # a day that is longer than the clip norm
    clusters = Clusters(Fragments(), rows[50:70])
    params = {"modes": clusters.centres.astype(np.uint16)}
    total, shortened = np.zeros(algorithm.size), 0
    for day in rows.astype(np.int64).reshape(people, HOURS, -1):
        one = algorithm.contribute(params, {"rows": day, "weight": np.ones(HOURS)})[0]
        shortened += np.linalg.norm(one) > CLIP_NORM
        total += one * min(1, CLIP_NORM / np.linalg.norm(one))
    assert shortened >= 1
    assert day_counts(algorithm, clusters, rows) == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("kind", ["local", "sum"])
def test_the_noise_that_is_drawn_at_once_is_as_large_as_that_of_single_reports(kind):
    """Mean squares over 600 numbers lie within a quarter with chance 1 - 3e-5 each where both are as stated."""
    people, size, runs = 300, 60, 10
    mechanism = (
        PrivUnit.for_epsilon(4.0, size, clip_norm=CLIP_NORM)
        if kind == "local"
        else GaussianVector.for_sum(4.0, size, clip_norm=CLIP_NORM, minimum=people)
    )
    values = np.full((people, size), 0.02)
    squares = np.zeros(2)
    for run in range(runs):
        payloads = mechanism.randomize(values, SeededEntropy(run))
        real = mechanism.estimate(mechanism.accumulate(np.zeros(mechanism.cells, np.int64), payloads), people)
        drawn = noisy(mechanism, values.sum(axis=0), people, SeededEntropy(run, 1))
        squares += [((one.values - values.sum(axis=0)) ** 2).mean() / runs for one in (real, drawn)]
    assert squares / drawn.variance[0] == pytest.approx([1, 1], abs=0.25)


def test_noise_alone_leaves_the_catalogue_as_it_is(trials):
    for distance, found in trials.values():
        private = [trial for trial in found if "epsilon" in trial.way and trial.people == 100]
        assert len(private) == 4
        assert all(abs(trial.distance - distance) < 0.002 for trial in private)


def test_people_unlike_those_of_the_catalogue_gain_first_in_one_place_then_in_a_sum_and_then_locally(trials):
    _, found = trials["office workers only"]
    by_way = {trial.way: trial for trial in found if trial.people == 400}
    assert by_way[CENTRAL].distance < by_way[OPEN].distance < by_way[SUM].distance
    assert by_way[OPEN].better
    local = sorted((trial for trial in found if trial.people == 10_000_000), key=lambda trial: trial.distance)
    assert [trial.way for trial in local] == list(WAYS[-3:])
    assert all(trial.better for trial in local)


def test_worth_it_means_better_with_so_many_and_with_all_more():
    def told(*gains):
        return [Trial("", "way", 10**n, 0.1, gain, 0.01) for n, gain in enumerate(gains)]

    assert worth_it(told(0.0, 0.05, 0.05), "way") == 10
    assert worth_it(told(0.05, 0.0, 0.05), "way") == 100
    assert worth_it(told(0.05, 0.05, 0.02), "way") is None
    assert worth_it(told(0.05), "another way") is None
