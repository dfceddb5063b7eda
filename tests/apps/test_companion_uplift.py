"""Did my suggestions help me? The interval holds the truth as often as it says, and few moments give no answer."""

from scipy.stats import binomtest

from choral.apps.companion.device.turns import Turn
from choral.apps.companion.device.uplift import uplift
from choral.apps.companion.study.trials_moods import uplift_coverage

FALSE_ALARM = 1e-6


def moments(n, *, made, after, before=30, chance=0.75):
    arm = "best" if made else "none"
    return [
        Turn(10_000 * k, arm, "", chance if made else 1 - chance, chance, before + k % 5, after=after + k % 3) for k in range(n)
    ]


def test_few_moments_are_not_enough_yet():
    found = uplift(moments(30, made=True, after=60) + moments(3, made=False, after=50))
    assert not found.enough
    assert found.sentence.startswith("Not enough yet")
    assert (found.n_with, found.n_without) == (30, 3)
    assert uplift(()).sentence.startswith("Not enough yet")


def test_a_plain_difference_is_told_with_its_interval_and_n():
    found = uplift(moments(30, made=True, after=60) + moments(12, made=False, after=50))
    assert found.low < 10 < found.high
    assert "10 points of 100 better" in found.sentence
    assert "30 moments with a suggestion, 12 without" in found.sentence


def test_no_difference_is_said_to_be_none():
    assert "No clear difference" in uplift(moments(30, made=True, after=50) + moments(12, made=False, after=50)).sentence


def test_moments_without_a_mood_afterwards_are_counted_and_uneven_answers_are_said():
    silent = [Turn(1, "none", "", 0.25, 0.75, 30)] * 60
    found = uplift(moments(30, made=True, after=60) + moments(12, made=False, after=50) + silent)
    assert found.n_unanswered == 60
    assert "may be off" in found.sentence


def test_rare_chances_weigh_more():
    """Two kinds of days: on good ones suggestions are frequent. Without weights they would seem to help."""
    good = moments(90, made=True, after=70, chance=0.9) + moments(10, made=False, after=70, chance=0.9)
    bad = moments(10, made=True, after=40, chance=0.1) + moments(90, made=False, after=40, chance=0.1)
    found = uplift(good + bad)
    assert abs(found.value) < 1
    assert found.low < 0 < found.high


def test_the_95_percent_interval_holds_the_truth_95_times_of_100():
    """Coverage between .92 and .98 of what 500 intervals can show: a false alarm below 1e-6 each."""
    found = uplift_coverage(11, 500, 48)
    n = round(500 * found["enough"])
    assert n > 300
    held = round(found["coverage"] * n)
    assert binomtest(held, n, 0.92, alternative="less").pvalue > FALSE_ALARM
    assert binomtest(held, n, 0.85).pvalue < FALSE_ALARM
    assert abs(found["bias"]) < 5 * found["bias_stderr"]
    assert found["false_alarms"] < 0.12
