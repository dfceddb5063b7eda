"""The catalogue service's store in one SQLite file: WAL, `synchronous=FULL`, one writer at a time.

Knows SQL. Leaves to learning.py what is learnt and to api.py who may read what.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.service.download_logs import Download, Logs
from choral.apps.stickers.service.schema import connect
from choral.errors import PeerError
from choral.storage.server_schema import store_error

EPOCH = date(1970, 1, 1)
INSERT_DOWNLOAD = "INSERT INTO download VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET day = min(day, excluded.day)"


class CatalogueStore:
    """The store in the file `path`, which is made if it is missing; its folder must exist."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = connect(path)
        self._lock = threading.Lock()

    def open_accounts(self, kept: Mapping[str, bytes], *, renew: bool) -> None:
        """Give each named account its token's hash, and make it if it is missing: all of them or none.

        PeerError "conflict" if one has a token already and `renew` is false.
        """
        with self._transaction() as db:
            for name, hash_ in kept.items():
                found = db.execute("SELECT token FROM account WHERE name = ?", (name,)).fetchone()
                if found is not None and found[0] is not None and not renew:
                    raise PeerError("conflict", "an account has a token already; ask with renew for a new one")
                sql = "INSERT INTO account (name, token) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET token = excluded.token"
                db.execute(sql, (name, hash_))

    def account(self, kept: bytes) -> int | None:
        """The number of the account whose token has this hash."""
        rows = self._read("SELECT number FROM account WHERE token = ?", kept)
        return rows[0][0] if rows else None

    def add(self, downloads: Sequence[Download]) -> int:
        """Keep each download once, and make accounts that are missing, without a token; how many were new. All or none."""
        with self._transaction() as db:
            names = sorted({one.account for one in downloads})
            db.executemany("INSERT INTO account (name) VALUES (?) ON CONFLICT DO NOTHING", ((name,) for name in names))
            numbers = dict(db.execute("SELECT name, number FROM account"))
            before = db.execute("SELECT count(*) FROM download").fetchone()[0]
            rows = ((numbers[one.account], one.sticker, int(one.kind), (one.day - EPOCH).days) for one in downloads)
            db.executemany(INSERT_DOWNLOAD, rows)
            return int(db.execute("SELECT count(*) FROM download").fetchone()[0] - before)

    def add_own(self, account: int, stickers: Iterable[int], *, kind: int, day: date) -> None:
        """Keep what one account downloaded."""
        with self._transaction() as db:
            _require_account(db, account)
            db.executemany(INSERT_DOWNLOAD, ((account, sticker, kind, (day - EPOCH).days) for sticker in stickers))

    def downloads(self, account: int) -> list[tuple[int, int, int]]:
        """(sticker, kind, day since 1970) of one account, by sticker."""
        return self._read("SELECT sticker, kind, day FROM download WHERE account = ? ORDER BY sticker, kind", account)

    def logs(self, places: Mapping[int, int]) -> tuple[Logs, list[int]]:
        """All downloads of stickers in `places` (from id to row), and the accounts' numbers in the order of `person`."""
        rows = self._read("SELECT account, sticker, kind, day FROM download ORDER BY account, sticker, kind")
        table = np.array([(a, places[s], k, d) for a, s, k, d in rows if s in places], np.int64).reshape(-1, 4)
        accounts, person = np.unique(table[:, 0], return_inverse=True)
        logs = Logs(person.astype(np.int64), table[:, 1], table[:, 2].astype(np.uint8), table[:, 3].astype(np.int32))
        return logs, accounts.tolist()

    def preference(self, account: int) -> bytes | None:
        """The kept numbers of one account."""
        rows = self._read("SELECT numbers FROM preference WHERE account = ?", account)
        return rows[0][0] if rows else None

    def candidates(self, account: int) -> NDArray[np.int64] | None:
        """The kept candidates of one account, as ids; None where none were chosen."""
        rows = self._read("SELECT stickers FROM candidates WHERE account = ?", account)
        return np.frombuffer(rows[0][0], "<i4").astype(np.int64) if rows else None

    def put_personal(self, rows: Iterable[tuple[int, bytes, bytes | None]], learnt: bytes | None = None) -> None:
        """Keep (account, numbers, candidates or None for the whole catalogue) of each; with `learnt`, in place of all before.

        An account that was erased meanwhile is left out.
        """
        with self._transaction() as db:
            if learnt is not None:
                db.execute("DELETE FROM preference")
                db.execute("DELETE FROM candidates")
                sql = (
                    "INSERT INTO learnt VALUES (1, 1, ?) ON CONFLICT DO UPDATE SET version = version + 1, body = excluded.body"
                )
                db.execute(sql, (learnt,))
            for account, numbers, stickers in rows:
                known = "SELECT number, ? FROM account WHERE number = ?"
                db.execute(f"INSERT OR REPLACE INTO preference {known}", (numbers, account))
                if stickers is not None:
                    db.execute(f"INSERT OR REPLACE INTO candidates {known}", (stickers, account))

    def learnt(self) -> tuple[int, bytes] | None:
        """Version and bytes of what was learnt last."""
        rows = self._read("SELECT version, body FROM learnt")
        return (rows[0][0], rows[0][1]) if rows else None

    def erase(self, account: int) -> None:
        """All that is kept of one account, out of the write-ahead log too."""
        with self._transaction() as db:
            db.execute("DELETE FROM account WHERE number = ?", (account,))
        with self._lock:
            try:
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.Error as error:
                raise store_error(error, self._path) from error

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    def _read(self, sql: str, *values: Any) -> list[Any]:
        with self._lock:
            try:
                return self._db.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise store_error(error, self._path) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block or nothing of it; durable at its end."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise store_error(error, self._path) from error
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")


def _require_account(db: sqlite3.Connection, account: int) -> None:
    if db.execute("SELECT 1 FROM account WHERE number = ?", (account,)).fetchone() is None:
        raise PeerError("not-authorized", "the account was erased")
