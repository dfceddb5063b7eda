"""Reports that come in, in SQL: each is counted once, each token is spent once, each in the batch that it belongs to.

Each function works within its caller's transaction.
"""

# ruff: noqa: S608  # only constants of this file are put into statements, values are always bound
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from choral.storage.server_database import Connection
from choral.storage.server_rows import Arrival, Slot
from choral.storage.server_sql_rounds import open_batch

ROWS_AT_ONCE = 256  # reports in one INSERT: one call, during which other threads run
IS_SPENT = "SELECT 1 FROM spent WHERE task = ? AND token = ?"
IS_KNOWN = "SELECT 1 FROM report WHERE batch = ? AND id = ?"
IS_KNOWN_OF_TASK = (
    "SELECT 1 FROM batch JOIN report ON report.batch = batch.number WHERE batch.task = ? AND has_ids = 1 AND id = ?"
)


def by_slot(arrivals: Sequence[Arrival]) -> dict[Slot, list[int]]:
    """The places of the reports of each slot."""
    found: dict[Slot, list[int]] = defaultdict(list)
    for index, arrival in enumerate(arrivals):
        found[arrival.slot].append(index)
    return found


def add(db: Connection, slot: Slot, arrivals: Sequence[Arrival], indices: list[int], kept: list[bool]) -> None:
    """Insert these reports of one slot where they are new and come in time; write into `kept` where they do not."""
    if slot.late:
        slot, is_late = _joined(db, slot)
        indices = [index for index in indices if not _found(db, IS_KNOWN_OF_TASK, slot.task, arrivals[index].id)]
        for index in indices if is_late else ():
            kept[index] = False
        if is_late or not indices:
            return
    number, is_open = open_batch(db, slot)
    if is_open:
        indices = _spend(db, number, slot.task, arrivals, indices, kept)
        _insert(db, number, sorted((arrivals[index].id, arrivals[index].body) for index in indices))
        return
    for index in indices:
        kept[index] = _found(db, IS_KNOWN, number, arrivals[index].id)


def _joined(db: Connection, slot: Slot) -> tuple[Slot, bool]:
    """The slot of the round that is open now, which a report of this one joins; and whether it comes too late for that."""
    (current,) = db.execute("SELECT round FROM task WHERE hash = ?", (slot.task,)).fetchone() or (0,)
    return replace(slot, round=max(slot.round, current)), slot.round + slot.late < current


def _spend(
    db: Connection, batch: int, task: bytes, arrivals: Sequence[Arrival], indices: list[int], kept: list[bool]
) -> list[int]:
    """Spend the tokens of new reports; those left whose token was not spent on another one before, which `kept` is told."""
    left, ids = list[int](), set[bytes]()
    for index in indices:
        one = arrivals[index]
        is_new = one.id not in ids and not (one.token and _found(db, IS_KNOWN, batch, one.id))
        if is_new and one.token and not _is_first(db, task, one.token):
            kept[index] = False
            continue
        ids.add(one.id)
        left.append(index)
    return left


def _is_first(db: Connection, task: bytes, token: bytes) -> bool:
    """Whether this spends the token."""
    return db.execute("INSERT INTO spent VALUES (?, ?) ON CONFLICT DO NOTHING", (task, token)).rowcount == 1


def _insert(db: Connection, batch: int, rows: Sequence[tuple[bytes, bytes]]) -> None:
    """Rows that are new, in as few calls as powers of two allow (each length is one prepared statement)."""
    start = added = 0
    while start < len(rows):
        size = min(ROWS_AT_ONCE, 1 << ((len(rows) - start).bit_length() - 1))
        values = [value for id_, body in rows[start : start + size] for value in (batch, id_, body)]
        sql = "INSERT INTO report VALUES " + ", ".join(["(?, ?, ?)"] * size) + " ON CONFLICT DO NOTHING"
        added += db.execute(sql, values).rowcount
        start += size
    db.execute("UPDATE batch SET reports = reports + ? WHERE number = ?", (added, batch))


def _found(db: Connection, sql: str, *values: object) -> bool:
    return db.execute(sql, values).fetchone() is not None
