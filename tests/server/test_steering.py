"""The public chance follows the ledger alone: bounded, the same for whoever has the ledger, and it finds its goal."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from choral.numerics import SeededEntropy
from choral.protocol.task import CHANCE_UNIT, LEAST_CHANCE
from choral.server.steering import MOST_STEP, aim, steered
from choral.storage import BatchRow
from tests.server.house import START, make_task

HOUR = 3_600
TASK = make_task(goal=100, minimum=10, round_seconds=HOUR, rounds_open=1, delay_seconds=0, chance=CHANCE_UNIT // 8)


def over(round_, reports, *, chance=CHANCE_UNIT // 8, state="erased", cut_at=0):
    """The row of a round that is over."""
    closes = START + (round_ + 1) * HOUR
    return BatchRow(round_ + 1, b"", round_, state, reports, 10, 100, closes, closes, chance=chance, cut_at=cut_at)


def test_without_a_round_behind_it_the_task_says_the_chance():
    assert steered(TASK, [], 0, START) == TASK.chance
    open_still = replace(over(0, 3, state="open"), closes=START + 2 * HOUR)
    assert steered(TASK, [open_still], 1, START + HOUR) == TASK.chance


def test_a_round_of_too_few_raises_the_chance_and_a_round_of_too_many_lowers_it():
    few, many = (steered(TASK, [over(0, reports)], 1, START + HOUR) for reports in (80, 200))
    assert (few, many) == (TASK.chance * aim(100) // 80, TASK.chance * aim(100) // 200)
    assert few > TASK.chance > many


def test_a_chance_at_most_doubles_or_halves():
    for reports, expected in ((0, MOST_STEP * TASK.chance), (1, MOST_STEP * TASK.chance), (10**6, TASK.chance // MOST_STEP)):
        assert steered(TASK, [over(0, reports)], 1, START + HOUR) == expected


def test_everyone_and_nobody_are_not_steered():
    for chance in (0, CHANCE_UNIT):
        assert steered(replace(TASK, chance=chance, least_chance=0), [over(0, 1, chance=chance)], 1, START + HOUR) == chance


def test_a_round_cut_early_is_counted_by_the_share_of_it_that_had_passed():
    """The goal came together in a quarter of the hour: four times as many would have come."""
    row = over(0, 100, state="released", cut_at=START + HOUR // 4)
    assert steered(TASK, [row], 1, START + HOUR) == TASK.chance // MOST_STEP
    row = over(0, 100, state="released", cut_at=START + HOUR * 4 // 5)
    assert steered(TASK, [row], 1, START + HOUR) == TASK.chance * aim(100) // 125


def test_a_round_by_releases_that_fills_never_asks_more_people():
    task = make_task(goal=100, minimum=10, advance="release", chance=CHANCE_UNIT // 8)
    assert steered(task, [over(0, 100, state="released", cut_at=START + 9)], 1, START + 10) == task.chance
    assert steered(task, [over(0, 160, state="released", cut_at=START + 9)], 1, START + 10) == task.chance * aim(100) // 160
    assert steered(task, [over(0, 99)], 1, START + 10 * HOUR) > task.chance


@given(st.integers(0, 10**7), st.integers(LEAST_CHANCE, CHANCE_UNIT - 1), st.integers(0, HOUR))
def test_the_chance_stays_a_chance(reports, chance, cut):
    row = over(0, reports, chance=chance, cut_at=START + cut)
    found = steered(replace(TASK, chance=chance), [row], 1, START + HOUR)
    assert LEAST_CHANCE <= found <= CHANCE_UNIT
    narrow = replace(TASK, chance=chance, least_chance=chance, most_chance=chance)
    assert steered(narrow, [row], 1, START + HOUR) == chance, "no further than the task allows"


def test_the_chance_finds_the_goal_of_a_crowd_that_it_does_not_know_and_follows_it():
    """20,000 willing devices, then 4,000: from the seventh round on at least 9 of 10 rounds have their goal, at seed 1.

    The aim lies three standard deviations above the goal; a round then misses it with chance below 1 in 200.
    """
    rows, entropy = [], SeededEntropy(1)
    counts = []
    for round_ in range(40):
        crowd = 20_000 if round_ < 20 else 4_000
        chance = steered(TASK, rows, round_, START + round_ * HOUR)
        share = chance / CHANCE_UNIT
        normal = float(np.sqrt(-2 * np.log(entropy.words(1, 1)[0, 0] / 2**64 + 1e-12)) * np.cos(2 * np.pi * round_ * 0.618))
        counts.append(max(0, round(crowd * share + normal * np.sqrt(crowd * share * (1 - share)))))
        rows.append(over(round_, counts[-1], chance=chance, state="released"))
    settled = counts[7:20] + counts[27:]
    assert sum(count >= TASK.rule.goal for count in settled) >= 0.9 * len(settled)
    assert max(settled) < 2 * TASK.rule.goal
