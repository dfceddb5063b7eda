"""The server's tables in SQLite, opened carefully: foreign, damaged and newer files are refused by name.

`report` has no row numbers and no times: its key is (batch, SHA-256 of the report), so that rows lie in an order that
says nothing about when or from where they came. docs/data_model.md tells each table's life.
"""

import sqlite3
from pathlib import Path

from choral.errors import StoreError
from choral.storage.server import StorageFull

APPLICATION_ID = 0x63686F72  # "chor"
BUSY_SECONDS = 60.0
CACHE_KIB = 65_536
CHECKPOINT_PAGES = 32_768  # 128 MiB of log: many changes of one page are copied back as one
CHECKED_BYTES = 2**26  # a file up to this size is checked page by page as it is opened, in less than a second
RESTORE = "restore it from a copy, or move it away to start anew"
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE task (
        hash BLOB PRIMARY KEY, signal TEXT NOT NULL, expires INTEGER NOT NULL, signed BLOB NOT NULL,
        round INTEGER NOT NULL, state BLOB NOT NULL
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE batch (
        number INTEGER PRIMARY KEY, task BLOB NOT NULL REFERENCES task (hash), round INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'cut', 'shuffled', 'released', 'erased')),
        reports INTEGER NOT NULL, minimum INTEGER NOT NULL, goal INTEGER NOT NULL,
        closes INTEGER NOT NULL, erase_by INTEGER NOT NULL,
        legal INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0,
        lease INTEGER NOT NULL DEFAULT 0, lease_until INTEGER NOT NULL DEFAULT 0, why TEXT NOT NULL DEFAULT '',
        has_ids INTEGER NOT NULL DEFAULT 1,
        UNIQUE (task, round)
    ) STRICT;
    CREATE INDEX unfinished ON batch (number) WHERE state IN ('open', 'cut', 'shuffled');
    CREATE INDEX with_ids ON batch (closes) WHERE has_ids = 1;
    CREATE TABLE report (
        batch INTEGER NOT NULL REFERENCES batch (number), id BLOB NOT NULL, body BLOB,
        PRIMARY KEY (batch, id)
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE payload (
        batch INTEGER NOT NULL REFERENCES batch (number), part INTEGER NOT NULL, records BLOB NOT NULL,
        PRIMARY KEY (batch, part)
    ) STRICT;
    CREATE TABLE release (
        hash BLOB PRIMARY KEY, task BLOB NOT NULL, round INTEGER NOT NULL, kind TEXT NOT NULL, reports INTEGER NOT NULL,
        created INTEGER NOT NULL, signed BLOB NOT NULL, unpublished BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX released_once ON release (task, round) WHERE task <> zeroblob(32);
    """,
    """
    ALTER TABLE task ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE task ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE batch ADD COLUMN chance INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE batch ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE batch ADD COLUMN streams INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE batch ADD COLUMN cut_at INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE version (
        task BLOB NOT NULL REFERENCES task (hash), number INTEGER NOT NULL, parent INTEGER NOT NULL, round INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('published', 'refused', 'rolled back')),
        release BLOB NOT NULL, reports INTEGER NOT NULL, created INTEGER NOT NULL,
        metric REAL, stderr REAL, parent_metric REAL, parent_stderr REAL, why TEXT NOT NULL, start BLOB NOT NULL,
        PRIMARY KEY (task, number)
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY, at INTEGER NOT NULL, task BLOB NOT NULL, deed TEXT NOT NULL, detail TEXT NOT NULL
    ) STRICT;
    """,
    """
    CREATE TABLE spent (
        task BLOB NOT NULL REFERENCES task (hash), token BLOB NOT NULL, PRIMARY KEY (task, token)
    ) WITHOUT ROWID, STRICT;
    """,
    """
    CREATE TABLE opening (
        batch INTEGER PRIMARY KEY REFERENCES batch (number), issued INTEGER NOT NULL, params BLOB NOT NULL
    ) STRICT;
    """,
)


def connect(path: Path) -> sqlite3.Connection:
    """A connection that is durable at COMMIT and erases what it deletes; StoreError if the file cannot be used."""
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        _require_ours(connection, path)
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "secure_delete = ON",
            "trusted_schema = OFF",
            f"cache_size = -{CACHE_KIB}",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        _migrate(connection)
    except sqlite3.Error as error:
        raise store_error(error, path) from error
    return connection


def require_sound(connection: sqlite3.Connection, path: Path) -> None:
    """StoreError if a page of the file is damaged; of a large file each page is checked as it is used."""
    if path.stat().st_size > CHECKED_BYTES:
        return
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise store_error(error, path) from error
    if found != "ok":
        raise StoreError(f"the store {path} is damaged ({found.splitlines()[0]}); {RESTORE}")


def store_error(error: sqlite3.Error, path: Path) -> StoreError:
    """What `error` means for whoever runs the server, in words that say what to do."""
    code = getattr(error, "sqlite_errorname", "") or ""
    if code == "SQLITE_FULL":
        return StorageFull(f"the disk of {path} is full; free some space, the server goes on by itself")
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreError(f"the store {path} is damaged ({error}); {RESTORE}")
    if code.startswith("SQLITE_CANTOPEN"):
        return StoreError(f"the store {path} cannot be opened ({error}); check that its folder exists and may be written")
    return StoreError(f"the store {path} cannot be used now ({code or type(error).__name__}: {error})")


def _require_ours(connection: sqlite3.Connection, path: Path) -> None:
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if owner != APPLICATION_ID and (tables or owner or version):
        raise StoreError(f"{path} is not a store of choral's server; name another folder, the file was left as it is")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"the store {path} has version {version}, this program knows {len(MIGRATIONS)}; update choral, nothing was changed"
        )


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to the newest version, each step in a transaction of its own; safe when two processes start."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for version in range(connection.execute("PRAGMA user_version").fetchone()[0], len(MIGRATIONS)):
            for statement in MIGRATIONS[version].split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
