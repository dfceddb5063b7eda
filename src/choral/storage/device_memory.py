"""A device's store in memory: for simulations and tests, with the same rules as the one on disk."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

Tables = dict[str, dict[bytes, bytes]]


class MemoryDeviceStore:
    """Tables that live as long as the process.

    >>> store = MemoryDeviceStore()
    >>> with store.transaction() as tx:
    ...     tx.put("ledger", b"nobody", b"4")
    >>> with store.transaction() as tx:
    ...     tx.get("ledger", b"nobody")
    b'4'
    """

    __slots__ = ("_lock", "_open", "_tables", "_writes")

    def __init__(self) -> None:
        self._tables: Tables = {}
        self._lock = threading.RLock()
        self._open = False
        self._writes = 0

    @contextmanager
    def transaction(self) -> Iterator["MemoryTransaction"]:
        """A transaction; an exception inside it undoes all of it."""
        with self._lock:
            if self._open:
                raise ValueError("a transaction is open in this thread already; end it first")
            self._open = True
            changes = MemoryTransaction(self._tables, self._writes)
            try:
                yield changes
                self._writes = changes.changes()
            except BaseException:
                changes.undo()
                raise
            finally:
                self._open = False

    def shred(self) -> None:
        """Nothing of what was deleted is left: memory holds no older copies."""

    def close(self) -> None:
        """Nothing to let go of."""


class MemoryTransaction:
    """Writes at once and remembers what was there before."""

    __slots__ = ("_before", "_number", "_tables")

    def __init__(self, tables: Tables, number: int = 0) -> None:
        self._tables = tables
        self._number = number
        self._before: dict[str, dict[bytes, bytes | None]] = defaultdict(dict)

    def get(self, table: str, key: bytes) -> bytes | None:
        """The value, or None."""
        return self._tables.get(table, {}).get(key)

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Keep the value."""
        self._remember(table, key)
        self._tables.setdefault(table, {})[key] = value

    def delete(self, table: str, key: bytes) -> None:
        """Let go of the value."""
        self._remember(table, key)
        self._tables.get(table, {}).pop(key, None)

    def scan(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """All keys and values, in the order of the keys."""
        return iter(sorted(self._tables.get(table, {}).items()))

    def changes(self) -> int:
        """How many transactions wrote something, this one included."""
        return self._number + bool(self._before)

    def undo(self) -> None:
        """Put everything back as it was."""
        for table, rows in self._before.items():
            for key, value in rows.items():
                if value is None:
                    self._tables.get(table, {}).pop(key, None)
                else:
                    self._tables[table][key] = value

    def _remember(self, table: str, key: bytes) -> None:
        self._before[table].setdefault(key, self.get(table, key))
