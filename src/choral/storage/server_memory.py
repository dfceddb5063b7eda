"""A server's store in memory, for tests and simulations: the same promises but durability."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from choral.storage.server import (
    BELOW_MINIMUM,
    RETENTION_OVER,
    Arrival,
    BatchRow,
    Duty,
    LeaseLost,
    ReleaseRow,
    Slot,
    TaskRow,
)

UNFINISHED = ("open", "cut", "shuffled")


@dataclass(slots=True)
class MemoryServerStore:
    """The store in dictionaries; each method checks first and changes after, under one lock."""

    _tasks: dict[bytes, TaskRow] = field(default_factory=dict)
    _batches: dict[int, BatchRow] = field(default_factory=dict)
    _numbers: dict[tuple[bytes, int], int] = field(default_factory=dict)
    _reports: dict[int, dict[bytes, bytes | None]] = field(default_factory=dict)
    _payloads: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    _releases: dict[bytes, tuple[ReleaseRow, bytes, bytes]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def put_task(self, row: TaskRow) -> bool:
        """Keep a task; False if it is kept already."""
        with self._lock:
            return self._tasks.setdefault(row.hash, row) is row

    def task(self, hash_: bytes) -> TaskRow | None:
        """The task with this hash."""
        return self._tasks.get(hash_)

    def tasks(self) -> tuple[TaskRow, ...]:
        """All tasks, without their algorithms' state."""
        with self._lock:
            return tuple(replace(self._tasks[key], state=b"") for key in sorted(self._tasks))

    def add(self, arrivals: Sequence[Arrival]) -> tuple[bool, ...]:
        """Keep each report whose batch is open, once."""
        with self._lock:
            return tuple(self._add(arrival) for arrival in arrivals)

    def batches(self, task: bytes) -> tuple[BatchRow, ...]:
        """All ledger rows of a task, by round."""
        with self._lock:
            return tuple(sorted((row for row in self._batches.values() if row.task == task), key=lambda row: row.round))

    def batch(self, task: bytes, round_: int) -> BatchRow | None:
        """The ledger row of one round."""
        with self._lock:
            number = self._numbers.get((task, round_))
            return None if number is None else self._batches[number]

    def lease(self, duty: Duty, *, now: int, until: int) -> BatchRow | None:
        """A batch that is due for `duty`, from now on nobody else's until `until`."""
        is_due = _shuffle_is_due if duty == "shuffle" else _release_is_due
        with self._lock:
            batch = next((row for row in self._batches.values() if is_due(row, now)), None)
            if batch is None:
                return None
            state = batch.state
            if state == "open":
                state = "cut"
                self._pass_round(batch)
            leased = replace(batch, state=state, lease=batch.lease + 1, lease_until=until)
            self._batches[batch.number] = leased
            return leased

    def sealed(self, batch: BatchRow) -> Iterator[bytes]:
        """The reports of a cut batch, in the order of their ids."""
        with self._lock:
            reports = sorted(self._reports.get(batch.number, {}).items())
        yield from (body for _, body in reports if body is not None)

    def finish_shuffle(self, batch: BatchRow, parts: Iterable[bytes], *, legal: int, dropped: int, now: int) -> None:
        """Keep the shuffled payloads, erase the sealed reports, keep their ids while the round is open."""
        payloads = tuple(parts)
        with self._lock:
            row = self._still_mine(batch, "cut")
            self._batches[row.number] = replace(row, state="shuffled", legal=legal, dropped=dropped, lease_until=0)
            self._payloads[row.number] = payloads
            self._erase_reports(row, now)

    def parts(self, batch: BatchRow) -> Iterator[bytes]:
        """The payloads of a shuffled batch, one part at a time."""
        yield from self._payloads.get(batch.number, ())

    def finish_release(self, batch: BatchRow, row: ReleaseRow, *, signed: bytes, unpublished: bytes, state: bytes) -> None:
        """Keep the release and the algorithm's state, erase the payloads, mark the row released."""
        with self._lock:
            mine = self._still_mine(batch, "shuffled")
            self._batches[mine.number] = replace(mine, state="released", lease_until=0)
            self._releases[row.hash] = (row, signed, unpublished)
            self._tasks[mine.task] = replace(self._tasks[mine.task], state=state)
            self._payloads.pop(mine.number, None)

    def finish_erased(self, batch: BatchRow, why: str, *, legal: int, dropped: int, now: int) -> None:
        """Erase a leased batch unreleased and write down why."""
        with self._lock:
            row = self._still_mine(batch, batch.state)
            self._batches[row.number] = replace(row, state="erased", why=why, legal=legal, dropped=dropped, lease_until=0)
            self._payloads.pop(row.number, None)
            self._erase_reports(row, now)

    def erase_due(self, now: int) -> BatchRow | None:
        """Erase one batch that closed below its minimum or outlived its retention."""
        with self._lock:
            batch = next((row for row in self._batches.values() if _erasure_is_due(row, now)), None)
            if batch is None:
                return None
            below = batch.state == "open" and batch.reports < batch.minimum
            why = BELOW_MINIMUM if below else RETENTION_OVER
            erased = replace(batch, state="erased", why=why, lease=batch.lease + 1, lease_until=0)
            self._batches[batch.number] = erased
            self._pass_round(batch)
            self._payloads.pop(batch.number, None)
            self._erase_reports(batch, now)
            return erased

    def forget_ids(self, now: int) -> int:
        """Forget the ids of batches that are cut, done and closed; how many."""
        with self._lock:
            over = [row for row in self._batches.values() if row.closes <= now and row.state not in ("open", "cut")]
            return sum(len(self._reports.pop(row.number, ())) for row in over)

    def put_release(self, row: ReleaseRow, signed: bytes) -> bool:
        """Keep public data that no person is in; False if it is kept already."""
        with self._lock:
            kept = (row, signed, b"")
            return self._releases.setdefault(row.hash, kept) is kept

    def releases(self) -> tuple[ReleaseRow, ...]:
        """All releases, newest first."""
        with self._lock:
            return tuple(sorted((row for row, _, _ in self._releases.values()), key=lambda row: (-row.created, row.hash)))

    def release(self, hash_: bytes) -> bytes | None:
        """The signed release with this hash."""
        found = self._releases.get(hash_)
        return found[1] if found else None

    def unpublished(self, hash_: bytes) -> bytes | None:
        """What only the operator may read of the release with this hash."""
        found = self._releases.get(hash_)
        return found[2] or None if found else None

    def close(self) -> None:
        """Nothing is held."""

    def _add(self, arrival: Arrival) -> bool:
        batch = self._open_batch(arrival.slot)
        ids = self._reports.get(batch.number, {})
        if arrival.id in ids or batch.state != "open":
            return arrival.id in ids
        ids[arrival.id] = arrival.body
        self._batches[batch.number] = replace(batch, reports=batch.reports + 1)
        return True

    def _open_batch(self, slot: Slot) -> BatchRow:
        number = self._numbers.setdefault((slot.task, slot.round), len(self._numbers) + 1)
        if number not in self._batches:
            rule = (slot.minimum, slot.goal, slot.closes, slot.erase_by)
            self._batches[number] = BatchRow(number, slot.task, slot.round, "open", 0, *rule)
            self._reports[number] = {}
        return self._batches[number]

    def _pass_round(self, batch: BatchRow) -> None:
        task = self._tasks[batch.task]
        self._tasks[batch.task] = replace(task, round=max(task.round, batch.round + 1))

    def _still_mine(self, batch: BatchRow, state: str) -> BatchRow:
        row = self._batches[batch.number]
        if row.state != state or row.lease != batch.lease:
            raise LeaseLost(f"batch {batch.number} was taken over or is done; nothing was kept, take the next one")
        return row

    def _erase_reports(self, batch: BatchRow, now: int) -> None:
        if batch.closes <= now:
            self._reports.pop(batch.number, None)
        else:
            self._reports[batch.number] = dict.fromkeys(self._reports[batch.number])


def _shuffle_is_due(row: BatchRow, now: int) -> bool:
    if row.state == "open":
        return row.reports >= row.minimum and (row.reports >= row.goal or row.closes <= now)
    return row.state == "cut" and row.lease_until <= now


def _release_is_due(row: BatchRow, now: int) -> bool:
    return row.state == "shuffled" and row.lease_until <= now


def _erasure_is_due(row: BatchRow, now: int) -> bool:
    below = row.state == "open" and row.closes <= now and row.reports < row.minimum
    return below or (row.state in UNFINISHED and row.erase_by <= now)
