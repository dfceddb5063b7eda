"""A server's store in one SQLite file: WAL, `synchronous=FULL`, a writer and a reader beside it.

Knows connections and locks. Leaves to server_sql.py what is written, and to server_schema.py how a file is opened.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from choral.storage.server_schema import connect, require_sound, store_error
from choral.storage.server_sql import SqlServerStore

LATER = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL")  # why the log may not be emptied just now


class SqliteServerStore(SqlServerStore):
    """The store in the file `path`, which is made if it is missing; its folder must exist.

    connect: how a connection is opened, for stores that must be checked under faults
    """

    def __init__(self, path: Path, *, connect: Callable[[Path], sqlite3.Connection] = connect) -> None:
        super().__init__(SqliteFile(path, connect))


class SqliteFile:
    """The file `path`, made if it is missing; its folder must exist. StoreError if it is damaged or foreign."""

    def __init__(self, path: Path, connect: Callable[[Path], sqlite3.Connection]) -> None:
        self.place = str(path)
        self._path = path
        self._writer = connect(path)
        require_sound(self._writer, path)
        self._reader = connect(path)
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self.tidy()  # a kill between an erasure and this left the erased bytes in the log

    def read(self, sql: str, *values: Any) -> list[Any]:
        """All rows of the answer."""
        with self._reading:
            try:
                return self._reader.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise store_error(error, self._path) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
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

    def tidy(self) -> None:
        """Take what was erased out of the write-ahead log too, unless somebody reads just now; then the next time does."""
        with self._writing:
            try:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorname", "") not in LATER:
                    raise store_error(error, self._path) from error

    def close(self) -> None:
        """Let go of the file."""
        with self._writing, self._reading:
            self._reader.close()
            self._writer.close()
