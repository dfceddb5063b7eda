"""What an issuer must not forget: its accounts, and how many tokens each had in this period. Apart from every other store.

Of a request only its hash is kept, until the period is over: whoever lost the answer asks again with the same bytes, and
that costs nothing. Of an account's token only its hash is kept.
"""

import hashlib
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from choral.errors import StoreError

APPLICATION_ID = 0x63686F69  # "choi"
VERSION = 1
BUSY_SECONDS = 60.0
SCHEMA = """
    CREATE TABLE account (number INTEGER PRIMARY KEY, secret BLOB NOT NULL UNIQUE) STRICT;
    CREATE TABLE issued (
        period INTEGER NOT NULL, account INTEGER NOT NULL REFERENCES account (number), request BLOB NOT NULL,
        PRIMARY KEY (period, account, request)
    ) WITHOUT ROWID, STRICT;
"""


class IssuerStore:
    """The file at `path`; made if it is missing. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            _open(self._db, path)
        except sqlite3.Error as error:
            raise StoreError(f"the store {path} cannot be opened ({error}); check the folder, or restore a copy") from error

    def new_account(self) -> str:
        """The token of a new account: shown once, kept as a hash."""
        token = secrets.token_urlsafe(32)
        with self._transaction() as db:
            db.execute("INSERT INTO account (secret) VALUES (?)", (_hash(token),))
        return token

    def account(self, token: str) -> int | None:
        """The number of the account with this token; found by its hash, so that no time tells how much of it is right."""
        with self._lock:
            row = self._db.execute("SELECT number FROM account WHERE secret = ?", (_hash(token),)).fetchone()
        return None if row is None else int(row[0])

    def count(self, account: int, requests: Sequence[bytes], *, period: int, allowance: int) -> bool:
        """Whether these requests are within the account's allowance of the period; if so they are written down, durably.

        A request that was counted before is not counted again. Earlier periods are forgotten.
        """
        with self._transaction() as db:
            db.execute("DELETE FROM issued WHERE period < ?", (period,))
            rows = [(period, account, hashlib.sha256(request).digest()) for request in requests]
            db.executemany("INSERT OR IGNORE INTO issued VALUES (?, ?, ?)", rows)
            sql = "SELECT count(*) FROM issued WHERE period = ? AND account = ?"
            if db.execute(sql, (period, account)).fetchone()[0] <= allowance:
                return True
            db.execute("ROLLBACK")
        return False

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; a StoreError if the disk says no."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                    if self._db.in_transaction:
                        self._db.execute("COMMIT")
                finally:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise StoreError(f"the store {self._path} cannot be used now ({error}); nothing was issued") from error


def _open(db: sqlite3.Connection, path: Path) -> None:
    """Pragmas and tables; StoreError for a file that is not an issuer's, or is newer than this program."""
    owner, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if owner != APPLICATION_ID and (owner or db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]):
        raise StoreError(f"{path} is not the store of an issuer; name another folder, the file was left as it is")
    if version > VERSION:
        raise StoreError(f"the store {path} has version {version}, this program knows {VERSION}; update choral")
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "trusted_schema = OFF"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    if version < VERSION:
        db.executescript(
            f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
        )


def _hash(token: str) -> bytes:
    """Tokens have 256 random bits: one hash is enough."""
    return hashlib.sha256(token.encode()).digest()
