"""Versions of a model: the candidate that a batch makes, what the gate says of it, and the way back to an earlier one."""

from datetime import datetime

from choral.errors import PeerError, StoreError
from choral.learning import Arrays
from choral.server.models import gate, unpacked
from choral.server.rounds import seconds
from choral.server.tasks import Known, TaskBook
from choral.storage import BatchRow, ServerStore, TaskRow, VersionRow

REFUSED = "refused by the gate"
NOTHING_NEW = "nothing new: its reports are in the version before, or were taken back with a later one"


def candidate(store: ServerStore, known: Known, batch: BatchRow, row: TaskRow, *, state: Arrays, now: int) -> VersionRow:
    """The next version, published or refused, with its metric and its parent's; its release is not made yet.

    Its reports are those that it has and its parent has not: of a batch; where reports stream into the state, also those of
    the round that goes on, which the versions of that round then lack.
    """
    parent = unpacked(_parent(store, row))
    verdict = gate(store, known, state=state, parent=parent)
    return VersionRow(
        known.hash,
        number=max(one.number for one in store.versions(known.hash)) + 1,
        parent=row.version,
        round=batch.round,
        state="refused" if verdict.why else "published",
        release=b"",
        reports=int(state["updates"][0] - parent["updates"][0]) if batch.streams else batch.legal,
        created=now,
        metric=verdict.metric,
        stderr=verdict.stderr,
        parent_metric=verdict.parent_metric,
        parent_stderr=verdict.parent_stderr,
        why=verdict.why,
    )


def pass_over(store: ServerStore, batch: BatchRow, *, now: int) -> BatchRow | None:
    """The row of a streaming round that ends without a version, for it has nothing that the current one has not."""
    store.finish_erased(batch, NOTHING_NEW, legal=batch.legal, dropped=batch.dropped, now=now)
    return store.batch(batch.task, batch.round)


def refuse(store: ServerStore, batch: BatchRow, version: VersionRow, *, now: int) -> BatchRow | None:
    """The row of a batch that is spent without a release; what streamed into the state since its parent is taken back."""
    why = f"{REFUSED}: {version.why}"
    state = store.version_state(batch.task, version.parent) if batch.streams else None
    store.finish_erased(batch, why, legal=batch.legal, dropped=batch.dropped, now=now, version=version, state=state)
    return store.batch(batch.task, batch.round)


def roll_back(book: TaskBook, task: bytes, number: int, *, now: datetime) -> VersionRow:
    """An earlier version, which is the current one from now on, its state restored whole; PeerError if it cannot be."""
    known = book.get(task)
    found = next((one for one in book.store.versions(known.hash) if one.number == number), None)
    if found is None:
        raise PeerError("conflict", f"the task has no version {number}; read /v1/models/{known.hash.hex()}")
    if found.state == "refused":
        raise PeerError("conflict", f"version {number} was refused and never published; choose one that was")
    if not book.store.roll_back(found, now=seconds(now)):
        raise PeerError("conflict", f"version {number} is the current one; there is nothing to roll back")
    return found


def _parent(store: ServerStore, row: TaskRow) -> bytes:
    """The state of the version that is current."""
    state = store.version_state(row.hash, row.version)
    if state is None:
        raise StoreError(f"the store lacks the state of version {row.version}; restore it from a copy")
    return state
