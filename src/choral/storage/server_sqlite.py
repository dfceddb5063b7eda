"""A server's store in one SQLite file: WAL, `synchronous=FULL`, one writer at a time, other processes welcome.

Knows SQL. Leaves to the server room what may be done when, and to server_schema.py how the file is opened.
"""

# ruff: noqa: S608  # only constants of this file are put into statements, values are always bound
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from choral.errors import StoreError
from choral.storage.server import (
    BELOW_MINIMUM,
    RETENTION_OVER,
    Arrival,
    BatchRow,
    Duty,
    LeaseLost,
    ReleaseRow,
    Slot,
    TaskRow,
)
from choral.storage.server_schema import connect, require_sound, store_error

BATCH = "number, task, round, state, reports, minimum, goal, closes, erase_by, legal, dropped, lease, lease_until, why"
RELEASE = "hash, task, round, kind, reports, created"
ROWS_AT_ONCE = 256  # reports in one INSERT: one call into SQLite, which lets other threads run meanwhile
ROWS_READ = 4_096
DUE = {
    "shuffle": "(state = 'open' AND reports >= minimum AND (reports >= goal OR closes <= :now))"
    " OR (state = 'cut' AND lease_until <= :now)",
    "release": "state = 'shuffled' AND lease_until <= :now",
}
T = TypeVar("T")


class SqliteServerStore:
    """The store in the file `path`, which is made if it is missing; its folder must exist.

    connect: how a connection is opened, for stores that must be checked under faults
    """

    def __init__(self, path: Path, *, connect: Callable[[Path], sqlite3.Connection] = connect) -> None:
        self._path = path
        self._writer = connect(path)
        require_sound(self._writer, path)
        self._reader = connect(path)
        self._writing = threading.Lock()
        self._reading = threading.Lock()

    def put_task(self, row: TaskRow) -> bool:
        """Keep a task; False if it is kept already."""
        with self._transaction() as db:
            values = (row.hash, row.signal, row.expires, row.signed, row.round, row.state)
            return db.execute("INSERT OR IGNORE INTO task VALUES (?, ?, ?, ?, ?, ?)", values).rowcount == 1

    def task(self, hash_: bytes) -> TaskRow | None:
        """The task with this hash."""
        rows = self._read("SELECT hash, signal, expires, signed, round, state FROM task WHERE hash = ?", hash_)
        return TaskRow(*rows[0]) if rows else None

    def tasks(self) -> tuple[TaskRow, ...]:
        """All tasks, without their algorithms' state."""
        return tuple(TaskRow(*row) for row in self._read("SELECT hash, signal, expires, signed, round FROM task ORDER BY hash"))

    def add(self, arrivals: Sequence[Arrival]) -> tuple[bool, ...]:
        """Keep each report whose batch is open, once; durable when this returns."""
        by_slot: dict[Slot, list[int]] = defaultdict(list)
        for index, arrival in enumerate(arrivals):
            by_slot[arrival.slot].append(index)
        kept = [True] * len(arrivals)
        with self._transaction() as db:
            for slot, indices in by_slot.items():
                number, is_open = _open_batch(db, slot)
                if is_open:
                    _insert(db, number, sorted((arrivals[index].id, arrivals[index].body) for index in indices))
                else:
                    for index in indices:
                        kept[index] = _is_known(db, number, arrivals[index].id)
        return tuple(kept)

    def batches(self, task: bytes) -> tuple[BatchRow, ...]:
        """All ledger rows of a task, by round."""
        return tuple(BatchRow(*row) for row in self._read(f"SELECT {BATCH} FROM batch WHERE task = ? ORDER BY round", task))

    def batch(self, task: bytes, round_: int) -> BatchRow | None:
        """The ledger row of one round."""
        rows = self._read(f"SELECT {BATCH} FROM batch WHERE task = ? AND round = ?", task, round_)
        return BatchRow(*rows[0]) if rows else None

    def lease(self, duty: Duty, *, now: int, until: int) -> BatchRow | None:
        """A batch that is due for `duty`, from now on nobody else's until `until`."""
        with self._transaction() as db:
            row = db.execute(f"SELECT {BATCH} FROM batch WHERE {DUE[duty]} ORDER BY number LIMIT 1", {"now": now}).fetchone()
            if row is None:
                return None
            batch = BatchRow(*row)
            if batch.state == "open":
                db.execute("UPDATE batch SET state = 'cut' WHERE number = ?", (batch.number,))
                db.execute("UPDATE task SET round = max(round, ?) WHERE hash = ?", (batch.round + 1, batch.task))
            db.execute("UPDATE batch SET lease = lease + 1, lease_until = ? WHERE number = ?", (until, batch.number))
            return _batch(db, batch.number)

    def sealed(self, batch: BatchRow) -> Iterator[bytes]:
        """The reports of a cut batch, in the order of their ids."""
        last = b""
        sql = f"SELECT id, body FROM report WHERE batch = ? AND id > ? AND body IS NOT NULL ORDER BY id LIMIT {ROWS_READ}"
        while rows := self._read(sql, batch.number, last):
            yield from (body for _, body in rows)
            last = rows[-1][0]

    def finish_shuffle(self, batch: BatchRow, parts: Iterable[bytes], *, legal: int, dropped: int, now: int) -> None:
        """Keep the shuffled payloads, erase the sealed reports, keep their ids while the round is open."""
        with self._transaction() as db:
            changes = "state = 'shuffled', legal = ?, dropped = ?, lease_until = 0"
            _finish(db, batch, "cut", changes, legal, dropped)
            for number, part in enumerate(parts):
                db.execute("INSERT INTO payload VALUES (?, ?, ?)", (batch.number, number, part))
            _erase_reports(db, batch, now)
        self._tidy()

    def parts(self, batch: BatchRow) -> Iterator[bytes]:
        """The payloads of a shuffled batch, one part at a time."""
        part = 0
        while rows := self._read("SELECT records FROM payload WHERE batch = ? AND part = ?", batch.number, part):
            yield rows[0][0]
            part += 1

    def finish_release(self, batch: BatchRow, row: ReleaseRow, *, signed: bytes, unpublished: bytes, state: bytes) -> None:
        """Keep the release and the algorithm's state, erase the payloads, mark the row released."""
        with self._transaction() as db:
            _finish(db, batch, "shuffled", "state = 'released', lease_until = 0")
            _insert_release(db, row, signed, unpublished)
            db.execute("UPDATE task SET state = ? WHERE hash = ?", (state, batch.task))
            db.execute("DELETE FROM payload WHERE batch = ?", (batch.number,))
        self._tidy()

    def finish_erased(self, batch: BatchRow, why: str, *, legal: int, dropped: int, now: int) -> None:
        """Erase a leased batch unreleased and write down why."""
        with self._transaction() as db:
            changes = "state = 'erased', why = ?, legal = ?, dropped = ?, lease_until = 0"
            _finish(db, batch, batch.state, changes, why, legal, dropped)
            _erase_reports(db, batch, now)
            db.execute("DELETE FROM payload WHERE batch = ?", (batch.number,))
        self._tidy()

    def erase_due(self, now: int) -> BatchRow | None:
        """Erase one batch that closed below its minimum or outlived its retention."""
        due = "(state = 'open' AND closes <= :now AND reports < minimum)"
        old = "(state IN ('open', 'cut', 'shuffled') AND erase_by <= :now)"
        with self._transaction() as db:
            row = db.execute(f"SELECT {BATCH} FROM batch WHERE {due} OR {old} LIMIT 1", {"now": now}).fetchone()
            if row is None:
                return None
            batch = BatchRow(*row)
            below = batch.state == "open" and batch.reports < batch.minimum
            why = BELOW_MINIMUM if below else RETENTION_OVER
            _finish(db, batch, batch.state, "state = 'erased', why = ?, lease = lease + 1, lease_until = 0", why)
            db.execute("UPDATE task SET round = max(round, ?) WHERE hash = ?", (batch.round + 1, batch.task))
            _erase_reports(db, batch, now)
            db.execute("DELETE FROM payload WHERE batch = ?", (batch.number,))
            batch = _batch(db, batch.number)
        self._tidy()
        return batch

    def forget_ids(self, now: int) -> int:
        """Forget the ids of batches that are cut, done and closed; how many."""
        over = "SELECT number FROM batch WHERE has_ids = 1 AND closes <= ? AND state IN ('shuffled', 'released', 'erased')"
        with self._transaction() as db:
            forgotten = 0
            for (number,) in db.execute(over, (now,)).fetchall():
                forgotten += db.execute("DELETE FROM report WHERE batch = ?", (number,)).rowcount
                db.execute("UPDATE batch SET has_ids = 0 WHERE number = ?", (number,))
        return forgotten

    def put_release(self, row: ReleaseRow, signed: bytes) -> bool:
        """Keep public data that no person is in; False if it is kept already."""
        with self._transaction() as db:
            if db.execute("SELECT 1 FROM release WHERE hash = ?", (row.hash,)).fetchone():
                return False
            _insert_release(db, row, signed, b"")
            return True

    def releases(self) -> tuple[ReleaseRow, ...]:
        """All releases, newest first."""
        return tuple(ReleaseRow(*row) for row in self._read(f"SELECT {RELEASE} FROM release ORDER BY created DESC, hash"))

    def release(self, hash_: bytes) -> bytes | None:
        """The signed release with this hash."""
        rows = self._read("SELECT signed FROM release WHERE hash = ?", hash_)
        return rows[0][0] if rows else None

    def unpublished(self, hash_: bytes) -> bytes | None:
        """What only the operator may read of the release with this hash."""
        rows = self._read("SELECT unpublished FROM release WHERE hash = ? AND unpublished <> x''", hash_)
        return rows[0][0] if rows else None

    def close(self) -> None:
        """Let go of the file."""
        with self._writing, self._reading:
            self._reader.close()
            self._writer.close()

    def _read(self, sql: str, *values: Any) -> list[Any]:
        with self._reading:
            try:
                return self._reader.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise store_error(error, self._path) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block or nothing of it; durable at its end."""
        with self._writing:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except sqlite3.Error as error:
                raise store_error(error, self._path) from error
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")

    def _tidy(self) -> None:
        """Take what was erased out of the write-ahead log too, unless somebody reads just now; then the next time does."""
        with self._writing:
            try:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorname", "") not in ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL"):
                    raise store_error(error, self._path) from error


def _open_batch(db: sqlite3.Connection, slot: Slot) -> tuple[int, bool]:
    """The batch's number, and whether it still takes reports; its row is made with its first report."""
    found = db.execute("SELECT number, state FROM batch WHERE task = ? AND round = ?", (slot.task, slot.round)).fetchone()
    if found is not None:
        return found[0], found[1] == "open"
    values = (slot.task, slot.round, slot.minimum, slot.goal, slot.closes, slot.erase_by)
    sql = (
        "INSERT INTO batch (task, round, state, reports, minimum, goal, closes, erase_by) VALUES (?, ?, 'open', 0, ?, ?, ?, ?)"
    )
    number = db.execute(sql, values).lastrowid
    if number is None:
        raise StoreError("the store did not number a new batch; this is a fault of choral")
    return number, True


def _insert(db: sqlite3.Connection, batch: int, rows: Sequence[tuple[bytes, bytes]]) -> None:
    """Rows that are new, in as few calls as powers of two allow (each length is one prepared statement)."""
    start = added = 0
    while start < len(rows):
        size = min(ROWS_AT_ONCE, 1 << ((len(rows) - start).bit_length() - 1))
        values = [value for id_, body in rows[start : start + size] for value in (batch, id_, body)]
        added += db.execute("INSERT OR IGNORE INTO report VALUES " + ", ".join(["(?, ?, ?)"] * size), values).rowcount
        start += size
    db.execute("UPDATE batch SET reports = reports + ? WHERE number = ?", (added, batch))


def _is_known(db: sqlite3.Connection, batch: int, id_: bytes) -> bool:
    return db.execute("SELECT 1 FROM report WHERE batch = ? AND id = ?", (batch, id_)).fetchone() is not None


def _batch(db: sqlite3.Connection, number: int) -> BatchRow:
    return BatchRow(*db.execute(f"SELECT {BATCH} FROM batch WHERE number = ?", (number,)).fetchone())


def _finish(db: sqlite3.Connection, batch: BatchRow, state: str, changes: str, *values: object) -> None:
    """Change the row if it is still in `state` and the lease is still the one in `batch`."""
    sql = f"UPDATE batch SET {changes} WHERE number = ? AND state = ? AND lease = ?"
    if db.execute(sql, (*values, batch.number, state, batch.lease)).rowcount != 1:
        raise LeaseLost(f"batch {batch.number} was taken over or is done; nothing was kept, take the next one")


def _erase_reports(db: sqlite3.Connection, batch: BatchRow, now: int) -> None:
    """All sealed bytes of a batch; the ids too once its round is closed."""
    if batch.closes <= now:
        db.execute("DELETE FROM report WHERE batch = ?", (batch.number,))
        db.execute("UPDATE batch SET has_ids = 0 WHERE number = ?", (batch.number,))
    else:
        db.execute("UPDATE report SET body = NULL WHERE batch = ?", (batch.number,))


def _insert_release(db: sqlite3.Connection, row: ReleaseRow, signed: bytes, unpublished: bytes) -> None:
    values = (row.hash, row.task, row.round, row.kind, row.reports, row.created, signed, unpublished)
    db.execute("INSERT INTO release VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
