"""The tables of a server's store in memory, and the rows of its ledger: what is due, who has its lease, what is left.

Each function is called under the store's lock; it checks first and changes after.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from choral.storage.server import LeaseLost
from choral.storage.server_rows import (
    BELOW_MINIMUM,
    RETENTION_OVER,
    AuditRow,
    BatchRow,
    BatchState,
    Duty,
    OpeningRow,
    ReleaseRow,
    Slot,
    TaskRow,
    VersionRow,
)

UNFINISHED = ("open", "cut", "shuffled")
CUT: dict[Duty, BatchState] = {"shuffle": "cut", "release": "shuffled"}  # what an open batch becomes as it is leased


@dataclass(slots=True)
class Tables:
    """Everything that is kept.

    numbers: of batches by task and round; reports: sealed bytes by batch and id, None once they are erased
    openings: when a batch's round was opened, and its parameters
    releases: a row with what was signed and what only the operator may read; starts: states of versions 0
    """

    tasks: dict[bytes, TaskRow] = field(default_factory=dict)
    batches: dict[int, BatchRow] = field(default_factory=dict)
    numbers: dict[tuple[bytes, int], int] = field(default_factory=dict)
    openings: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    reports: dict[int, dict[bytes, bytes | None]] = field(default_factory=dict)
    payloads: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    releases: dict[bytes, tuple[ReleaseRow, bytes, bytes]] = field(default_factory=dict)
    versions: dict[tuple[bytes, int], VersionRow] = field(default_factory=dict)
    starts: dict[bytes, bytes] = field(default_factory=dict)
    spent: set[tuple[bytes, bytes]] = field(default_factory=set)
    audit: list[AuditRow] = field(default_factory=list)

    def open_batch(self, slot: Slot) -> BatchRow:
        """The row of this round, made unless it is there."""
        number = self.numbers.setdefault((slot.task, slot.round), len(self.numbers) + 1)
        if number not in self.batches:
            rule = (slot.minimum, slot.goal, slot.closes, slot.erase_by)
            row = BatchRow(number, slot.task, slot.round, "open", 0, *rule)
            self.batches[number] = replace(row, chance=slot.chance, late=slot.late, streams=slot.streams)
            self.reports[number] = {}
        return self.batches[number]

    def open_round(self, slot: Slot, issued: int, params: bytes) -> None:
        """What all check-outs of the round say, kept unless something is, or its batch is cut."""
        row = self.open_batch(slot)
        if row.state == "open" and row.number not in self.openings:
            self.openings[row.number] = (issued, params)
            self.batches[row.number] = replace(row, chance=row.chance or slot.chance)

    def opening(self, task: bytes, round_: int) -> OpeningRow | None:
        """What all check-outs of the round say."""
        number = self.numbers.get((task, round_), 0)
        if number not in self.openings:
            return None
        row, (issued, params) = self.batches[number], self.openings[number]
        return OpeningRow(issued, row.chance, row.closes, params)

    def lease(self, duty: Duty, now: int, until: int) -> BatchRow | None:
        """A batch that is due for `duty`, from now on nobody else's until `until`; an open one is cut, unless it streams on."""
        batch = next((row for row in self.batches.values() if self._is_due(row, duty, now)), None)
        if batch is None:
            return None
        leased = replace(batch, lease=batch.lease + 1, lease_until=until)
        if batch.state == "open" and duty != "stream":
            leased = replace(leased, state=CUT[duty], cut_at=now)
            self._pass_round(batch)
        self.batches[batch.number] = leased
        return leased

    def still_leased(self, batch: BatchRow, state: str) -> BatchRow:
        """The row as it is now; LeaseLost if it is not in `state` any more, or leased to somebody else."""
        row = self.batches[batch.number]
        if row.state != state or row.lease != batch.lease:
            raise LeaseLost(f"batch {batch.number} was taken over or is done; nothing was kept, take the next one")
        return row

    def unsealed(self, batch: BatchRow) -> list[tuple[bytes, bytes]]:
        """Sealed reports that are still there, with their ids, in the order of these."""
        return [(id_, body) for id_, body in sorted(self.reports.get(batch.number, {}).items()) if body is not None]

    def erase_due(self, now: int) -> BatchRow | None:
        """Erase one batch that closed below its minimum or outlived its retention; its row as it is then."""
        batch = next((row for row in self.batches.values() if _erasure_is_due(row, now)), None)
        if batch is None:
            return None
        why = BELOW_MINIMUM if batch.state == "open" and batch.is_below else RETENTION_OVER
        erased = replace(batch, state="erased", why=why, lease=batch.lease + 1, lease_until=0)
        self.batches[batch.number] = erased
        self._pass_round(batch)
        self.payloads.pop(batch.number, None)
        self.erase_reports(batch, now)
        return erased

    def erase_reports(self, batch: BatchRow, now: int) -> None:
        """All sealed bytes of a batch; the ids too once its round is closed."""
        if self._is_past(batch, now):
            self.reports.pop(batch.number, None)
        else:
            self.reports[batch.number] = dict.fromkeys(self.reports[batch.number])

    def forget_ids(self, now: int) -> int:
        """Forget the ids of batches that are done and closed, and the tokens of tasks that are over; how many ids."""
        self.spent = {(task, token) for task, token in self.spent if self.tasks[task].expires > now}
        over = [row for row in self.batches.values() if row.state not in ("open", "cut") and self._is_past(row, now)]
        return sum(len(self.reports.pop(row.number, ())) for row in over)

    def _is_due(self, row: BatchRow, duty: Duty, now: int) -> bool:
        if row.state == "open":
            due = duty == _duty_of_open(row, now)
        else:
            due = (duty, row.state) in (("shuffle", "cut"), ("release", "shuffled"))
        state = {"stream": "open", "release": "shuffled"}.get(duty, "")
        return due and row.lease_until <= now and not any(one.state == state for one in self._leased_beside(row, now))

    def _leased_beside(self, row: BatchRow, now: int) -> Iterator[BatchRow]:
        rivals = (one for one in self.batches.values() if one.task == row.task and one.number != row.number)
        return (one for one in rivals if one.lease_until > now)

    def _is_past(self, row: BatchRow, now: int) -> bool:
        task = self.tasks[row.task]
        if row.late:
            return task.round > row.round + row.late or task.expires <= now
        return row.closes <= now

    def _pass_round(self, batch: BatchRow) -> None:
        """Nobody is asked for this round any more."""
        self.openings.pop(batch.number, None)
        task = self.tasks[batch.task]
        self.tasks[batch.task] = replace(task, round=max(task.round, batch.round + 1))


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
