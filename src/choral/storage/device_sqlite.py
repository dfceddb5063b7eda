"""A device's store in one SQLite file: WAL, `synchronous=FULL`, every key and value sealed with AES-256-GCM.

What a thief without the key learns: how many rows each table has and their sizes in steps of 64 bytes. A row's name is
a keyed hash of its key; key and value lie together in the seal, which is bound to table and name, so that a changed,
moved or foreign row does not open. An older copy of the whole file does open: against that stands the ledger's witness.
"""

import os
import sqlite3
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from choral.errors import StoreError
from choral.storage.folders import sync_folder

APPLICATION_ID = 0x63686F64  # "chod"
VERSION = 1
KEY_BYTES = 32
NONCE_BYTES = 12
PAD_BYTES = 64
BUSY_SECONDS = 10.0
LENGTHS = struct.Struct("<II")
SCHEMA = "CREATE TABLE row (space TEXT, name BLOB, sealed BLOB NOT NULL, PRIMARY KEY (space, name)) WITHOUT ROWID, STRICT"
PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "trusted_schema = OFF")
PROOF = "proof"  # a table of one row that only opens with the right key


class SqliteDeviceStore:
    """The store in the file `path`, which is made if it is missing, readable by its owner only.

    key: 32 bytes; renew: destroys the key for good and answers another one, so that `shred` reaches older copies too
    """

    def __init__(self, path: Path, key: bytes, *, renew: Callable[[], bytes] | None = None) -> None:
        self._path = path
        self._renew = renew
        self._lock = threading.RLock()
        self._open = False
        self._cipher = RowCipher(key)
        self._db = self._connect()

    @contextmanager
    def transaction(self) -> Iterator["SqliteTransaction"]:
        """A transaction, durable once it is over; an exception inside it undoes all of it."""
        with self._lock, self._errors():
            if self._open:
                raise ValueError("a transaction is open in this thread already; end it first")
            self._db.execute("BEGIN IMMEDIATE")
            self._open = True
            try:
                yield SqliteTransaction(self._db, self._cipher, self._path)
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._open = False

    def shred(self) -> None:
        """Write what is left into a new file; the old one is deleted, and its key destroyed where `renew` was given."""
        with self._lock, self.transaction() as tx:
            left = [(space, key, value) for space in tx.spaces() for key, value in tx.scan(space)]
        self.close()
        for name in (self._path, *_companions(self._path)):
            name.unlink(missing_ok=True)
        with self._told():
            sync_folder(self._path.parent)
        if self._renew is not None:
            self._cipher = RowCipher(self._renew())
        self._db = self._connect()
        with self.transaction() as tx:
            for row in left:
                tx.put(*row)

    def close(self) -> None:
        """Fold the log into the file and let go of both."""
        with self._lock, self._errors():
            self._db.close()

    def _connect(self) -> sqlite3.Connection:
        with self._told(), self._errors():
            self._path.touch(mode=0o600)
            return _opened(self._path, self._cipher)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(f"the store {self._path} cannot be opened ({error.strerror}); check its folder") from error

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _store_error(error, self._path) from error


class SqliteTransaction:
    """Reads and writes of one transaction."""

    __slots__ = ("_changes", "_cipher", "_db", "_path")

    def __init__(self, db: sqlite3.Connection, cipher: "RowCipher", path: Path) -> None:
        self._changes: int | None = None
        self._db = db
        self._cipher = cipher
        self._path = path

    def get(self, table: str, key: bytes) -> bytes | None:
        """The value, or None."""
        name = self._cipher.name(table, key)
        row = self._db.execute("SELECT sealed FROM row WHERE space = ? AND name = ?", (table, name)).fetchone()
        return self._cipher.open(table, name, row[0], self._path)[1] if row else None

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Keep the value."""
        name = self._cipher.name(table, key)
        self._db.execute("REPLACE INTO row VALUES (?, ?, ?)", (table, name, self._cipher.seal(table, name, key, value)))

    def delete(self, table: str, key: bytes) -> None:
        """Let go of the value; SQLite overwrites its place with zeros."""
        self._db.execute("DELETE FROM row WHERE space = ? AND name = ?", (table, self._cipher.name(table, key)))

    def scan(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """All keys and values, in the order of the keys."""
        rows = self._db.execute("SELECT name, sealed FROM row WHERE space = ?", (table,)).fetchall()
        return iter(sorted(self._cipher.open(table, name, sealed, self._path) for name, sealed in rows))

    def changes(self) -> int:
        """SQLite's own count of what other connections committed; a connection's own writes leave it as it is, and while this
        transaction is open no other can commit.
        """
        if self._changes is None:
            self._changes = int(self._db.execute("PRAGMA data_version").fetchone()[0])
        return self._changes

    def spaces(self) -> list[str]:
        """The tables that have rows, but for the proof of the key."""
        found = self._db.execute("SELECT DISTINCT space FROM row WHERE space <> ? ORDER BY space", (PROOF,))
        return [space for (space,) in found.fetchall()]


class RowCipher:
    """Names and seals of rows under one key."""

    __slots__ = ("_aead", "_names")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a device's key has {KEY_BYTES} bytes, got {len(key)}")
        self._aead = AESGCM(blake2b(key, digest_size=32, person=b"choral seals/1").digest())
        self._names = blake2b(key, digest_size=32, person=b"choral names/1").digest()

    def name(self, table: str, key: bytes) -> bytes:
        """What stands for `key` in the file: 16 bytes of a keyed hash."""
        return blake2b(table.encode() + b"\0" + key, digest_size=16, key=self._names).digest()

    def seal(self, table: str, name: bytes, key: bytes, value: bytes) -> bytes:
        """Key and value, padded to a multiple of 64 bytes, under a fresh nonce."""
        plain = LENGTHS.pack(len(key), len(value)) + key + value
        plain += bytes(-len(plain) % PAD_BYTES)
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, _context(table, name))

    def open(self, table: str, name: bytes, sealed: bytes, path: Path) -> tuple[bytes, bytes]:
        """Key and value; StoreError if a bit is not as it was sealed, or the key is another."""
        try:
            plain = self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _context(table, name))
        except (InvalidTag, ValueError):
            raise _unreadable(table, path) from None
        start = LENGTHS.size
        key_size, value_size = LENGTHS.unpack_from(plain)
        return plain[start : start + key_size], plain[start + key_size : start + key_size + value_size]


def _opened(path: Path, cipher: RowCipher) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _require_ours(db, path)
        for pragma in PRAGMAS:
            db.execute(f"PRAGMA {pragma}").fetchall()
        db.execute("BEGIN IMMEDIATE")
        _create_or_prove(db, path, cipher)
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _require_ours(db: sqlite3.Connection, path: Path) -> None:
    application, version, tables = (
        db.execute(query).fetchone()[0]
        for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema")
    )
    if application != APPLICATION_ID and (tables or application):
        raise StoreError(f"{path} belongs to another program; choose another folder for this device")
    if version > VERSION:
        raise StoreError(f"the store {path} has format {version}, this program knows {VERSION}; update choral")


def _create_or_prove(db: sqlite3.Connection, path: Path, cipher: RowCipher) -> None:
    """A new file gets its table and its proof; in an old one the proof must open."""
    tx = SqliteTransaction(db, cipher, path)
    if db.execute("PRAGMA application_id").fetchone()[0] == 0:
        db.execute(SCHEMA)
        tx.put(PROOF, b"", b"choral")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {VERSION}")
    elif tx.get(PROOF, b"") is None:
        raise _unreadable(PROOF, path)


def _context(table: str, name: bytes) -> bytes:
    return b"choral/device-row/1\0" + table.encode() + b"\0" + name


def _companions(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))


def _unreadable(table: str, path: Path) -> StoreError:
    return StoreError(
        f"a row of the table {table!r} in {path} does not open: it was changed, or the key is not the one it was written "
        "with; put the right key back, or move the store away to start anew"
    )


def _store_error(error: sqlite3.Error, path: Path) -> StoreError:
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith("SQLITE_FULL"):
        return StoreError(f"the disk of {path} is full, nothing was changed; free some space and try again")
    if code.startswith("SQLITE_BUSY"):
        return StoreError(f"another program is using {path}; try again when it is done")
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR")):
        return StoreError(f"the store {path} cannot be used ({error}); check its folder, its disk and who may write there")
    return StoreError(f"the store {path} is damaged ({error}); restore it from a copy, or move it away to start anew")
