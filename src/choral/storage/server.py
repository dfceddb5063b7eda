"""What a server keeps, as rows, and the interface of everything that can keep them.

Knows tasks, batches, reports and releases as rows, and leases. Leaves to the server room what may be done when.
Every method is one transaction: it happens whole or not at all, also when the process is killed within it.
A batch's life: open -> cut -> shuffled -> released; from each of the first three it can become erased instead.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from choral.errors import StoreError

BatchState = Literal["open", "cut", "shuffled", "released", "erased"]
Duty = Literal["shuffle", "release"]
BELOW_MINIMUM = "below minimum"
RETENTION_OVER = "retention over"


class StorageFull(StoreError):  # noqa: N818  # named as people name it
    """The disk is full: nothing of this transaction was kept; the same call can succeed once there is room."""


class LeaseLost(StoreError):  # noqa: N818  # named for what happened
    """The lease ran out and someone else has taken over; nothing of this transaction was kept."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a report belongs, and the rule of that batch, written down with its first report.

    task: hash, 32 bytes; closes: when its round takes no more reports; erase_by: when it must be gone; unix seconds
    """

    task: bytes
    round: int
    minimum: int
    goal: int
    closes: int
    erase_by: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A report as it came, under its id. Nothing else about it is kept: no address, no header, no time."""

    id: bytes
    body: bytes
    slot: Slot


@dataclass(frozen=True, slots=True)
class BatchRow:
    """The ledger row of one (task, round).

    number: names the row here; reports: how many were acknowledged; legal, dropped: known once it is shuffled
    lease: grows with each lease, so that a worker whose lease ran out can no longer write; why: of an erased one
    """

    number: int
    task: bytes
    round: int
    state: BatchState
    reports: int
    minimum: int
    goal: int
    closes: int
    erase_by: int
    legal: int = 0
    dropped: int = 0
    lease: int = 0
    lease_until: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as its operator signed it; `round` counts the batches that were cut, `state` is its algorithm's."""

    hash: bytes
    signal: str
    expires: int
    signed: bytes
    round: int = 0
    state: bytes = b""


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """What is said of a release without opening it; `task` is 32 zero bytes for public data."""

    hash: bytes
    task: bytes
    round: int
    kind: str
    reports: int
    created: int


class ServerStore(Protocol):
    """Everything that a server must not forget. One object may be used by many threads."""

    def put_task(self, row: TaskRow) -> bool:
        """Keep a task; False if one with this hash is kept already, which then stays as it is."""
        ...

    def task(self, hash_: bytes) -> TaskRow | None:
        """The task with this hash."""
        ...

    def tasks(self) -> tuple[TaskRow, ...]:
        """All tasks, without their algorithms' state, in the order of their hashes."""
        ...

    def add(self, arrivals: Sequence[Arrival]) -> tuple[bool, ...]:
        """Keep each report whose batch is open, once; for each: is it kept (now, or before), or did it come too late?

        Durable when this returns. A report whose id is known is never counted again, also after its batch was cut.
        """
        ...

    def batches(self, task: bytes) -> tuple[BatchRow, ...]:
        """All ledger rows of a task, by round."""
        ...

    def batch(self, task: bytes, round_: int) -> BatchRow | None:
        """The ledger row of one round, if a report of it ever came."""
        ...

    def lease(self, duty: Duty, *, now: int, until: int) -> BatchRow | None:
        """A batch that is due for `duty`, from now on nobody else's until `until`; None if there is none.

        shuffle: an open batch with at least its minimum that has its goal or is closed; it is cut by this very call,
        and its task's round counter passes it. Or a cut one whose lease ran out. release: a shuffled one.
        """
        ...

    def sealed(self, batch: BatchRow) -> Iterator[bytes]:
        """The reports of a cut batch as they came, in the order of their ids, which are hashes: no order of arrival."""
        ...

    def finish_shuffle(self, batch: BatchRow, parts: Iterable[bytes], *, legal: int, dropped: int, now: int) -> None:
        """Keep the shuffled payloads, erase the sealed reports, keep their ids while the round is open; or LeaseLost."""
        ...

    def parts(self, batch: BatchRow) -> Iterator[bytes]:
        """The payloads of a shuffled batch, as they were given, one part at a time."""
        ...

    def finish_release(self, batch: BatchRow, row: ReleaseRow, *, signed: bytes, unpublished: bytes, state: bytes) -> None:
        """Keep the release and the algorithm's state, erase the payloads, mark the row released; or LeaseLost."""
        ...

    def finish_erased(self, batch: BatchRow, why: str, *, legal: int, dropped: int, now: int) -> None:
        """Erase a leased batch unreleased and write down why; or LeaseLost."""
        ...

    def erase_due(self, now: int) -> BatchRow | None:
        """Erase one batch that closed below its minimum or outlived its retention; its row as it is then."""
        ...

    def forget_ids(self, now: int) -> int:
        """Forget the ids of batches that are cut and closed; how many."""
        ...

    def put_release(self, row: ReleaseRow, signed: bytes) -> bool:
        """Keep public data that no person is in; False if it is kept already."""
        ...

    def releases(self) -> tuple[ReleaseRow, ...]:
        """All releases, newest first."""
        ...

    def release(self, hash_: bytes) -> bytes | None:
        """The signed release with this hash."""
        ...

    def unpublished(self, hash_: bytes) -> bytes | None:
        """What only the operator may read of the release with this hash."""
        ...

    def close(self) -> None:
        """Let go of files; the store is not used afterwards."""
        ...
