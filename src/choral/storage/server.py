"""The interface of everything that can keep what a server must not forget.

Knows rows and leases. Leaves to the server room what may be done when.
Every method is one transaction: it happens whole or not at all, also when the process is killed within it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from choral.errors import StoreError
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


class StorageFull(StoreError):  # noqa: N818  # named as people name it
    """The disk is full: nothing of this transaction was kept; the same call can succeed once there is room."""


class LeaseLost(StoreError):  # noqa: N818  # named for what happened
    """The lease ran out and someone else has taken over; nothing of this transaction was kept."""


class ServerStore(Protocol):
    """Everything that a server must not forget. One object may be used by many threads."""

    def put_task(self, row: TaskRow) -> bool:
        """Keep a task; False if one with this hash is kept already, which then stays as it is."""
        ...

    def task(self, hash_: bytes) -> TaskRow | None:
        """The task with this hash."""
        ...

    def head(self, hash_: bytes) -> TaskRow | None:
        """The same without its algorithm's state, which can be large."""
        ...

    def tasks(self) -> tuple[TaskRow, ...]:
        """All tasks, without their algorithms' state, in the order of their hashes."""
        ...

    def open_round(self, slot: Slot, issued: int, params: bytes) -> OpeningRow | None:
        """What all check-outs of this round say: these parameters, unless it was opened before; None if its batch is cut.

        Makes the round's ledger row as `slot` says unless it is there: what it says stays. Only the chance of a row that a
        report made, before any check-out of its round, is still to be settled: by this.
        """
        ...

    def opening(self, task: bytes, round_: int) -> OpeningRow | None:
        """What all check-outs of this round say, if it was opened and its batch is not cut."""
        ...

    def is_spent(self, task: bytes, token: bytes) -> bool:
        """Whether a report of the task was kept with this token."""
        ...

    def add(self, arrivals: Sequence[Arrival]) -> tuple[bool, ...]:
        """Keep each report whose batch is open, once; for each: is it kept (now, or before), or not?

        It is not if it came too late, or if its token was spent on another report of the task (`is_spent`), which is
        written down in the same transaction. Durable when this returns. A report whose id is known is never counted
        again, also after its batch was cut, and where a slot's `late` lets it join the batch of a later round, also when
        it is in the batch of an earlier one.
        """
        ...

    def batches(self, task: bytes) -> tuple[BatchRow, ...]:
        """All ledger rows of a task, by round."""
        ...

    def batch(self, task: bytes, round_: int) -> BatchRow | None:
        """The ledger row of one round, if a check-out of it was signed or a report of it came."""
        ...

    def lease(self, duty: Duty, *, now: int, until: int) -> BatchRow | None:
        """A batch that is due for `duty`, from now on nobody else's until `until`; None if there is none.

        shuffle: an open batch with at least its minimum that has its goal or is closed; it is cut by this very call,
        and its task's round counter passes it. Or a cut one whose lease ran out.
        stream: an open batch that streams, with reports that were not unsealed yet.
        release: a shuffled one, or one that streams, is closed and has no report that was not unsealed: it is cut by
        this call. Of a task, one batch at a time is streamed, and one at a time released.
        """
        ...

    def sealed(self, batch: BatchRow) -> Iterator[bytes]:
        """The reports of a cut batch as they came, in the order of their ids, which are hashes: no order of arrival."""
        ...

    def waiting(self, batch: BatchRow, most: int) -> tuple[tuple[bytes, bytes], ...]:
        """Up to `most` sealed reports of a batch that streams, with their ids, in the order of these."""
        ...

    def finish_shuffle(self, batch: BatchRow, parts: Iterable[bytes], *, legal: int, dropped: int, now: int) -> None:
        """Keep the shuffled payloads, erase the sealed reports, keep their ids while the round is open; or LeaseLost."""
        ...

    def finish_stream(
        self, batch: BatchRow, ids: Sequence[bytes], *, legal: int, dropped: int, state: bytes, base: int
    ) -> None:
        """Erase these sealed reports, count them, keep the state they were folded into; the batch stays open.

        LeaseLost if another worker took over, or if the task's state is not of revision `base` any more.
        """
        ...

    def parts(self, batch: BatchRow) -> Iterator[bytes]:
        """The payloads of a shuffled batch, as they were given, one part at a time."""
        ...

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
        """Keep the release, the algorithm's state and the version, erase the payloads, mark the row released.

        state: None leaves it as it is. LeaseLost if another worker took over, if a state is given and the one that is kept
        is not of revision `base` any more, or if the version's parent is not the current version any more.
        """
        ...

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
        """Erase a leased batch unreleased and write down why, and which version was refused; or LeaseLost.

        state: what the task's state becomes, if anything. LeaseLost also if the version's parent is not current any more.
        """
        ...

    def erase_due(self, now: int) -> BatchRow | None:
        """Erase one batch that closed below its minimum or outlived its retention; its row as it is then."""
        ...

    def forget_ids(self, now: int) -> int:
        """Forget the ids of batches that are done and whose reports would be refused as late; how many."""
        ...

    def begin_model(self, start: VersionRow, state: bytes) -> bool:
        """Keep the state that a task's model starts from, as its version 0; False if it has a state already."""
        ...

    def versions(self, task: bytes) -> tuple[VersionRow, ...]:
        """All versions of a task's model, by number."""
        ...

    def version_state(self, task: bytes, number: int) -> bytes | None:
        """The whole state of a version that was published, also of one that was rolled back."""
        ...

    def roll_back(self, version: VersionRow, *, now: int) -> bool:
        """Make an earlier version the current one: its state, whole; those after it are marked; the deed is written down.

        False if its state is not there, or if it is the current one.
        """
        ...

    def audit(self, task: bytes) -> tuple[AuditRow, ...]:
        """What operators did to a task, in the order of their deeds."""
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
