"""A server's store in PostgreSQL: for several server processes, on one machine or many, over one set of tables.

Knows connections, the lock of writers, and what PostgreSQL's errors mean. Leaves to server_sql.py what is written, and to
server_postgres_schema.py the tables. Needs psycopg (the `postgres` extra).
"""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import psycopg
from psycopg import conninfo, sql

from choral.errors import StoreError
from choral.storage.server import StorageFull
from choral.storage.server_database import Connection, Cursor, Values
from choral.storage.server_postgres_schema import LOCK_FAMILY, TABLES_TO_TIDY, migrate
from choral.storage.server_sql import SqlServerStore

SCHEMA = "choral"
LOCK_SECONDS = 60  # for the lock of writers; and how long one that says nothing may hold it
LINE: dict[str, str | int | None] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "tcp_user_timeout": 60_000,
    "application_name": "choral",
}
NAMED = re.compile(r":([a-z]+)")
FULL = "53100"  # SQLSTATE disk_full
Session = psycopg.Connection[Any]
Answer = TypeVar("Answer")


class PostgresServerStore(SqlServerStore):
    """The store in the database at `url`, in tables of its own schema, which are made if they are missing.

    url: "postgresql://user@host/database", or what else libpq takes; statements: how they are run, for stores that must be
    checked under faults. StoreError if it cannot be reached, or if what is there is not a store of this program.
    """

    def __init__(self, url: str, *, schema: str = SCHEMA, statements: Callable[[Session], Connection] | None = None) -> None:
        super().__init__(Postgres(url, schema, statements or Statements))


class Postgres:
    """A connection that writes and one that reads. One transaction writes at a time, in all processes together."""

    def __init__(self, url: str, schema: str, statements: Callable[[Session], Connection]) -> None:
        self.place, settings = _settings(url, schema)
        self._statements = statements
        self._lock = sql.SQL("SELECT pg_advisory_xact_lock({}, hashtext({}))").format(LOCK_FAMILY, schema)
        self._writer, self._reader = Line(settings), Line(settings)
        with self._told(), ExitStack() as refused:
            refused.callback(self.close)
            self._writer.run(lambda session: migrate(session, schema))
            refused.pop_all()

    def read(self, statement: str, *values: Any) -> list[Any]:
        """All rows of the answer."""
        with self._told(), self._reader.mine:
            return self._reader.run(lambda session: session.execute(translated(statement), values).fetchall())

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All of the block or nothing of it, after all others that write and before the next; durable at its end."""
        with self._told(), self._writer.mine, ExitStack() as open_:
            yield self._statements(self._writer.run(lambda session: self._begun(session, open_)))

    def tidy(self) -> None:
        """Give the pages of erased rows back, unless somebody else does just now; then the next time does."""
        with self._told(), self._writer.mine:
            self._writer.run(lambda session: session.execute(f"VACUUM (SKIP_LOCKED) {TABLES_TO_TIDY}"))

    def close(self) -> None:
        """Let go of the connections."""
        for line in (self._writer, self._reader):
            with line.mine:
                line.close()

    def _begun(self, session: Session, open_: ExitStack) -> Session:
        """A transaction that has the lock of writers, and ends with `open_`."""
        with ExitStack() as begun:
            begun.enter_context(session.transaction())
            session.execute(self._lock)
            open_.push(begun.pop_all())
        return session

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise _store_error(error, self.place) from error


class Line:
    """A connection that is made when it is needed, and anew where it broke while nobody used it. `mine`: who holds it"""

    def __init__(self, settings: str) -> None:
        self.mine = threading.Lock()
        self._settings = settings
        self._session: Session | None = None

    def run(self, act: Callable[[Session], Answer]) -> Answer:
        """What `act` answers, which must leave nothing behind where it fails: it may be called again on a new connection."""
        session = self._open()
        try:
            return act(session)
        except psycopg.OperationalError:
            if not session.broken:
                raise
        return act(self._open())

    def close(self) -> None:
        """Let go of the connection."""
        if self._session is not None:
            self._session.close()

    def _open(self) -> Session:
        if self._session is None or self._session.closed:
            self._session = psycopg.connect(self._settings, autocommit=True)
        return self._session


class Statements:
    """A transaction's connection that takes statements as server_database.py has them."""

    def __init__(self, connection: Session) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Values = (), /) -> Cursor:
        """One statement."""
        return self._connection.execute(translated(statement), values)

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]], /) -> Cursor:
        """The same statement for each row."""
        cursor = self._connection.cursor()
        cursor.executemany(translated(statement), rows)
        return cursor


@lru_cache(256)
def translated(statement: str) -> bytes:
    """The statement with psycopg's placeholders."""
    return NAMED.sub(r"%(\1)s", statement.replace("?", "%s")).encode()


def _settings(url: str, schema: str) -> tuple[str, str]:
    """What the database is called in messages, without a password, and how it is connected to."""
    limits = ("lock_timeout", "idle_in_transaction_session_timeout")
    wanted = {"search_path": schema, "synchronous_commit": "on", "default_transaction_isolation": r"read\ committed"}
    wanted |= dict.fromkeys(limits, f"{LOCK_SECONDS}s")
    options = " ".join(f"-c {name}={value}" for name, value in wanted.items())
    try:
        given = conninfo.conninfo_to_dict(url)
        settings = conninfo.make_conninfo(url, options=options, **LINE)
    except psycopg.Error:  # whose words repeat what was given, perhaps a password
        raise StoreError(
            "the address of the database cannot be read; give one such as postgresql://user@host/database"
        ) from None
    named = [f"{name} {given[name]!r}" for name in ("dbname", "host", "port") if given.get(name)]
    return f"the PostgreSQL database ({', '.join(named) or 'as the environment names it'})", settings


def _store_error(error: psycopg.Error, where: str) -> StoreError:
    """What `error` means for whoever runs the server, in words that say what to do."""
    if error.sqlstate == FULL:
        return StorageFull(f"the disk of {where} is full; free some space, the server goes on by itself")
    said = str(error).strip().splitlines() or [type(error).__name__]
    return StoreError(f"{where} cannot be used now ({error.sqlstate or type(error).__name__}: {said[0]})")
