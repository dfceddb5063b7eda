"""A server's store in one SQLite file: WAL, `synchronous=FULL`, one writer at a time, other processes welcome.

Knows SQL. Leaves to the server room what may be done when, and to server_schema.py how the file is opened.
"""

# ruff: noqa: S608  # only constants of this file are put into statements, values are always bound
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from choral.storage import server_sqlite_models as models
from choral.storage.server import LeaseLost
from choral.storage.server_rows import (
    BELOW_MINIMUM,
    RETENTION_OVER,
    Arrival,
    AuditRow,
    BatchRow,
    Duty,
    ReleaseRow,
    Slot,
    TaskRow,
    VersionRow,
)
from choral.storage.server_schema import connect, require_sound, store_error
from choral.storage.server_sqlite_rounds import DUE, PAST, open_batch, rounds_before

BATCH = (
    "number, task, round, state, reports, minimum, goal, closes, erase_by, legal, dropped, lease, lease_until, why, "
    "chance, late, streams, cut_at"
)
TASK = "hash, signal, expires, signed, round, state, revision, version"
HEAD = TASK.replace("state", "x''")
RELEASE = "hash, task, round, kind, reports, created"
ROWS_AT_ONCE = 256  # reports in one INSERT: one call into SQLite, which lets other threads run meanwhile
ROWS_READ = 4_096


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
            values = (row.hash, row.signal, row.expires, row.signed, row.round, row.state, row.revision, row.version)
            return db.execute(f"INSERT OR IGNORE INTO task ({TASK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values).rowcount == 1

    def task(self, hash_: bytes) -> TaskRow | None:
        """The task with this hash."""
        rows = self._read(f"SELECT {TASK} FROM task WHERE hash = ?", hash_)
        return TaskRow(*rows[0]) if rows else None

    def head(self, hash_: bytes) -> TaskRow | None:
        """The same without its algorithm's state."""
        rows = self._read(f"SELECT {HEAD} FROM task WHERE hash = ?", hash_)
        return TaskRow(*rows[0]) if rows else None

    def tasks(self) -> tuple[TaskRow, ...]:
        """All tasks, without their algorithms' state."""
        return tuple(TaskRow(*row) for row in self._read(f"SELECT {HEAD} FROM task ORDER BY hash"))

    def open_round(self, slot: Slot) -> BatchRow:
        """The ledger row of this round, made unless it is there."""
        with self._transaction() as db:
            return _batch(db, open_batch(db, slot)[0])

    def is_spent(self, task: bytes, token: bytes) -> bool:
        """Whether a report of the task was kept with this token."""
        return bool(self._read("SELECT 1 FROM spent WHERE task = ? AND token = ?", task, token))

    def add(self, arrivals: Sequence[Arrival]) -> tuple[bool, ...]:
        """Keep each report whose batch is open, once; durable when this returns."""
        by_slot: dict[Slot, list[int]] = defaultdict(list)
        for index, arrival in enumerate(arrivals):
            by_slot[arrival.slot].append(index)
        kept = [True] * len(arrivals)
        with self._transaction() as db:
            for slot, indices in by_slot.items():
                _add(db, slot, arrivals, indices, kept)
        return tuple(kept)

    def batches(self, task: bytes) -> tuple[BatchRow, ...]:
        """All ledger rows of a task, by round."""
        return tuple(_row(row) for row in self._read(f"SELECT {BATCH} FROM batch WHERE task = ? ORDER BY round", task))

    def batch(self, task: bytes, round_: int) -> BatchRow | None:
        """The ledger row of one round."""
        rows = self._read(f"SELECT {BATCH} FROM batch WHERE task = ? AND round = ?", task, round_)
        return _row(rows[0]) if rows else None

    def lease(self, duty: Duty, *, now: int, until: int) -> BatchRow | None:
        """A batch that is due for `duty`, from now on nobody else's until `until`."""
        with self._transaction() as db:
            row = db.execute(f"SELECT {BATCH} FROM batch WHERE {DUE[duty]} ORDER BY number LIMIT 1", {"now": now}).fetchone()
            if row is None:
                return None
            batch = _row(row)
            if batch.state == "open" and duty != "stream":
                state = "cut" if duty == "shuffle" else "shuffled"
                db.execute("UPDATE batch SET state = ?, cut_at = ? WHERE number = ?", (state, now, batch.number))
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

    def waiting(self, batch: BatchRow, most: int) -> tuple[tuple[bytes, bytes], ...]:
        """Up to `most` sealed reports of a batch that streams, with their ids."""
        sql = "SELECT id, body FROM report WHERE batch = ? AND body IS NOT NULL ORDER BY id LIMIT ?"
        return tuple((id_, body) for id_, body in self._read(sql, batch.number, most))

    def finish_shuffle(self, batch: BatchRow, parts: Iterable[bytes], *, legal: int, dropped: int, now: int) -> None:
        """Keep the shuffled payloads, erase the sealed reports, keep their ids while the round is open."""
        with self._transaction() as db:
            changes = "state = 'shuffled', legal = ?, dropped = ?, lease_until = 0"
            _finish(db, batch, "cut", changes, legal, dropped)
            for number, part in enumerate(parts):
                db.execute("INSERT INTO payload VALUES (?, ?, ?)", (batch.number, number, part))
            _erase_reports(db, batch, now)
        self._tidy()

    def finish_stream(
        self, batch: BatchRow, ids: Sequence[bytes], *, legal: int, dropped: int, state: bytes, base: int
    ) -> None:
        """Erase these sealed reports, count them, keep the state they were folded into."""
        with self._transaction() as db:
            changes = "legal = legal + ?, dropped = dropped + ?, lease = lease + 1, lease_until = 0"
            _finish(db, batch, "open", changes, legal, dropped)
            models.keep_state(db, batch.task, state, base)
            gone = [(batch.number, id_) for id_ in ids]
            db.executemany("UPDATE report SET body = NULL WHERE batch = ? AND id = ?", gone)
        self._tidy()

    def parts(self, batch: BatchRow) -> Iterator[bytes]:
        """The payloads of a shuffled batch, one part at a time."""
        part = 0
        while rows := self._read("SELECT records FROM payload WHERE batch = ? AND part = ?", batch.number, part):
            yield rows[0][0]
            part += 1

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
        """Keep the release, the algorithm's state and the version, erase the payloads, mark the row released."""
        with self._transaction() as db:
            _finish(db, batch, "shuffled", "state = 'released', lease_until = 0")
            _insert_release(db, row, signed, unpublished)
            if state is not None:
                models.keep_state(db, batch.task, state, base)
            if version is not None:
                models.insert(db, version)
                db.execute("UPDATE task SET version = ? WHERE hash = ?", (version.number, batch.task))
            db.execute("DELETE FROM payload WHERE batch = ?", (batch.number,))
        self._tidy()

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
        """Erase a leased batch unreleased and write down why."""
        with self._transaction() as db:
            changes = "state = 'erased', why = ?, legal = ?, dropped = ?, lease_until = 0"
            _finish(db, batch, batch.state, changes, why, legal, dropped)
            if version is not None:
                models.insert(db, version)
            if state is not None:
                db.execute("UPDATE task SET state = ?, revision = revision + 1 WHERE hash = ?", (state, batch.task))
            _erase_reports(db, batch, now)
            db.execute("DELETE FROM payload WHERE batch = ?", (batch.number,))
        self._tidy()

    def erase_due(self, now: int) -> BatchRow | None:
        """Erase one batch that closed below its minimum or outlived its retention."""
        with self._transaction() as db:
            row = db.execute(f"SELECT {BATCH} FROM batch WHERE {DUE['erase']} LIMIT 1", {"now": now}).fetchone()
            if row is None:
                return None
            batch = _row(row)
            why = BELOW_MINIMUM if batch.state == "open" and batch.is_below else RETENTION_OVER
            _finish(db, batch, batch.state, "state = 'erased', why = ?, lease = lease + 1, lease_until = 0", why)
            db.execute("UPDATE task SET round = max(round, ?) WHERE hash = ?", (batch.round + 1, batch.task))
            _erase_reports(db, batch, now)
            db.execute("DELETE FROM payload WHERE batch = ?", (batch.number,))
            batch = _batch(db, batch.number)
        self._tidy()
        return batch

    def forget_ids(self, now: int) -> int:
        """Forget the ids of batches that are done and whose reports would be refused as late; how many."""
        over = f"SELECT number FROM batch WHERE has_ids = 1 AND state IN ('shuffled', 'released', 'erased') AND {PAST}"
        with self._transaction() as db:
            forgotten = 0
            for (number,) in db.execute(over, {"now": now}).fetchall():
                forgotten += db.execute("DELETE FROM report WHERE batch = ?", (number,)).rowcount
                db.execute("UPDATE batch SET has_ids = 0 WHERE number = ?", (number,))
            db.execute("DELETE FROM spent WHERE task IN (SELECT hash FROM task WHERE expires <= ?)", (now,))
        return forgotten

    def begin_model(self, start: VersionRow, state: bytes) -> bool:
        """Keep the state that a task's model starts from; False if it has a state already."""
        with self._transaction() as db:
            is_new = "UPDATE task SET state = ?, revision = 1 WHERE hash = ? AND revision = 0"
            if db.execute(is_new, (state, start.task)).rowcount != 1:
                return False
            models.insert(db, start, state)
            return True

    def versions(self, task: bytes) -> tuple[VersionRow, ...]:
        """All versions of a task's model, by number."""
        rows = self._read(f"SELECT {models.VERSION} FROM version WHERE task = ? ORDER BY number", task)
        return tuple(VersionRow(*row) for row in rows)

    def version_state(self, task: bytes, number: int) -> bytes | None:
        """The whole state of a version that was published, also of one that was rolled back."""
        rows = self._read(models.STATE, task, number)
        return rows[0][0] if rows else None

    def roll_back(self, version: VersionRow, *, now: int) -> bool:
        """Make an earlier version the current one."""
        with self._transaction() as db:
            return models.roll_back(db, version, now)

    def audit(self, task: bytes) -> tuple[AuditRow, ...]:
        """What operators did to a task."""
        rows = self._read("SELECT at, task, deed, detail FROM audit WHERE task = ? ORDER BY number", task)
        return tuple(AuditRow(*row) for row in rows)

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


def _add(db: sqlite3.Connection, slot: Slot, arrivals: Sequence[Arrival], indices: list[int], kept: list[bool]) -> None:
    """Insert these reports of one slot where they are new and come in time; write into `kept` where they do not."""
    if slot.late:
        slot, is_late = rounds_before(db, slot)
        known = [index for index in indices if models.is_known(db, slot.task, arrivals[index].id)]
        indices = [index for index in indices if index not in known]
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
        kept[index] = _is_known(db, number, arrivals[index].id)


def _spend(
    db: sqlite3.Connection, batch: int, task: bytes, arrivals: Sequence[Arrival], indices: list[int], kept: list[bool]
) -> list[int]:
    """Spend the tokens of new reports; those left whose token was not spent on another one before, which `kept` is told."""
    left, ids = list[int](), set[bytes]()
    for index in indices:
        one = arrivals[index]
        is_new = one.id not in ids and not (one.token and _is_known(db, batch, one.id))
        if is_new and one.token and not _is_first(db, task, one.token):
            kept[index] = False
            continue
        ids.add(one.id)
        left.append(index)
    return left


def _is_first(db: sqlite3.Connection, task: bytes, token: bytes) -> bool:
    """Whether this spends the token."""
    return db.execute("INSERT OR IGNORE INTO spent VALUES (?, ?)", (task, token)).rowcount == 1


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
    return _row(db.execute(f"SELECT {BATCH} FROM batch WHERE number = ?", (number,)).fetchone())


def _row(values: tuple[Any, ...]) -> BatchRow:
    """The row of these columns; SQLite has no truth values."""
    row = BatchRow(*values)
    return replace(row, streams=bool(row.streams))


def _finish(db: sqlite3.Connection, batch: BatchRow, state: str, changes: str, *values: object) -> None:
    """Change the row if it is still in `state` and the lease is still the one in `batch`."""
    sql = f"UPDATE batch SET {changes} WHERE number = ? AND state = ? AND lease = ?"
    if db.execute(sql, (*values, batch.number, state, batch.lease)).rowcount != 1:
        raise LeaseLost(f"batch {batch.number} was taken over or is done; nothing was kept, take the next one")


def _erase_reports(db: sqlite3.Connection, batch: BatchRow, now: int) -> None:
    """All sealed bytes of a batch; the ids too once its round is closed."""
    is_past = f"SELECT 1 FROM batch WHERE number = :number AND {PAST}"
    if db.execute(is_past, {"number": batch.number, "now": now}).fetchone():
        db.execute("DELETE FROM report WHERE batch = ?", (batch.number,))
        db.execute("UPDATE batch SET has_ids = 0 WHERE number = ?", (batch.number,))
    else:
        db.execute("UPDATE report SET body = NULL WHERE batch = ?", (batch.number,))


def _insert_release(db: sqlite3.Connection, row: ReleaseRow, signed: bytes, unpublished: bytes) -> None:
    values = (row.hash, row.task, row.round, row.kind, row.reports, row.created, signed, unpublished)
    db.execute("INSERT INTO release VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
