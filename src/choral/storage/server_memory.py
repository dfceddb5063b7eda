"""A server's store in memory, for tests and simulations: the same promises but durability."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from choral.storage.server import LeaseLost
from choral.storage.server_rows import (
    BELOW_MINIMUM,
    RETENTION_OVER,
    Arrival,
    AuditRow,
    BatchRow,
    BatchState,
    Duty,
    ReleaseRow,
    Slot,
    TaskRow,
    VersionRow,
)

UNFINISHED = ("open", "cut", "shuffled")
CUT: dict[Duty, BatchState] = {"shuffle": "cut", "release": "shuffled"}  # what an open batch becomes as it is leased


@dataclass(slots=True)
class MemoryServerStore:
    """The store in dictionaries; each method checks first and changes after, under one lock."""

    _tasks: dict[bytes, TaskRow] = field(default_factory=dict)
    _batches: dict[int, BatchRow] = field(default_factory=dict)
    _numbers: dict[tuple[bytes, int], int] = field(default_factory=dict)
    _reports: dict[int, dict[bytes, bytes | None]] = field(default_factory=dict)
    _payloads: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    _releases: dict[bytes, tuple[ReleaseRow, bytes, bytes]] = field(default_factory=dict)
    _versions: dict[tuple[bytes, int], VersionRow] = field(default_factory=dict)
    _starts: dict[bytes, bytes] = field(default_factory=dict)
    _spent: set[tuple[bytes, bytes]] = field(default_factory=set)
    _audit: list[AuditRow] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def put_task(self, row: TaskRow) -> bool:
        """Keep a task; False if it is kept already."""
        with self._lock:
            return self._tasks.setdefault(row.hash, row) is row

    def task(self, hash_: bytes) -> TaskRow | None:
        """The task with this hash."""
        return self._tasks.get(hash_)

    def head(self, hash_: bytes) -> TaskRow | None:
        """The same without its algorithm's state."""
        row = self._tasks.get(hash_)
        return None if row is None else replace(row, state=b"")

    def tasks(self) -> tuple[TaskRow, ...]:
        """All tasks, without their algorithms' state."""
        with self._lock:
            return tuple(replace(self._tasks[key], state=b"") for key in sorted(self._tasks))

    def open_round(self, slot: Slot) -> BatchRow:
        """The ledger row of this round, made unless it is there."""
        with self._lock:
            return self._open_batch(slot)

    def is_spent(self, task: bytes, token: bytes) -> bool:
        """Whether a report of the task was kept with this token."""
        with self._lock:
            return (task, token) in self._spent

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
        with self._lock:
            batch = next((row for row in self._batches.values() if self._is_due(row, duty, now)), None)
            if batch is None:
                return None
            leased = replace(batch, lease=batch.lease + 1, lease_until=until)
            if batch.state == "open" and duty != "stream":
                leased = replace(leased, state=CUT[duty], cut_at=now)
                self._pass_round(batch)
            self._batches[batch.number] = leased
            return leased

    def sealed(self, batch: BatchRow) -> Iterator[bytes]:
        """The reports of a cut batch, in the order of their ids."""
        yield from (body for _, body in self._unsealed(batch))

    def waiting(self, batch: BatchRow, most: int) -> tuple[tuple[bytes, bytes], ...]:
        """Up to `most` sealed reports of a batch that streams, with their ids."""
        return tuple(islice(self._unsealed(batch), most))

    def finish_shuffle(self, batch: BatchRow, parts: Iterable[bytes], *, legal: int, dropped: int, now: int) -> None:
        """Keep the shuffled payloads, erase the sealed reports, keep their ids while the round is open."""
        payloads = tuple(parts)
        with self._lock:
            row = self._still_mine(batch, "cut")
            self._batches[row.number] = replace(row, state="shuffled", legal=legal, dropped=dropped, lease_until=0)
            self._payloads[row.number] = payloads
            self._erase_reports(row, now)

    def finish_stream(
        self, batch: BatchRow, ids: Sequence[bytes], *, legal: int, dropped: int, state: bytes, base: int
    ) -> None:
        """Erase these sealed reports, count them, keep the state they were folded into."""
        with self._lock:
            row = self._still_mine(batch, "open")
            self._keep_state(row.task, state, base)
            counted = replace(row, legal=row.legal + legal, dropped=row.dropped + dropped)
            self._batches[row.number] = replace(counted, lease=row.lease + 1, lease_until=0)
            self._reports[row.number].update(dict.fromkeys(ids))

    def parts(self, batch: BatchRow) -> Iterator[bytes]:
        """The payloads of a shuffled batch, one part at a time."""
        yield from self._payloads.get(batch.number, ())

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
            mine = self._still_mine(batch, "shuffled")
            if state is not None:
                self._keep_state(mine.task, state, base)
            self._batches[mine.number] = replace(mine, state="released", lease_until=0)
            self._releases[row.hash] = (row, signed, unpublished)
            self._payloads.pop(mine.number, None)
            if version is not None:
                self._versions[version.task, version.number] = version
                self._tasks[mine.task] = replace(self._tasks[mine.task], version=version.number)

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
            row = self._still_mine(batch, batch.state)
            self._batches[row.number] = replace(row, state="erased", why=why, legal=legal, dropped=dropped, lease_until=0)
            self._payloads.pop(row.number, None)
            self._erase_reports(row, now)
            if version is not None:
                self._versions[version.task, version.number] = version
            if state is not None:
                self._keep_state(row.task, state, self._tasks[row.task].revision)

    def erase_due(self, now: int) -> BatchRow | None:
        """Erase one batch that closed below its minimum or outlived its retention."""
        with self._lock:
            batch = next((row for row in self._batches.values() if _erasure_is_due(row, now)), None)
            if batch is None:
                return None
            why = BELOW_MINIMUM if batch.state == "open" and batch.is_below else RETENTION_OVER
            erased = replace(batch, state="erased", why=why, lease=batch.lease + 1, lease_until=0)
            self._batches[batch.number] = erased
            self._pass_round(batch)
            self._payloads.pop(batch.number, None)
            self._erase_reports(batch, now)
            return erased

    def forget_ids(self, now: int) -> int:
        """Forget the ids of batches that are done and whose reports would be refused as late; how many."""
        with self._lock:
            self._spent = {(task, token) for task, token in self._spent if self._tasks[task].expires > now}
            over = [row for row in self._batches.values() if row.state not in ("open", "cut") and self._is_past(row, now)]
            return sum(len(self._reports.pop(row.number, ())) for row in over)

    def begin_model(self, start: VersionRow, state: bytes) -> bool:
        """Keep the state that a task's model starts from; False if it has a state already."""
        with self._lock:
            if self._tasks[start.task].revision:
                return False
            self._keep_state(start.task, state, 0)
            self._versions[start.task, start.number] = start
            self._starts[start.task] = state
            return True

    def versions(self, task: bytes) -> tuple[VersionRow, ...]:
        """All versions of a task's model, by number."""
        with self._lock:
            return tuple(self._versions[key] for key in sorted(self._versions) if key[0] == task)

    def version_state(self, task: bytes, number: int) -> bytes | None:
        """The whole state of a version that was published, also of one that was rolled back."""
        row = self._versions.get((task, number))
        if row is None or row.state == "refused":
            return None
        return self.unpublished(row.release) if row.release else self._starts.get(task)

    def roll_back(self, version: VersionRow, *, now: int) -> bool:
        """Make an earlier version the current one."""
        with self._lock:
            task, state = self._tasks[version.task], self.version_state(version.task, version.number)
            if state is None or task.version == version.number:
                return False
            self._keep_state(version.task, state, task.revision)
            self._tasks[task.hash] = replace(self._tasks[task.hash], version=version.number)
            for row in self.versions(task.hash):
                if row.number > version.number and row.state == "published":
                    self._versions[task.hash, row.number] = replace(row, state="rolled back")
            self._versions[task.hash, version.number] = replace(version, state="published")
            detail = f"from version {task.version} to version {version.number}"
            self._audit.append(AuditRow(now, task.hash, "rolled back", detail))
            return True

    def audit(self, task: bytes) -> tuple[AuditRow, ...]:
        """What operators did to a task."""
        with self._lock:
            return tuple(row for row in self._audit if row.task == task)

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
        slot, task = arrival.slot, self._tasks.get(arrival.slot.task)
        if slot.late and task is not None:
            if self._is_known_of(task.hash, arrival.id):
                return True
            if slot.round + slot.late < task.round:
                return False
            slot = replace(slot, round=max(slot.round, task.round))
        batch = self._open_batch(slot)
        ids = self._reports.get(batch.number, {})
        if arrival.id in ids or batch.state != "open":
            return arrival.id in ids
        if arrival.token and (batch.task, arrival.token) in self._spent:
            return False
        self._spent |= {(batch.task, arrival.token)} if arrival.token else set()
        ids[arrival.id] = arrival.body
        self._batches[batch.number] = replace(batch, reports=batch.reports + 1)
        return True

    def _is_known_of(self, task: bytes, id_: bytes) -> bool:
        return any(id_ in ids for number, ids in self._reports.items() if self._batches[number].task == task)

    def _open_batch(self, slot: Slot) -> BatchRow:
        number = self._numbers.setdefault((slot.task, slot.round), len(self._numbers) + 1)
        if number not in self._batches:
            rule = (slot.minimum, slot.goal, slot.closes, slot.erase_by)
            row = BatchRow(number, slot.task, slot.round, "open", 0, *rule)
            self._batches[number] = replace(row, chance=slot.chance, late=slot.late, streams=slot.streams)
            self._reports[number] = {}
        return self._batches[number]

    def _unsealed(self, batch: BatchRow) -> Iterator[tuple[bytes, bytes]]:
        with self._lock:
            reports = sorted(self._reports.get(batch.number, {}).items())
        return ((id_, body) for id_, body in reports if body is not None)

    def _is_due(self, row: BatchRow, duty: Duty, now: int) -> bool:
        if row.state == "open":
            due = duty == _duty_of_open(row, now)
        else:
            due = (duty, row.state) in (("shuffle", "cut"), ("release", "shuffled"))
        if not due or row.lease_until > now:
            return False
        state = {"stream": "open", "release": "shuffled"}.get(duty, "")
        rivals = (one for one in self._batches.values() if one.task == row.task and one.number != row.number)
        return not any(one.state == state and one.lease_until > now for one in rivals)

    def _keep_state(self, hash_: bytes, state: bytes, base: int) -> None:
        task = self._tasks[hash_]
        if task.revision != base:
            raise LeaseLost(f"the state of task {hash_.hex()} has changed meanwhile; nothing was kept, fold anew")
        self._tasks[hash_] = replace(task, state=state, revision=base + 1)

    def _pass_round(self, batch: BatchRow) -> None:
        task = self._tasks[batch.task]
        self._tasks[batch.task] = replace(task, round=max(task.round, batch.round + 1))

    def _still_mine(self, batch: BatchRow, state: str) -> BatchRow:
        row = self._batches[batch.number]
        if row.state != state or row.lease != batch.lease:
            raise LeaseLost(f"batch {batch.number} was taken over or is done; nothing was kept, take the next one")
        return row

    def _is_past(self, row: BatchRow, now: int) -> bool:
        task = self._tasks[row.task]
        if row.late:
            return task.round > row.round + row.late or task.expires <= now
        return row.closes <= now

    def _erase_reports(self, batch: BatchRow, now: int) -> None:
        if self._is_past(batch, now):
            self._reports.pop(batch.number, None)
        else:
            self._reports[batch.number] = dict.fromkeys(self._reports[batch.number])


def _duty_of_open(row: BatchRow, now: int) -> Duty | None:
    """What an open batch is due for."""
    if row.streams:
        if row.waiting:
            return "stream"
        return "release" if row.closes <= now and row.legal >= row.minimum else None
    return "shuffle" if row.reports >= row.minimum and (row.reports >= row.goal or row.closes <= now) else None


def _erasure_is_due(row: BatchRow, now: int) -> bool:
    below = row.state == "open" and row.closes <= now and row.is_below
    return below or (row.state in UNFINISHED and row.erase_by <= now)
