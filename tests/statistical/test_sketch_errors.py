"""Apple's sketches have the error that their theory says, over hash families drawn anew."""

import math
from dataclasses import replace

import numpy as np
import pytest

from choral.mechanisms import CountMeanSketch, HadamardCountMeanSketch, empty_state
from choral.numerics import SeededEntropy

DOMAIN = 2600
RUNS = 16


@pytest.mark.parametrize(
    "mechanism",
    [
        CountMeanSketch.for_epsilon(4.0, DOMAIN, seed=bytes(32), rows=64, width=256),
        HadamardCountMeanSketch.for_epsilon(2.0, DOMAIN, seed=bytes(32), rows=64, width=256),
    ],
    ids=["plain", "hadamard"],
)
def test_its_mean_squared_error_is_within_3_percent_of_theory(mechanism):
    """The ratio's standard error is below 0.01, measured: correct code fails for about one seed in 400."""
    n = 6_000
    values = (np.arange(n) ** 2 // 3000) % DOMAIN  # some items are common, so that fixed families collide
    truth = np.bincount(values, minlength=DOMAIN).astype(float)
    ratios = []
    for run in range(RUNS):
        fresh = replace(mechanism, seed=bytes([run]) * 32)
        payloads = fresh.randomize(values, SeededEntropy(50 + run))
        estimate = fresh.estimate(fresh.accumulate(empty_state(fresh), payloads), n)
        ratios.append(((estimate.values - truth) ** 2).mean() / fresh.variance(truth, n).mean())
    assert np.std(ratios, ddof=1) / math.sqrt(RUNS) < 0.01
    assert abs(np.mean(ratios) - 1) < 0.03
