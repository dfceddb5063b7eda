"""A server's store in SQL, one writer at a time, other processes welcome.

Knows which rows each promise reads and writes; how is in server_sql_{reports,rounds,models}.py. Leaves to the server room
what may be done when, and to server_sqlite.py and server_postgres.py where the tables are.
"""

# ruff: noqa: S608  # only constants of these files are put into statements, values are always bound
from collections.abc import Iterable, Iterator, Sequence

from choral.storage import server_sql_models as models
from choral.storage import server_sql_reports as reports
from choral.storage import server_sql_rounds as rounds
from choral.storage.server_database import Database
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

TASK = "hash, signal, expires, signed, round, state, revision, version"
HEAD = TASK.replace("state", "?")  # bound to no bytes: a state can be large
ROWS_READ = 4_096


class SqlServerStore:
    """The store in a database that has the tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def place(self) -> str:
        """Where the tables are, as people call it."""
        return self._database.place

    def put_task(self, row: TaskRow) -> bool:
        """Keep a task; False if it is kept already."""
        with self._database.transaction() as db:
            values = (row.hash, row.signal, row.expires, row.signed, row.round, row.state, row.revision, row.version)
            sql = f"INSERT INTO task ({TASK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
            return db.execute(sql, values).rowcount == 1

    def task(self, hash_: bytes) -> TaskRow | None:
        """The task with this hash."""
        rows = self._database.read(f"SELECT {TASK} FROM task WHERE hash = ?", hash_)
        return TaskRow(*rows[0]) if rows else None

    def head(self, hash_: bytes) -> TaskRow | None:
        """The same without its algorithm's state."""
        rows = self._database.read(f"SELECT {HEAD} FROM task WHERE hash = ?", b"", hash_)
        return TaskRow(*rows[0]) if rows else None

    def tasks(self) -> tuple[TaskRow, ...]:
        """All tasks, without their algorithms' state."""
        return tuple(TaskRow(*row) for row in self._database.read(f"SELECT {HEAD} FROM task ORDER BY hash", b""))

    def open_round(self, slot: Slot, issued: int, params: bytes) -> OpeningRow | None:
        """What all check-outs of this round say: these parameters, unless it was opened before."""
        with self._database.transaction() as db:
            return rounds.open_round(db, slot, issued, params)

    def opening(self, task: bytes, round_: int) -> OpeningRow | None:
        """What all check-outs of this round say, if it was opened and its batch is not cut."""
        rows = self._database.read(rounds.OPENING, task, round_)
        return OpeningRow(*rows[0]) if rows else None

    def is_spent(self, task: bytes, token: bytes) -> bool:
        """Whether a report of the task was kept with this token."""
        return bool(self._database.read(reports.IS_SPENT, task, token))

    def add(self, arrivals: Sequence[Arrival]) -> tuple[bool, ...]:
        """Keep each report whose batch is open, once; durable when this returns."""
        slots, kept = reports.by_slot(arrivals), [True] * len(arrivals)
        with self._database.transaction() as db:
            for slot, indices in slots.items():
                reports.add(db, slot, arrivals, indices, kept)
        return tuple(kept)

    def batches(self, task: bytes) -> tuple[BatchRow, ...]:
        """All ledger rows of a task, by round."""
        rows = self._database.read(f"SELECT {rounds.BATCH} FROM batch WHERE task = ? ORDER BY round", task)
        return tuple(rounds.batch_of(row) for row in rows)

    def batch(self, task: bytes, round_: int) -> BatchRow | None:
        """The ledger row of one round."""
        rows = self._database.read(f"SELECT {rounds.BATCH} FROM batch WHERE task = ? AND round = ?", task, round_)
        return rounds.batch_of(rows[0]) if rows else None

    def lease(self, duty: Duty, *, now: int, until: int) -> BatchRow | None:
        """A batch that is due for `duty`, from now on nobody else's until `until`."""
        with self._database.transaction() as db:
            return rounds.lease(db, duty, now, until)

    def sealed(self, batch: BatchRow) -> Iterator[bytes]:
        """The reports of a cut batch, in the order of their ids."""
        last = b""
        sql = f"SELECT id, body FROM report WHERE batch = ? AND id > ? AND body IS NOT NULL ORDER BY id LIMIT {ROWS_READ}"
        while rows := self._database.read(sql, batch.number, last):
            yield from (body for _, body in rows)
            last = rows[-1][0]

    def waiting(self, batch: BatchRow, most: int) -> tuple[tuple[bytes, bytes], ...]:
        """Up to `most` sealed reports of a batch that streams, with their ids."""
        sql = "SELECT id, body FROM report WHERE batch = ? AND body IS NOT NULL ORDER BY id LIMIT ?"
        return tuple((id_, body) for id_, body in self._database.read(sql, batch.number, most))

    def finish_shuffle(self, batch: BatchRow, parts: Iterable[bytes], *, legal: int, dropped: int, now: int) -> None:
        """Keep the shuffled payloads, erase the sealed reports, keep their ids while the round is open."""
        with self._database.transaction() as db:
            changes = "state = 'shuffled', legal = ?, dropped = ?, lease_until = 0"
            rounds.finish(db, batch, "cut", changes, legal, dropped)
            for number, part in enumerate(parts):
                db.execute("INSERT INTO payload VALUES (?, ?, ?)", (batch.number, number, part))
            rounds.erase_reports(db, batch, now)
        self._database.tidy()

    def finish_stream(
        self, batch: BatchRow, ids: Sequence[bytes], *, legal: int, dropped: int, state: bytes, base: int
    ) -> None:
        """Erase these sealed reports, count them, keep the state they were folded into."""
        with self._database.transaction() as db:
            changes = "legal = legal + ?, dropped = dropped + ?, lease = lease + 1, lease_until = 0"
            rounds.finish(db, batch, "open", changes, legal, dropped)
            models.keep_state(db, batch.task, state, base)
            gone = [(batch.number, id_) for id_ in ids]
            db.executemany("UPDATE report SET body = NULL WHERE batch = ? AND id = ?", gone)
        self._database.tidy()

    def parts(self, batch: BatchRow) -> Iterator[bytes]:
        """The payloads of a shuffled batch, one part at a time."""
        part = 0
        while rows := self._database.read("SELECT records FROM payload WHERE batch = ? AND part = ?", batch.number, part):
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
        with self._database.transaction() as db:
            rounds.finish(db, batch, "shuffled", "state = 'released', lease_until = 0")
            models.insert_release(db, row, signed, unpublished)
            if state is not None:
                models.keep_state(db, batch.task, state, base)
            if version is not None:
                models.add_version(db, version)
            db.execute("DELETE FROM payload WHERE batch = ?", (batch.number,))
        self._database.tidy()

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
        with self._database.transaction() as db:
            changes = "state = 'erased', why = ?, legal = ?, dropped = ?, lease_until = 0"
            rounds.finish(db, batch, batch.state, changes, why, legal, dropped)
            if version is not None:
                models.add_version(db, version)
            if state is not None:
                db.execute("UPDATE task SET state = ?, revision = revision + 1 WHERE hash = ?", (state, batch.task))
            rounds.erase(db, batch, now)
        self._database.tidy()

    def erase_due(self, now: int) -> BatchRow | None:
        """Erase one batch that closed below its minimum or outlived its retention."""
        with self._database.transaction() as db:
            batch = rounds.erase_due(db, now)
        if batch is not None:
            self._database.tidy()
        return batch

    def forget_ids(self, now: int) -> int:
        """Forget the ids of batches that are done and whose reports would be refused as late; how many."""
        with self._database.transaction() as db:
            return rounds.forget_ids(db, now)

    def begin_model(self, start: VersionRow, state: bytes) -> bool:
        """Keep the state that a task's model starts from; False if it has a state already."""
        with self._database.transaction() as db:
            return models.begin(db, start, state)

    def versions(self, task: bytes) -> tuple[VersionRow, ...]:
        """All versions of a task's model, by number."""
        rows = self._database.read(f"SELECT {models.VERSION} FROM version WHERE task = ? ORDER BY number", task)
        return tuple(VersionRow(*row) for row in rows)

    def version_state(self, task: bytes, number: int) -> bytes | None:
        """The whole state of a version that was published, also of one that was rolled back."""
        rows = self._database.read(models.STATE, task, number)
        return rows[0][0] if rows else None

    def roll_back(self, version: VersionRow, *, now: int) -> bool:
        """Make an earlier version the current one."""
        with self._database.transaction() as db:
            return models.roll_back(db, version, now)

    def audit(self, task: bytes) -> tuple[AuditRow, ...]:
        """What operators did to a task."""
        rows = self._database.read("SELECT at, task, deed, detail FROM audit WHERE task = ? ORDER BY number", task)
        return tuple(AuditRow(*row) for row in rows)

    def put_release(self, row: ReleaseRow, signed: bytes) -> bool:
        """Keep public data that no person is in; False if it is kept already."""
        with self._database.transaction() as db:
            if db.execute("SELECT 1 FROM release WHERE hash = ?", (row.hash,)).fetchone():
                return False
            models.insert_release(db, row, signed, b"")
            return True

    def releases(self) -> tuple[ReleaseRow, ...]:
        """All releases, newest first."""
        return tuple(
            ReleaseRow(*row) for row in self._database.read(f"SELECT {models.RELEASE} FROM release ORDER BY created DESC, hash")
        )

    def release(self, hash_: bytes) -> bytes | None:
        """The signed release with this hash."""
        rows = self._database.read("SELECT signed FROM release WHERE hash = ?", hash_)
        return rows[0][0] if rows else None

    def unpublished(self, hash_: bytes) -> bytes | None:
        """What only the operator may read of the release with this hash."""
        rows = self._database.read("SELECT unpublished FROM release WHERE hash = ? AND length(unpublished) > 0", hash_)
        return rows[0][0] if rows else None

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()
