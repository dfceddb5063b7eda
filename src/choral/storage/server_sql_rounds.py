"""Rounds and their ledger in SQL: when a batch is due, who has its lease, what is left when it is over.

Each function works within its caller's transaction.
"""

# ruff: noqa: S608  # only constants of this file are put into statements, values are always bound
from dataclasses import replace
from typing import Any

from choral.storage.server import LeaseLost
from choral.storage.server_database import Connection
from choral.storage.server_rows import BELOW_MINIMUM, RETENTION_OVER, BatchRow, Duty, OpeningRow, Slot

BATCH = (
    "number, task, round, state, reports, minimum, goal, closes, erase_by, legal, dropped, lease, lease_until, why, "
    "chance, late, streams, cut_at"
)
OPENING = (
    "SELECT opening.issued, batch.chance, batch.closes, opening.params FROM opening JOIN batch ON batch.number = opening.batch "
    "WHERE batch.task = ? AND batch.round = ?"
)
_RIVAL = (
    "NOT EXISTS (SELECT 1 FROM batch AS rival WHERE rival.task = batch.task AND rival.number <> batch.number "
    "AND rival.state = '{state}' AND rival.lease_until > :now)"
)
_WAITING = "(reports - legal - dropped)"
DUE = {
    "shuffle": "streams = 0 AND ((state = 'open' AND reports >= minimum AND (reports >= goal OR closes <= :now))"
    " OR (state = 'cut' AND lease_until <= :now))",
    "stream": f"streams = 1 AND state = 'open' AND {_WAITING} > 0 AND lease_until <= :now AND {_RIVAL.format(state='open')}",
    "release": f"(state = 'shuffled' OR (streams = 1 AND state = 'open' AND closes <= :now AND {_WAITING} = 0"
    f" AND legal >= minimum)) AND lease_until <= :now AND {_RIVAL.format(state='shuffled')}",
    "erase": f"(state = 'open' AND closes <= :now AND (reports < minimum OR (streams = 1 AND {_WAITING} = 0"
    " AND legal < minimum))) OR (state IN ('open', 'cut', 'shuffled') AND erase_by <= :now)",
}
PAST = (  # no report that belongs to the batch would be taken any more
    "((late = 0 AND closes <= :now) OR (late > 0 AND EXISTS (SELECT 1 FROM task WHERE task.hash = batch.task "
    "AND (task.round > batch.round + batch.late OR task.expires <= :now))))"
)


def batch_of(values: tuple[Any, ...]) -> BatchRow:
    """The row of the columns BATCH; truth is kept as 0 or 1."""
    row = BatchRow(*values)
    return replace(row, streams=bool(row.streams))


def numbered(db: Connection, number: int) -> BatchRow:
    """The row of this number, which must exist."""
    return batch_of(db.execute(f"SELECT {BATCH} FROM batch WHERE number = ?", (number,)).fetchone())


def open_batch(db: Connection, slot: Slot) -> tuple[int, bool]:
    """The batch's number, and whether it still takes reports; its row is made if it is not there."""
    found = db.execute("SELECT number, state FROM batch WHERE task = ? AND round = ?", (slot.task, slot.round)).fetchone()
    if found is not None:
        return found[0], found[1] == "open"
    rule = (slot.task, slot.round, slot.minimum, slot.goal, slot.closes, slot.erase_by)
    sql = (
        "INSERT INTO batch (task, round, state, reports, minimum, goal, closes, erase_by, chance, late, streams) "
        "VALUES (?, ?, 'open', 0, ?, ?, ?, ?, ?, ?, ?) RETURNING number"
    )
    ((number,),) = db.execute(sql, (*rule, slot.chance, slot.late, int(slot.streams))).fetchall()
    return number, True


def open_round(db: Connection, slot: Slot, issued: int, params: bytes) -> OpeningRow | None:
    """What all check-outs of the round say, kept unless something is, or its batch is cut: whoever asks first settles it."""
    number, is_open = open_batch(db, slot)
    sql = "INSERT INTO opening (batch, issued, params) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
    if is_open and db.execute(sql, (number, issued, params)).rowcount == 1:
        db.execute("UPDATE batch SET chance = ? WHERE number = ? AND chance = 0", (slot.chance, number))
    found = db.execute(OPENING, (slot.task, slot.round)).fetchone()
    return OpeningRow(*found) if found else None


def lease(db: Connection, duty: Duty, now: int, until: int) -> BatchRow | None:
    """A batch that is due for `duty`, from now on nobody else's until `until`; an open one is cut, unless it streams on."""
    row = db.execute(f"SELECT {BATCH} FROM batch WHERE {DUE[duty]} ORDER BY number LIMIT 1", {"now": now}).fetchone()
    if row is None:
        return None
    batch = batch_of(row)
    if batch.state == "open" and duty != "stream":
        state = "cut" if duty == "shuffle" else "shuffled"
        db.execute("UPDATE batch SET state = ?, cut_at = ? WHERE number = ?", (state, now, batch.number))
        _pass_round(db, batch)
    db.execute("UPDATE batch SET lease = lease + 1, lease_until = ? WHERE number = ?", (until, batch.number))
    return numbered(db, batch.number)


def finish(db: Connection, batch: BatchRow, state: str, changes: str, *values: object) -> None:
    """Change the row if it is still in `state` and the lease is still the one in `batch`; LeaseLost otherwise."""
    sql = f"UPDATE batch SET {changes} WHERE number = ? AND state = ? AND lease = ?"
    if db.execute(sql, (*values, batch.number, state, batch.lease)).rowcount != 1:
        raise LeaseLost(f"batch {batch.number} was taken over or is done; nothing was kept, take the next one")


def erase_due(db: Connection, now: int) -> BatchRow | None:
    """Erase one batch that closed below its minimum or outlived its retention; its row as it is then."""
    row = db.execute(f"SELECT {BATCH} FROM batch WHERE {DUE['erase']} LIMIT 1", {"now": now}).fetchone()
    if row is None:
        return None
    batch = batch_of(row)
    why = BELOW_MINIMUM if batch.state == "open" and batch.is_below else RETENTION_OVER
    finish(db, batch, batch.state, "state = 'erased', why = ?, lease = lease + 1, lease_until = 0", why)
    _pass_round(db, batch)
    erase(db, batch, now)
    return numbered(db, batch.number)


def erase(db: Connection, batch: BatchRow, now: int) -> None:
    """All sealed reports and all payloads of a batch."""
    erase_reports(db, batch, now)
    db.execute("DELETE FROM payload WHERE batch = ?", (batch.number,))


def erase_reports(db: Connection, batch: BatchRow, now: int) -> None:
    """All sealed bytes of a batch; the ids too once its round is closed."""
    is_past = f"SELECT 1 FROM batch WHERE number = :number AND {PAST}"
    if db.execute(is_past, {"number": batch.number, "now": now}).fetchone():
        _forget(db, batch.number)
    else:
        db.execute("UPDATE report SET body = NULL WHERE batch = ?", (batch.number,))


def forget_ids(db: Connection, now: int) -> int:
    """Forget the ids of batches that are done and closed, and the tokens of tasks that are over; how many ids."""
    over = f"SELECT number FROM batch WHERE has_ids = 1 AND state IN ('shuffled', 'released', 'erased') AND {PAST}"
    forgotten = sum(_forget(db, number) for (number,) in db.execute(over, {"now": now}).fetchall())
    db.execute("DELETE FROM spent WHERE task IN (SELECT hash FROM task WHERE expires <= ?)", (now,))
    return forgotten


def _forget(db: Connection, number: int) -> int:
    forgotten = db.execute("DELETE FROM report WHERE batch = ?", (number,)).rowcount
    db.execute("UPDATE batch SET has_ids = 0 WHERE number = ?", (number,))
    return forgotten


def _pass_round(db: Connection, batch: BatchRow) -> None:
    """Nobody is asked for this round any more."""
    db.execute("DELETE FROM opening WHERE batch = ?", (batch.number,))
    after = batch.round + 1
    db.execute("UPDATE task SET round = ? WHERE hash = ? AND round < ?", (after, batch.task, after))
