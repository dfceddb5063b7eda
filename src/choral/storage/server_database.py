"""What the SQL of the server's store needs of a database. The SQL is one for all: no word of one dialect stands in it.

Placeholders are `?`, or `:name` with a mapping; bytes, integers, floats and text are bound, never written into statements.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Values = Sequence[Any] | Mapping[str, Any]


class Cursor(Protocol):
    """What a statement answered."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    def fetchone(self) -> Any:
        """The next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...


class Connection(Protocol):
    """A transaction that is open."""

    def execute(self, sql: str, values: Values = (), /) -> Cursor:
        """One statement."""
        ...

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]], /) -> Cursor:
        """The same statement for each row."""
        ...


class Database(Protocol):
    """Where the tables are. Many threads may use one object."""

    @property
    def place(self) -> str:
        """What people call it; no secret."""
        ...

    def read(self, sql: str, *values: Any) -> list[Any]:
        """All rows of the answer."""
        ...

    def transaction(self) -> AbstractContextManager[Connection]:
        """All of the block or nothing of it, after all others that write and before the next; durable at its end."""
        ...

    def tidy(self) -> None:
        """Take what was erased out of the files too, as far as this database can."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
