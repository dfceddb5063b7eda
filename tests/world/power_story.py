"""A server's days, told to a store: every write there is, each such that another worker can tell it again.

A report's body begins with its own number, so that each release says which reports it counted.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from choral.storage import BELOW_MINIMUM, Arrival, ReleaseRow, ServerStore, Slot, TaskRow, VersionRow

COUNT, MODEL = b"c" * 32, b"m" * 32
ROUND, RETENTION, EXPIRES = 1_000, 5_000, 10_000
MINIMUM, GOAL = 3, 10
LEASE = 120
ILLEGAL = 900  # reports from this number on are
SEALED = b"a sealed report"  # in the body of each, and nowhere else
AT_ONCE = 2  # reports that are folded in one transaction where they stream
Deed = Callable[[ServerStore, int], None]


@dataclass(frozen=True, slots=True)
class Op:
    """What is done at second `at`; and the reports that it sends, if it sends some."""

    at: int
    deed: Deed
    reports: tuple[Arrival, ...] = ()


def arrival(number: int, task: bytes, round_: int, token: int = 0) -> Arrival:
    """A report unlike any other."""
    body = (number.to_bytes(8, "big") + SEALED).ljust(256)
    closes = (round_ + 1) * ROUND
    slot = Slot(task, round_, MINIMUM, GOAL, closes, closes + RETENTION, streams=task == MODEL)
    return Arrival(hashlib.sha256(body).digest(), body, slot, token.to_bytes(32, "big") if token else b"")


def publish(store: ServerStore, _: int) -> None:
    """Two tasks, public data and the start of a model."""
    store.put_task(TaskRow(COUNT, "count", EXPIRES, b"signed"))
    store.put_task(TaskRow(MODEL, "model", 10 * EXPIRES, b"signed"))
    store.put_release(ReleaseRow(b"d" * 32, bytes(32), 0, "dictionary", 0, 1), b"names")
    store.begin_model(VersionRow(MODEL, 0, 0, 0, "published", b"", 0, 1), b"")
    store.open_round(replace(arrival(0, COUNT, 0).slot, chance=7), 1, b"params")


def send(reports: tuple[Arrival, ...], store: ServerStore, _: int) -> None:
    """Some reports in one transaction."""
    store.add(reports)


def shuffle(store: ServerStore, now: int) -> None:
    """Sealed reports become payloads, or are erased if too few of them are legal."""
    while batch := store.lease("shuffle", now=now, until=now + LEASE):
        legal = sorted(body[:8] for body in store.sealed(batch) if int.from_bytes(body[:8]) < ILLEGAL)
        counts = {"legal": len(legal), "dropped": batch.reports - len(legal), "now": now}
        if len(legal) < batch.minimum:
            store.finish_erased(batch, BELOW_MINIMUM, **counts)
        else:
            store.finish_shuffle(batch, (b"".join(legal[:2]), b"".join(legal[2:])), **counts)


def stream(store: ServerStore, now: int) -> None:
    """Reports are folded into their task's state, a few at a time."""
    while batch := store.lease("stream", now=now, until=now + LEASE):
        task, some = store.task(batch.task), store.waiting(batch, AT_ONCE)
        state = _sorted(task.state + b"".join(body[:8] for _, body in some))
        ids = [id_ for id_, _ in some]
        store.finish_stream(batch, ids, legal=len(ids), dropped=0, state=state, base=task.revision)


def release(store: ServerStore, now: int) -> None:
    """What was shuffled, or streamed until its round closed, is published: the numbers of its reports."""
    while batch := store.lease("release", now=now, until=now + LEASE):
        task = store.task(batch.task)
        full = task.state if batch.streams else _sorted(b"".join(store.parts(batch)))
        row = ReleaseRow(hashlib.sha256(full).digest(), task.hash, batch.round, task.signal, batch.legal, batch.closes)
        number = task.version + 1
        version = VersionRow(task.hash, number, task.version, batch.round, "published", row.hash, batch.legal, batch.closes)
        store.finish_release(
            batch,
            row,
            signed=b"signed " + full,
            unpublished=full,
            state=None if batch.streams else full,
            base=task.revision,
            version=version if batch.streams else None,
        )


def close(store: ServerStore, now: int) -> None:
    """What is over is forgotten or erased."""
    store.forget_ids(now)
    while store.erase_due(now):
        pass


def roll_back(store: ServerStore, _: int) -> None:
    """The model is again what it was at its start."""
    store.roll_back(store.versions(MODEL)[0], now=EXPIRES)


def sends(at: int, numbers: Sequence[int], task: bytes = COUNT, *, round_: int, token: int = 0) -> Op:
    """These reports are sent; token: of the first, the next ones have the next."""
    reports = tuple(arrival(number, task, round_, token and token + place) for place, number in enumerate(numbers))
    return Op(at, partial(send, reports), reports)


STORY = (
    Op(0, publish),
    *(sends(10, numbers, round_=0) for numbers in ([0], [1], [2, 3], [3, 4], [5, 6, 7], [8, 9])),  # the goal; 3 comes twice
    Op(200, shuffle),
    sends(300, [100, 101, 102], MODEL, round_=0),
    Op(400, stream),
    Op(500, release),
    sends(990, [103], MODEL, round_=0),
    Op(1_100, close),  # forgets the ids of round 0
    Op(1_300, stream),
    Op(1_500, release),  # a version of the model
    sends(1_900, [20, 21], round_=1),
    Op(2_100, close),  # below the minimum
    sends(2_900, [30, 31], round_=2, token=1),
    sends(2_950, [32, 33, 34, 35], round_=2, token=2),  # the token of 32 is spent
    Op(3_100, shuffle),
    Op(3_400, release),
    Op(3_700, close),
    sends(3_900, [40, ILLEGAL, ILLEGAL + 1], round_=3),
    Op(4_100, shuffle),  # too few are legal
    sends(4_500, range(200, 280), round_=4),
    Op(4_600, shuffle),
    Op(EXPIRES + 100, close),  # nobody released round 4: its retention is over; the tokens of the task are forgotten
    Op(EXPIRES + 300, roll_back),
)


def _sorted(records: bytes) -> bytes:
    return b"".join(sorted(records[start : start + 8] for start in range(0, len(records), 8)))
