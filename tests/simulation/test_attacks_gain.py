"""The maximal gain attack never exceeds a published factor, and reaches it; a false factor or an open door is noticed.

The gain of a report is a number, not an estimate: there is no false alarm.
"""

import numpy as np
import pytest

from choral.mechanisms import HadamardCountMeanSketch, RandomizedResponse
from choral.mechanisms.base import empty_state
from choral.simulation.attacks.gain import measured_gain
from choral.simulation.attacks.oracles import small_oracles


def loudest(oracle, payloads, item):
    """The most by which one of these payloads moves the item."""
    alone = (oracle.accumulate(empty_state(oracle), payloads[row : row + 1]) for row in range(len(payloads)))
    return max(abs(float(oracle.estimate(state, 1).values[item])) for state in alone)


@pytest.mark.parametrize("oracle", list(small_oracles(2.0, 200)), ids=lambda one: one.NAME)
def test_no_legal_report_gains_more_than_the_published_factor_and_the_loudest_reaches_it(oracle):
    honest = np.arange(800) % 180
    for targets in ([199], [190, 195, 199]):
        gain = measured_gain(oracle, targets, honest, hostile=8, seed=1)
        assert not gain.exceeds
        assert max(gain.one, gain.down) == pytest.approx(gain.published, rel=0.02) or targets != [199]


def test_a_factor_published_too_low_and_a_door_that_lets_illegal_reports_in_are_noticed():
    class Boastful(RandomizedResponse):
        @property
        def manipulation(self):
            return 0.9 * super().manipulation

    for kind, is_noticed in ((RandomizedResponse, False), (Boastful, True)):
        oracle = kind(50, RandomizedResponse.for_epsilon(1.0, 50).keep)
        assert measured_gain(oracle, [49], np.arange(200) % 40, hostile=2, seed=1).exceeds == is_noticed
    oracle = HadamardCountMeanSketch.for_epsilon(2.0, 40, seed=bytes(32), width=16, rows=8)
    anything = np.zeros(64, oracle.payload)
    anything["sign"] = np.arange(64)
    assert loudest(oracle, anything[oracle.legal(anything)], 39) <= oracle.manipulation * (1 + 1e-9)
    assert loudest(oracle, anything, 39) > 10 * oracle.manipulation


@pytest.mark.acceptance
@pytest.mark.parametrize("epsilon", [0.5, 1.0, 4.0, 8.0])
def test_long_searches_for_loud_reports_never_exceed_the_factor(epsilon):
    for oracle in small_oracles(epsilon, 2600):
        for seed in range(1, 4):
            for targets in ([2599], list(range(2590, 2600))):
                assert not measured_gain(oracle, targets, np.arange(50_000) % 2500, hostile=500, seed=seed).exceeds
