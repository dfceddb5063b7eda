"""Which batch a report joins and when a batch is due, in SQL."""

import sqlite3
from dataclasses import replace

from choral.errors import StoreError
from choral.storage.server_rows import Slot

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


def open_batch(db: sqlite3.Connection, slot: Slot) -> tuple[int, bool]:
    """The batch's number, and whether it still takes reports; its row is made if it is not there."""
    found = db.execute("SELECT number, state FROM batch WHERE task = ? AND round = ?", (slot.task, slot.round)).fetchone()
    if found is not None:
        return found[0], found[1] == "open"
    rule = (slot.task, slot.round, slot.minimum, slot.goal, slot.closes, slot.erase_by)
    sql = (
        "INSERT INTO batch (task, round, state, reports, minimum, goal, closes, erase_by, chance, late, streams) "
        "VALUES (?, ?, 'open', 0, ?, ?, ?, ?, ?, ?, ?)"
    )
    number = db.execute(sql, (*rule, slot.chance, slot.late, int(slot.streams))).lastrowid
    if number is None:
        raise StoreError("the store did not number a new batch; this is a fault of choral")
    return number, True


def rounds_before(db: sqlite3.Connection, slot: Slot) -> tuple[Slot, bool]:
    """The slot of the round that is open now, which a report of this one joins; and whether it comes too late for that."""
    (current,) = db.execute("SELECT round FROM task WHERE hash = ?", (slot.task,)).fetchone() or (0,)
    return replace(slot, round=max(slot.round, current)), slot.round + slot.late < current
