"""What a device must not forget, as small ordered tables of bytes, and the interface of everything that can keep them.

Knows tables, keys and values. Leaves to the device room what a row is for. A transaction happens whole or not at all,
also when the process is killed within it, and is durable once it is over.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol


class DeviceTransaction(Protocol):
    """One transaction: reads see its own writes; nobody else sees them before it is over."""

    def get(self, table: str, key: bytes) -> bytes | None:
        """The value, or None."""
        ...

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Keep the value, in place of an earlier one."""
        ...

    def delete(self, table: str, key: bytes) -> None:
        """Let go of the value, if there is one."""
        ...

    def scan(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """All keys and values of the table as they are now, in the order of the keys; writing meanwhile is allowed."""
        ...

    def changes(self) -> int:
        """A number that is another one once anybody else has written: through another connection, or in another process."""
        ...


class DeviceStore(Protocol):
    """Tables of one device. Threads may share a store: they wait for each other's transactions."""

    def transaction(self) -> AbstractContextManager[DeviceTransaction]:
        """A transaction; an exception inside it undoes all of it. A second one within it is a ValueError."""
        ...

    def shred(self) -> None:
        """Make what was deleted unreadable, in files and in older copies of them, as far as the store can."""
        ...

    def close(self) -> None:
        """Let go of files; the store is not used afterwards."""
        ...
