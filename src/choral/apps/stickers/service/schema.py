"""The catalogue service's tables in SQLite, and how its file is opened. docs/stickers.md tells each table's life.

`account` holds a person's own name in the team's other systems and a keyed hash of the token, never the token.
Days are days since 1970: no finer time is kept of anything.
"""

import sqlite3
from pathlib import Path

from choral.errors import StoreError
from choral.storage.server_schema import require_sound, store_error

APPLICATION_ID = 0x63686373  # "chcs"
VERSION = 1
BUSY_SECONDS = 60.0
TABLES = """
    CREATE TABLE account (
        number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, token BLOB UNIQUE
    ) STRICT;
    CREATE TABLE download (
        account INTEGER NOT NULL REFERENCES account (number) ON DELETE CASCADE,
        sticker INTEGER NOT NULL, kind INTEGER NOT NULL, day INTEGER NOT NULL,
        PRIMARY KEY (account, sticker, kind)
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE preference (
        account INTEGER PRIMARY KEY REFERENCES account (number) ON DELETE CASCADE, numbers BLOB NOT NULL
    ) STRICT;
    CREATE TABLE candidates (
        account INTEGER PRIMARY KEY REFERENCES account (number) ON DELETE CASCADE, stickers BLOB NOT NULL
    ) STRICT;
    CREATE TABLE learnt (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, body BLOB NOT NULL) STRICT
"""


def connect(path: Path) -> sqlite3.Connection:
    """A connection that is durable at COMMIT and erases what it deletes; StoreError if the file cannot be used."""
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        _require_ours(connection, path)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "trusted_schema = OFF"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        _make(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        require_sound(connection, path)
    except sqlite3.Error as error:
        raise store_error(error, path) from error
    return connection


def _require_ours(connection: sqlite3.Connection, path: Path) -> None:
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if owner != APPLICATION_ID and (tables or owner or version):
        raise StoreError(f"{path} is not a store of the catalogue service; name another folder, the file was left as it is")
    if version > VERSION:
        raise StoreError(f"the store {path} has version {version}, this program knows {VERSION}; update choral")


def _make(connection: sqlite3.Connection) -> None:
    """The tables, in one transaction; safe when two processes start."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
