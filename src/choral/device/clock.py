"""Which round it is, by this device's own clock; what a server says of rounds and dates is a claim, held against it here.

Knows a task's rule and unix seconds. A clock may be wrong by CLOCK_SLACK without a report being lost where rounds are long.
"""

from datetime import UTC, datetime

from choral.protocol import Checkout, Task
from choral.protocol.task import BatchRule

CLOCK_SLACK_SECONDS = 2 * 86_400  # by which a device's clock, or a server's, may be wrong
LAST_SECOND = 253_402_300_799  # of the year 9999, where Python's calendar ends


def own_round(task: Task, second: int) -> int:
    """The round in which this second lies, where rounds advance by time; below 0 before the task begins."""
    return (second - task.start) // task.rule.round_seconds


def highest_round(task: Task, second: int) -> int:
    """The highest round that can be open by now where rounds advance by release, however wrong this clock is within reason."""
    return max(0, second + CLOCK_SLACK_SECONDS - task.start) // task.rule.least_seconds


def span_of(task: Task, checkout: Checkout) -> tuple[int, int]:
    """The earliest second at which the check-out can have been issued, and the latest until which it can be valid."""
    rule: BatchRule = task.rule
    if rule.advance == "time":
        begin = task.start + checkout.round * rule.round_seconds
        return begin, min(task.expires, begin + rule.round_seconds)
    return task.start, min(task.expires, checkout.issued + rule.rounds_open * rule.round_seconds)


def deadline(task: Task, round_: int) -> int:
    """When a server stops taking reports of this round, unix seconds."""
    rule = task.rule
    if rule.advance == "release":
        return task.expires
    return min(task.expires, task.start + (round_ + rule.rounds_open) * rule.round_seconds)


def clock_problem(task: Task, checkout: Checkout, second: int, *, mark: int) -> str:
    """What is wrong between the check-out and this device's clock, and whose clock it may be; empty if they agree.

    A difference of one round says nothing: rounds begin somewhere between two clocks. By releases, when a round was opened
    decides nothing here; how high its number is does. mark: the latest second that this device ever paid at
    """
    if task.rule.advance == "release":
        if checkout.round <= highest_round(task, second):
            return ""
        told = f"round {checkout.round} cannot have begun yet, at one round in {task.rule.least_seconds} seconds at most"
    elif abs(checkout.round - own_round(task, second)) <= 1:
        return ""
    else:
        told = f"the server is at round {checkout.round}, this device's clock at round {own_round(task, second)}"
    if second < mark:
        return f"{told}; this device's clock was later before: set it right"
    here, there = clock(second), clock(checkout.issued)
    return f"{told}; one of the two clocks is off: this device's says {here}, the check-out is of {there}"


def clock(second: int) -> str:
    """A moment for people to read."""
    return f"{datetime.fromtimestamp(min(max(second, 0), LAST_SECOND), UTC):%Y-%m-%d %H:%M} UTC"
