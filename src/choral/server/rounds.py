"""When a round takes reports: arithmetic on a Task's rule, no store, no clock."""

from datetime import datetime

from choral.errors import PeerError
from choral.protocol import Task
from choral.storage import Slot

DAY = 86_400
MINUTE = 60  # rounds open on whole minutes where no clock advances them: nobody's second is written down


def seconds(now: datetime) -> int:
    """Whole seconds since 1970 of an aware time."""
    if now.tzinfo is None:
        raise ValueError(f"need a time with its zone, got {now!r}")
    return int(now.timestamp())


def current_round(task: Task, cut: int, now: int) -> int:
    """The round that devices are asked for; `cut` is how many rounds were cut, which counts where no clock does."""
    return (now - task.start) // task.rule.round_seconds if task.rule.advance == "time" else cut


def is_ahead(task: Task, round_: int, now: int) -> bool:
    """Whether the task's releases came faster than its rule says: nobody is asked for the round until it is due."""
    return task.rule.advance == "release" and round_ > (now - task.start) // task.rule.least_seconds


def opened_at(task: Task, round_: int, now: int) -> int:
    """What check-outs of the round say of when they were issued; `now` counts where no clock advances the rounds."""
    if task.rule.advance == "time":
        return task.start + round_ * task.rule.round_seconds
    return max(task.start, now - now % MINUTE)


def ends(task: Task, round_: int, closes: int) -> int:
    """Until when check-outs of the round are valid: whoever reports by them is not late. closes: when its batch does"""
    if task.rule.advance == "time":
        return min(task.expires, task.start + (round_ + 1) * task.rule.round_seconds)
    return closes


def closes(task: Task, round_: int, opened: int) -> int:
    """From when on the round takes no report, unless its batch is cut before.

    opened: when its row was made, which counts where no clock advances the rounds
    """
    rule = task.rule
    end = opened + rule.rounds_open * rule.round_seconds
    if rule.advance == "time":
        end = task.start + (round_ + rule.rounds_open) * rule.round_seconds
    return min(task.expires, end)


def require_live(task: Task, now: int) -> None:
    """Raises unless start <= now < expires."""
    if now < task.start:
        raise PeerError("round-unopened", f"the task starts at {task.start}, it is {now}")
    if now >= task.expires:
        raise PeerError("task-expired", f"the task expired at {task.expires}, it is {now}")


def require_open(task: Task, round_: int, current: int) -> None:
    """Raises unless `round_` is the current one or one of the few before it that are still open."""
    if round_ > current:
        raise PeerError("round-unopened", f"round {current} is the latest, a report for round {round_} came")
    if round_ <= current - task.rule.rounds_open:
        raise PeerError("round-closed", f"round {round_} is closed; the latest is {current}")


def slot(task: Task, hash_: bytes, round_: int, now: int, *, late: int = 0, streams: bool = False) -> Slot:
    """Where a report of this round goes. Retention counts from the round's first second, or from the end of this day.

    late, streams: as the task's algorithm has them; see `Known`
    """
    rule = task.rule
    first = task.start + round_ * rule.round_seconds if rule.advance == "time" else now - now % DAY + DAY
    erase_by = first + task.terms.retention_days * DAY
    ends = closes(task, round_, now - now % MINUTE)
    return Slot(hash_, round_, rule.minimum, rule.goal, ends, erase_by, 0, late, streams)
