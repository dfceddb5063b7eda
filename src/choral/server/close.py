"""Rounds end: what closed below its minimum or outlived its retention is erased, and ids are forgotten."""

from datetime import datetime

from choral.server.rounds import seconds
from choral.storage import BatchRow, ServerStore


def close_once(store: ServerStore, *, now: datetime) -> BatchRow | None:
    """The row of one batch that was erased unreleased, its reason written down; None if none was due.

    Also forgets the ids of batches whose round is closed: nothing can be replayed into them any more.
    """
    second = seconds(now)
    store.forget_ids(second)
    return store.erase_due(second)
