"""SQLite's way to its files, watched: each change and each sync is written down in order, for torn_disk.py.

The SQLite with a door for that is the one in `apsw`; `Connection` gives of it what the stores use of Python's own (for
the story of power_story.py, `strace` saw 3.40.1 in Python make the same 600 changes and syncs as 3.54.1 in `apsw`). A
store opens its file itself, so that its settings are the ones that are proven.
"""

# ruff: noqa: N802  # SQLite names these methods
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from tests.world.torn_disk import Event

LOGS = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL


class Recorder(apsw.VFS):
    """All files of one folder; `events` is what happened to them."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.events: list[Event] = []
        self.files: dict[str, int] = {}
        self.is_new = True

    def connection(self, path: Path, **_: Any) -> "Connection":
        """In the place of `sqlite3.connect`."""
        return Connection(path, self.name)

    def begins_with(self, folder: Path) -> None:
        """These files are on the disk already, all of it synced."""
        for path in durable(folder):
            file = self._make(path.name)
            self.events.append(Event("write", file, data=path.read_bytes()))
            self.events.append(Event("sync", file))
        self.events.append(Event("folder", -1))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While this lasts, `sqlite3.connect` goes through here: a store opens its file itself, with its own settings."""
        usual, sqlite3.connect = sqlite3.connect, self.connection
        try:
            yield
        finally:
            sqlite3.connect = usual

    def xOpen(self, name, flags):
        if name is None:
            return super().xOpen(name, flags)
        path = Path(name if isinstance(name, str) else name.filename())
        if path.name not in self.files:
            self._make(path.name)
        opened = RecordedFile(self, self.files[path.name], name, flags)
        if self.is_new:
            self.is_new = False
            draw_from_zeros()  # not before: the first file of a process makes SQLite draw anew
        return opened

    def _make(self, name: str) -> int:
        self.files[name] = file = sum(event.kind == "make" for event in self.events)
        self.events.append(Event("make", file, name))
        return file

    def xDelete(self, name, sync_folder):
        super().xDelete(name, sync_folder)
        file = self.files.pop(Path(name).name)
        self.events.append(Event("remove", file, Path(name).name))
        if sync_folder:
            self.events.append(Event("folder", -1))


class Zeros(apsw.VFS):
    """Where SQLite takes the seed of the salts in its logs, so that a story makes the same bytes each time."""

    def xRandomness(self, size):
        return bytes(size)


def draw_from_zeros() -> None:
    """SQLite's own random numbers begin anew."""
    zeros = Zeros("zeros", "", makedefault=True)
    apsw.randomness(0)
    apsw.randomness(1)
    zeros.unregister()


def durable(folder: Path) -> list[Path]:
    """The files that can outlive a cut: not the log's index, which is never synced."""
    return sorted(path for path in folder.iterdir() if not path.name.endswith("-shm"))


class RecordedFile(apsw.VFSFile):
    """One open file."""

    def __init__(self, recorder: Recorder, file: int, name, flags) -> None:
        super().__init__("", name, flags)
        self.events, self.file = recorder.events, file
        self.syncs_folder = bool(flags[0] & LOGS)  # as os_unix.c does at the first sync of each log that it opened

    def xWrite(self, data, offset):
        super().xWrite(data, offset)
        self.events.append(Event("write", self.file, offset=offset, data=bytes(data)))

    def xTruncate(self, size):
        super().xTruncate(size)
        self.events.append(Event("truncate", self.file, offset=size))

    def xSync(self, flags):
        super().xSync(flags)
        self.events.append(Event("sync", self.file))
        if self.syncs_folder:
            self.syncs_folder = False
            self.events.append(Event("folder", -1))


class Connection:
    """What the stores use of a `sqlite3.Connection`, from the other library, whose files can be watched."""

    def __init__(self, path: Path, vfs: str) -> None:
        self._db = apsw.Connection(str(path), vfs=vfs)

    def execute(self, sql: str, values: Any = ()) -> "Answer":
        return Answer(self._db.execute(sql, values), self._db.changes(), self._db.last_insert_rowid())

    def executemany(self, sql: str, rows: Iterable[Any]) -> "Answer":
        return Answer(self._db.executemany(sql, rows), self._db.changes(), self._db.last_insert_rowid())

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction

    def close(self) -> None:
        self._db.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the stores use of a `sqlite3.Cursor`."""

    cursor: apsw.Cursor
    rowcount: int
    lastrowid: int

    def fetchone(self) -> Any:
        return self.cursor.fetchone()

    def fetchall(self) -> list[Any]:
        return self.cursor.fetchall()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.cursor)
