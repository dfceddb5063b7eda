"""A server's store in memory, for tests and simulations: the same promises but durability.

Knows the lock, and which tables each promise reads and writes; how is in server_memory_{reports,tables,models}.py.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from choral.storage import server_memory_models as models
from choral.storage import server_memory_reports as reports
from choral.storage.server_memory_tables import Tables
from choral.storage.server_rows import (
    Arrival,
    AuditRow,
    BatchRow,
    Duty,
    OpeningRow,
    ReleaseRow,
    Slot,
    TaskRow,
    VersionRow,
)


@dataclass(slots=True)
class MemoryServerStore:
    """The store in dictionaries; each method checks first and changes after, under one lock."""

    _tables: Tables = field(default_factory=Tables)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def put_task(self, row: TaskRow) -> bool:
        """Keep a task; False if it is kept already."""
        with self._lock:
            return self._tables.tasks.setdefault(row.hash, row) is row

    def task(self, hash_: bytes) -> TaskRow | None:
        """The task with this hash."""
        return self._tables.tasks.get(hash_)

    def head(self, hash_: bytes) -> TaskRow | None:
        """The same without its algorithm's state."""
        row = self._tables.tasks.get(hash_)
        return None if row is None else replace(row, state=b"")

    def tasks(self) -> tuple[TaskRow, ...]:
        """All tasks, without their algorithms' state."""
        with self._lock:
            return tuple(replace(self._tables.tasks[key], state=b"") for key in sorted(self._tables.tasks))

    def open_round(self, slot: Slot, issued: int, params: bytes) -> OpeningRow | None:
        """What all check-outs of this round say: these parameters, unless it was opened before."""
        with self._lock:
            self._tables.open_round(slot, issued, params)
            return self._tables.opening(slot.task, slot.round)

    def opening(self, task: bytes, round_: int) -> OpeningRow | None:
        """What all check-outs of this round say, if it was opened and its batch is not cut."""
        with self._lock:
            return self._tables.opening(task, round_)

    def is_spent(self, task: bytes, token: bytes) -> bool:
        """Whether a report of the task was kept with this token."""
        with self._lock:
            return (task, token) in self._tables.spent

    def add(self, arrivals: Sequence[Arrival]) -> tuple[bool, ...]:
        """Keep each report whose batch is open, once."""
        with self._lock:
            return tuple(reports.add(self._tables, arrival) for arrival in arrivals)

    def batches(self, task: bytes) -> tuple[BatchRow, ...]:
        """All ledger rows of a task, by round."""
        with self._lock:
            return tuple(sorted((row for row in self._tables.batches.values() if row.task == task), key=lambda row: row.round))

    def batch(self, task: bytes, round_: int) -> BatchRow | None:
        """The ledger row of one round."""
        with self._lock:
            number = self._tables.numbers.get((task, round_))
            return None if number is None else self._tables.batches[number]

    def lease(self, duty: Duty, *, now: int, until: int) -> BatchRow | None:
        """A batch that is due for `duty`, from now on nobody else's until `until`."""
        with self._lock:
            return self._tables.lease(duty, now, until)

    def sealed(self, batch: BatchRow) -> Iterator[bytes]:
        """The reports of a cut batch, in the order of their ids."""
        with self._lock:
            found = self._tables.unsealed(batch)
        yield from (body for _, body in found)

    def waiting(self, batch: BatchRow, most: int) -> tuple[tuple[bytes, bytes], ...]:
        """Up to `most` sealed reports of a batch that streams, with their ids."""
        with self._lock:
            return tuple(self._tables.unsealed(batch)[:most])

    def finish_shuffle(self, batch: BatchRow, parts: Iterable[bytes], *, legal: int, dropped: int, now: int) -> None:
        """Keep the shuffled payloads, erase the sealed reports, keep their ids while the round is open."""
        payloads = tuple(parts)
        with self._lock:
            row = self._tables.still_leased(batch, "cut")
            self._tables.batches[row.number] = replace(row, state="shuffled", legal=legal, dropped=dropped, lease_until=0)
            self._tables.payloads[row.number] = payloads
            self._tables.erase_reports(row, now)

    def finish_stream(
        self, batch: BatchRow, ids: Sequence[bytes], *, legal: int, dropped: int, state: bytes, base: int
    ) -> None:
        """Erase these sealed reports, count them, keep the state they were folded into."""
        with self._lock:
            row = self._tables.still_leased(batch, "open")
            models.keep_state(self._tables, row.task, state, base)
            counted = replace(row, legal=row.legal + legal, dropped=row.dropped + dropped)
            self._tables.batches[row.number] = replace(counted, lease=row.lease + 1, lease_until=0)
            self._tables.reports[row.number].update(dict.fromkeys(ids))

    def parts(self, batch: BatchRow) -> Iterator[bytes]:
        """The payloads of a shuffled batch, one part at a time."""
        yield from self._tables.payloads.get(batch.number, ())

    def finish_release(
        self,
        batch: BatchRow,
        row: ReleaseRow,
        *,
        signed: bytes,
        unpublished: bytes,
        state: bytes | None,
        base: int,
        version: VersionRow | None = None,
    ) -> None:
        """Keep the release, the algorithm's state and the version, erase the payloads, mark the row released."""
        with self._lock:
            mine = self._tables.still_leased(batch, "shuffled")
            models.require_current(self._tables, version)
            if state is not None:
                models.keep_state(self._tables, mine.task, state, base)
            self._tables.batches[mine.number] = replace(mine, state="released", lease_until=0)
            self._tables.releases[row.hash] = (row, signed, unpublished)
            self._tables.payloads.pop(mine.number, None)
            if version is not None:
                models.add_version(self._tables, version)

    def finish_erased(
        self,
        batch: BatchRow,
        why: str,
        *,
        legal: int,
        dropped: int,
        now: int,
        version: VersionRow | None = None,
        state: bytes | None = None,
    ) -> None:
        """Erase a leased batch unreleased and write down why."""
        with self._lock:
            row = self._tables.still_leased(batch, batch.state)
            models.require_current(self._tables, version)
            counted = replace(row, legal=legal, dropped=dropped)
            self._tables.batches[row.number] = replace(counted, state="erased", why=why, lease_until=0)
            self._tables.payloads.pop(row.number, None)
            self._tables.erase_reports(row, now)
            if version is not None:
                models.add_version(self._tables, version)
            if state is not None:
                models.keep_state(self._tables, row.task, state, self._tables.tasks[row.task].revision)

    def erase_due(self, now: int) -> BatchRow | None:
        """Erase one batch that closed below its minimum or outlived its retention."""
        with self._lock:
            return self._tables.erase_due(now)

    def forget_ids(self, now: int) -> int:
        """Forget the ids of batches that are done and whose reports would be refused as late; how many."""
        with self._lock:
            return self._tables.forget_ids(now)

    def begin_model(self, start: VersionRow, state: bytes) -> bool:
        """Keep the state that a task's model starts from; False if it has a state already."""
        with self._lock:
            return models.begin(self._tables, start, state)

    def versions(self, task: bytes) -> tuple[VersionRow, ...]:
        """All versions of a task's model, by number."""
        with self._lock:
            return models.versions(self._tables, task)

    def version_state(self, task: bytes, number: int) -> bytes | None:
        """The whole state of a version that was published, also of one that was rolled back."""
        with self._lock:
            return models.version_state(self._tables, task, number)

    def roll_back(self, version: VersionRow, *, now: int) -> bool:
        """Make an earlier version the current one."""
        with self._lock:
            return models.roll_back(self._tables, version, now)

    def audit(self, task: bytes) -> tuple[AuditRow, ...]:
        """What operators did to a task."""
        with self._lock:
            return tuple(row for row in self._tables.audit if row.task == task)

    def put_release(self, row: ReleaseRow, signed: bytes) -> bool:
        """Keep public data that no person is in; False if it is kept already."""
        with self._lock:
            kept = (row, signed, b"")
            return self._tables.releases.setdefault(row.hash, kept) is kept

    def releases(self) -> tuple[ReleaseRow, ...]:
        """All releases, newest first."""
        with self._lock:
            rows = (row for row, _, _ in self._tables.releases.values())
            return tuple(sorted(rows, key=lambda row: (-row.created, row.hash)))

    def release(self, hash_: bytes) -> bytes | None:
        """The signed release with this hash."""
        found = self._tables.releases.get(hash_)
        return found[1] if found else None

    def unpublished(self, hash_: bytes) -> bytes | None:
        """What only the operator may read of the release with this hash."""
        found = self._tables.releases.get(hash_)
        return found[2] or None if found else None

    def close(self) -> None:
        """Nothing is held."""
