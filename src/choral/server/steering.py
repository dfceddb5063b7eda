"""The public chance of taking part, steered from what the ledger says of the last round. No device says anything.

Arithmetic on ledger rows, in integers: whoever has the ledger gets the same chance.
"""

import math
from collections.abc import Iterable

from choral.protocol import Task
from choral.protocol.task import CHANCE_UNIT
from choral.storage import BatchRow

MOST_STEP = 2  # a chance at most doubles or halves from one round to the next


def steered(task: Task, rows: Iterable[BatchRow], round_: int, now: int) -> int:
    """The chance for `round_`, in units of 2**-32, from the ledger rows of the rounds before it.

    It keeps between the least and the most that the task names. A task that asks everyone (a chance of 1) or nobody (0) is not
    steered. A round that closed with too few reports
    raises the chance; one that had its goal early, or more than it, lowers it.
    """
    over = [row for row in rows if row.round < round_ and (row.state != "open" or row.closes <= now)]
    if task.chance in (0, CHANCE_UNIT) or not over:
        return task.chance
    last = max(over, key=lambda row: row.round)
    chance = last.chance or task.chance
    wanted, seen = aim(task.rule.goal), _seen(task, last)
    if task.rule.advance == "release" and last.reports >= task.rule.goal:
        wanted = min(wanted, seen)  # nobody waits for a clock there: a round that fills is no reason to ask more people
    next_ = chance * wanted // seen if seen else chance * MOST_STEP
    bounded = max(chance // MOST_STEP, min(next_, chance * MOST_STEP))
    return max(task.least_chance, min(bounded, task.most_chance))


def aim(goal: int) -> int:
    """Reports to ask for so that the goal comes together: three standard deviations of a count more than it."""
    return goal + 3 * math.isqrt(goal)


def _seen(task: Task, row: BatchRow) -> int:
    """How many reports the whole round would have brought: of one cut before its end, by the share of it that had passed."""
    rule = task.rule
    begin = task.start + row.round * rule.round_seconds
    if rule.advance == "release" or not begin < row.cut_at < begin + rule.round_seconds:
        return row.reports
    return row.reports * rule.round_seconds // (row.cut_at - begin)
