"""Versions of models and what operators did to them, in SQL. Each function works within its caller's transaction."""

# ruff: noqa: S608  # only constants of this file are put into statements, values are always bound
import sqlite3

from choral.storage.server import LeaseLost
from choral.storage.server_rows import VersionRow

VERSION = "task, number, parent, round, state, release, reports, created, metric, stderr, parent_metric, parent_stderr, why"
STATE = (
    "SELECT coalesce(release.unpublished, version.start) FROM version LEFT JOIN release ON release.hash = version.release "
    "WHERE version.task = ? AND version.number = ? AND version.state <> 'refused'"
)


def insert(db: sqlite3.Connection, version: VersionRow, start: bytes = b"") -> None:
    """A new version; `start`: its state, where no release has it."""
    values = [getattr(version, name) for name in VERSION.split(", ")]
    db.execute(f"INSERT INTO version ({VERSION}, start) VALUES ({', '.join('?' * len(values))}, ?)", (*values, start))


def keep_state(db: sqlite3.Connection, task: bytes, state: bytes, base: int) -> None:
    """The task's state, if the one that is kept is still of revision `base`; LeaseLost otherwise."""
    sql = "UPDATE task SET state = ?, revision = revision + 1 WHERE hash = ? AND revision = ?"
    if db.execute(sql, (state, task, base)).rowcount != 1:
        raise LeaseLost(f"the state of task {task.hex()} has changed meanwhile; nothing was kept, fold anew")


def roll_back(db: sqlite3.Connection, version: VersionRow, now: int) -> bool:
    """Make this version the current one, mark those after it, write down the deed; False if it cannot be."""
    task, number = version.task, version.number
    found = db.execute(STATE, (task, number)).fetchone()
    (current,) = db.execute("SELECT version FROM task WHERE hash = ?", (task,)).fetchone()
    if found is None or current == number:
        return False
    sql = "UPDATE task SET state = ?, revision = revision + 1, version = ? WHERE hash = ?"
    db.execute(sql, (found[0], number, task))
    after = "UPDATE version SET state = 'rolled back' WHERE task = ? AND number > ? AND state = 'published'"
    db.execute(after, (task, number))
    db.execute("UPDATE version SET state = 'published' WHERE task = ? AND number = ?", (task, number))
    detail = f"from version {current} to version {number}"
    db.execute("INSERT INTO audit (at, task, deed, detail) VALUES (?, ?, 'rolled back', ?)", (now, task, detail))
    return True


def is_known(db: sqlite3.Connection, task: bytes, id_: bytes) -> bool:
    """Whether any batch of the task holds a report of this id."""
    sql = "SELECT 1 FROM batch JOIN report ON report.batch = batch.number WHERE batch.task = ? AND has_ids = 1 AND id = ?"
    return db.execute(sql, (task, id_)).fetchone() is not None
