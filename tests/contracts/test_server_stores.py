"""Every server store keeps the same promises; the SQLite one also when it is killed between two statements."""

import sqlite3
from itertools import count

from choral.storage import MemoryServerStore, SqliteServerStore, check_server_store
from choral.storage.server_postgres import PostgresServerStore
from choral.storage.server_schema import APPLICATION_ID, MIGRATIONS


def test_the_memory_store_keeps_the_contract():
    check_server_store(MemoryServerStore)


def test_the_sqlite_store_keeps_the_contract(tmp_path):
    numbers = count()
    check_server_store(lambda: SqliteServerStore(tmp_path / f"{next(numbers)}.sqlite"))


def test_the_postgres_store_keeps_the_contract(postgres):
    check_server_store(lambda: PostgresServerStore(postgres.url, schema=postgres.schema()))


def test_a_store_of_an_earlier_version_is_brought_forward_with_what_it_holds(tmp_path):
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as old:
        for statement in MIGRATIONS[0].split(";"):
            old.execute(statement)
        old.execute("INSERT INTO task VALUES (x'74', 'emoji', 9, x'73', 4, x'65')")
        old.execute(
            "INSERT INTO batch (task, round, state, reports, minimum, goal, closes, erase_by) VALUES (x'74',4,'open',2,1,9,8,9)"
        )
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute("PRAGMA user_version = 1")
    old.close()
    store = SqliteServerStore(path)
    task, (batch,) = store.task(b"t"), store.batches(b"t")
    assert (task.round, task.state, task.revision, task.version) == (4, b"e", 0, 0)
    assert (batch.reports, batch.chance, batch.late, batch.streams, batch.cut_at) == (2, 0, 0, False, 0)
    assert store.versions(b"t") == store.audit(b"t") == ()
    store.close()
