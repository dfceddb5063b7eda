"""The vectorized route: the devices' bits, in any shards, and errors as the theory says."""

import numpy as np
import pytest

from choral.engines import Processes, Serial
from choral.mechanisms import CountMeanSketch, RandomizedResponse
from choral.numerics import SeededEntropy
from choral.simulation import Cohort, Population, Shard, shards, study

SHARES = np.full(20, 0.05)
PEOPLE = Population(SHARES, seed=3)
SKETCH = CountMeanSketch.for_epsilon(3.0, 21, seed=bytes(range(32)), width=64, rows=256)
RESPONSE = RandomizedResponse.for_epsilon(2.0, 21)
BOTH = pytest.mark.parametrize("mechanism", [SKETCH, RESPONSE], ids=lambda mechanism: mechanism.NAME)


@BOTH
def test_each_row_is_what_its_device_alone_would_send(mechanism):
    rows = Cohort(mechanism, PEOPLE, seed=9)(Shard(1000, 300))
    for device in (0, 1, 155, 299):
        value = PEOPLE.events(1000 + device, 1, days=1).sampled[:, 0]
        alone = mechanism.randomize(value, SeededEntropy(9, stream=1000 + device))
        assert alone[0].tobytes() == rows.payloads[device].tobytes()


@BOTH
def test_the_mean_squared_error_is_what_theory_says(mechanism):
    """Mean of 30 independent studies over 21 items: a standard error of about 6 %; five of them allowed."""
    ratios = [_ratio(mechanism, seed) for seed in range(30)]
    assert 0.7 < np.mean(ratios) < 1.3


def _ratio(mechanism, seed):
    result = study(Cohort(mechanism, Population(SHARES, seed), seed), 2000, engine=Serial())
    return result.mse / result.mse_theory


def test_the_three_truths_are_kept_apart():
    result = study(Cohort(RESPONSE, PEOPLE, 1), 5000, engine=Serial())
    assert result.sampled.sum() == result.estimate.n == 5000
    assert result.sampled[-1] > 0
    assert result.typed[-1] == 0
    assert result.typed.sum() == PEOPLE.days(0, 5000)[:, 0].sum()
    assert (result.marginal == np.append(SHARES, 0)).all()


def test_two_processes_give_the_same_study():
    cohort = Cohort(RESPONSE, PEOPLE, 1)
    here, there = (study(cohort, 40_000, engine=engine) for engine in (Serial(), Processes(2)))
    assert (here.estimate.values == there.estimate.values).all()
    assert (here.typed == there.typed).all()


def test_progress_tells_every_device_once():
    told = []
    study(Cohort(RESPONSE, PEOPLE, 1), 40_000, engine=Serial(), done=told.append)
    assert sum(told) == 40_000
    assert len(told) == len(list(shards(40_000))) > 1


@pytest.mark.parametrize(("devices", "domain"), [(0, 21), (-5, 21), (10, 20)])
def test_no_devices_or_a_domain_without_nothing_are_refused(devices, domain):
    with pytest.raises(ValueError, match="devices >= 1"):
        study(Cohort(RandomizedResponse.for_epsilon(2.0, domain), PEOPLE, 1), devices, engine=Serial())
