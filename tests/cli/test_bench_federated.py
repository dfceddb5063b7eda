"""`choral bench federated` on a small scale: what is timed is whole rounds, and a loop in plain numpy learns the same."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from choral.cli.bench.federated import NAMES, Size, measure, summarize
from choral.cli.bench.federated_loads import DECAY, EPSILON, MOST, WIDTH, Population, load
from choral.cli.bench.federated_roofs import arithmetic

SMALL = Size(clients=60, cohort=8, seconds=0.02, runs=1)


@pytest.mark.parametrize("name", NAMES)
def test_a_small_benchmark_gives_every_figure(name):
    figures = measure(SMALL, name)
    rates = ("clients_per_second", "roof_clients_per_second", "numpy_loop_clients_per_second", "peak_memory_mb")
    assert all(figures[rate] > 0 for rate in rates)
    assert figures["name"] == name
    assert json.loads(json.dumps(summarize(SMALL, [figures])))["workloads"] == [figures]


@pytest.mark.parametrize(("name", "workers"), [("perceptron", 3), ("logistic", 1)])
def test_a_round_is_the_loops_round_but_for_rounding_and_however_many_threads(name, workers):
    population = Population(clients=20, cohort=6, rounds=2)
    fast, slow = (load(name, Population(clients=20, cohort=6, rounds=2)) for _ in range(2))
    assert fast.mechanism.epsilon == pytest.approx(EPSILON, rel=1e-3)
    assert population.cohorts().shape == (2, 6)
    start = fast.state["params"].copy()
    with ThreadPoolExecutor(workers) as pool:
        for number in range(2):
            fast.round(number, pool, workers)
            slow.loop(number)
    assert abs(fast.state["params"] - start).max() > 0.1
    np.testing.assert_allclose(fast.state["params"], slow.state["params"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_factorization_round_is_the_loops_round(workers):
    fast, slow = (load("factorization", Population(clients=50, cohort=20, rounds=1)) for _ in range(2))
    start = fast.factors.copy()
    with ThreadPoolExecutor(2) as pool:
        fast.round(0, pool, workers)
    slow.loop(0)
    np.testing.assert_allclose(fast.people, slow.people, rtol=1e-12)
    assert (fast.factors == slow.factors).all(), "integers are summed, and the noise has a stream of its own"
    step = fast.steps.mean(np.ones(1, np.int64), 20, MOST * WIDTH)[0]
    spread = np.std(fast.factors - (1 - DECAY) * start) / step
    assert spread == pytest.approx(fast.noise.sigma, rel=0.05)  # 16,000 numbers: 9 standard errors


def test_many_rounds_of_noise_leave_the_factors_small():
    made = load("factorization", Population(clients=100, cohort=100, rounds=1))
    with ThreadPoolExecutor(1) as pool:
        for number in range(400):
            made.round(number, pool, 1)
    assert np.isfinite(made.people).all()
    assert 0.01 < np.std(made.factors) < 1


def test_the_roof_trains_what_it_is_given():
    made = load("logistic", Population(clients=10, cohort=4, rounds=1))
    assert arithmetic(made)(made.cohorts[0]) is None


def test_clients_of_a_round_are_distinct_and_have_20_to_50_examples():
    population = Population(clients=300, cohort=50, rounds=20)
    assert all(len(set(row)) == 50 for row in population.cohorts().tolist())
    counts = population.counts()
    assert (counts.min(), counts.max()) == (20, 50)
