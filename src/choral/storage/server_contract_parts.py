"""What the checks of server stores share: one task, reports unlike any other, promises by name."""

import hashlib
from collections.abc import Callable
from itertools import count

from choral.storage.server import LeaseLost, ServerStore
from choral.storage.server_rows import Arrival, BatchRow, Duty, ReleaseRow, Slot, TaskRow

CLOSES, ERASE_BY = 1_000, 5_000
MINIMUM, GOAL = 3, 10
NUMBERS = count()
TASK = b"t" * 32


def arrival(number: int, *, task: bytes = TASK, round_: int = 0) -> Arrival:
    """A report unlike any other."""
    body = number.to_bytes(8, "little") * 32
    return Arrival(hashlib.sha256(body).digest(), body, Slot(task, round_, MINIMUM, GOAL, CLOSES, ERASE_BY))


def keep_task(store: ServerStore) -> None:
    """Keep the one task of these checks, twice."""
    require(store.put_task(TaskRow(TASK, "emoji", 10_000, b"signed")), "keeps a new task")
    require(not store.put_task(TaskRow(TASK, "emoji", 10_000, b"other")), "keeps a task once")
    task = store.task(TASK)
    require(task is not None and task.signed == b"signed" and len(store.tasks()) == 1, "gives a task back as it was")


def filled(store: ServerStore, reports: int) -> BatchRow:
    """The row of round 0 with so many reports in it."""
    keep_task(store)
    store.add([arrival(next(NUMBERS)) for _ in range(reports)])
    return first_row(store)


def first_row(store: ServerStore) -> BatchRow:
    """The row of round 0."""
    row = store.batch(TASK, 0)
    if row is None:
        raise AssertionError("this store breaks a promise: makes a ledger row with the first report")
    return row


def head(store: ServerStore) -> TaskRow:
    """The one task of these checks, without its state."""
    row = store.head(TASK)
    if row is None:
        raise AssertionError("this store breaks a promise: knows the task that it keeps")
    return row


def leased(store: ServerStore, duty: Duty, now: int) -> BatchRow:
    """A batch leased for `duty`, for 100 seconds."""
    row = store.lease(duty, now=now, until=now + 100)
    if row is None:
        raise AssertionError(f"this store breaks a promise: leases a batch that is due for {duty}")
    return row


def keep_release(store: ServerStore, batch: BatchRow, row: ReleaseRow) -> None:
    """Finish the release with bytes that can be told apart."""
    store.finish_release(batch, row, signed=b"signed", unpublished=b"full", state=b"state", base=revision(store))


def revision(store: ServerStore) -> int:
    """Of the task's state."""
    return head(store).revision


def refused(attempt: Callable[[], None]) -> None:
    """Fails unless the attempt loses its lease."""
    try:
        attempt()
    except LeaseLost:
        return
    require(False, "refuses to finish what another worker took over")


def require(holds: bool, promise: str) -> None:
    """Fails with the promise unless it holds."""
    if not holds:
        raise AssertionError(f"this store breaks a promise: {promise}")
