"""Releases, versions of models and what operators did to them, in SQL. Each function works within its caller's transaction."""

# ruff: noqa: S608  # only constants of this file are put into statements, values are always bound
from choral.storage.server import LeaseLost
from choral.storage.server_database import Connection
from choral.storage.server_rows import ReleaseRow, VersionRow

RELEASE = "hash, task, round, kind, reports, created"
VERSION = "task, number, parent, round, state, release, reports, created, metric, stderr, parent_metric, parent_stderr, why"
STATE = (
    "SELECT coalesce(release.unpublished, version.start) FROM version LEFT JOIN release ON release.hash = version.release "
    "WHERE version.task = ? AND version.number = ? AND version.state <> 'refused'"
)


def insert_release(db: Connection, row: ReleaseRow, signed: bytes, unpublished: bytes) -> None:
    """A new release; `unpublished`: what only the operator may read, empty for public data."""
    values = (row.hash, row.task, row.round, row.kind, row.reports, row.created, signed, unpublished)
    db.execute("INSERT INTO release VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)


def insert_version(db: Connection, version: VersionRow, start: bytes = b"") -> None:
    """A new version; `start`: its state, where no release has it."""
    values = [getattr(version, name) for name in VERSION.split(", ")]
    db.execute(f"INSERT INTO version ({VERSION}, start) VALUES ({', '.join('?' * len(values))}, ?)", (*values, start))


def add_version(db: Connection, version: VersionRow) -> None:
    """A version that was made from the current one, and is current from now on unless it was refused; LeaseLost otherwise."""
    current = version.parent if version.state == "refused" else version.number
    sql = "UPDATE task SET version = ? WHERE hash = ? AND version = ?"
    if db.execute(sql, (current, version.task, version.parent)).rowcount != 1:
        raise LeaseLost(f"version {version.parent} of task {version.task.hex()} is not current any more; fold anew")
    insert_version(db, version)


def keep_state(db: Connection, task: bytes, state: bytes, base: int) -> None:
    """The task's state, if the one that is kept is still of revision `base`; LeaseLost otherwise."""
    sql = "UPDATE task SET state = ?, revision = revision + 1 WHERE hash = ? AND revision = ?"
    if db.execute(sql, (state, task, base)).rowcount != 1:
        raise LeaseLost(f"the state of task {task.hex()} has changed meanwhile; nothing was kept, fold anew")


def begin(db: Connection, start: VersionRow, state: bytes) -> bool:
    """The state that a task's model starts from, as its version 0; False if it has a state already."""
    is_new = "UPDATE task SET state = ?, revision = 1 WHERE hash = ? AND revision = 0"
    if db.execute(is_new, (state, start.task)).rowcount != 1:
        return False
    insert_version(db, start, state)
    return True


def roll_back(db: Connection, version: VersionRow, now: int) -> bool:
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
