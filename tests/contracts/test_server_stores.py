"""Every server store keeps the same promises; the SQLite one also when it is killed between two statements."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from choral.storage import MemoryServerStore, OpeningRow, SqliteServerStore, check_server_store, server_schema
from choral.storage import server_postgres_schema as postgres_schema
from choral.storage.server_contract_parts import CLOSES, TASK, arrival, keep_task
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


@pytest.fixture(params=["sqlite", "postgres"])
def shared(request, tmp_path):
    """What opens the same tables again, as other processes would; and the schema that they have."""
    if request.param == "sqlite":
        return partial(SqliteServerStore, tmp_path / "store.sqlite"), server_schema
    postgres = request.getfixturevalue("postgres")
    return partial(PostgresServerStore, postgres.url, schema=postgres.schema()), postgres_schema


def test_a_round_that_an_earlier_version_opened_keeps_its_chance(shared, monkeypatch):
    make, schema = shared
    said = replace(arrival(1), slot=replace(arrival(1).slot, chance=77))
    with monkeypatch.context() as earlier, closing(make_earlier(make, schema, earlier)) as old:
        keep_task(old)
        old.add([said])
    with closing(make()) as store:
        assert store.opening(TASK, 0) is None
        opening = store.open_round(replace(said.slot, chance=88), 60, b"params")
    assert opening == OpeningRow(60, 77, CLOSES, b"params")
    with closing(make()) as store:
        assert store.opening(TASK, 0) == opening


def make_earlier(make, schema, earlier):
    earlier.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:-1])
    return make()


def test_whoever_opens_a_round_first_settles_it_for_all_processes(shared):
    make, _ = shared
    stores = [make() for _ in range(3)]
    keep_task(stores[0])
    slots = [replace(arrival(1).slot, chance=number + 1) for number in range(24)]
    with ThreadPoolExecutor(12) as pool:
        told = [
            pool.submit(stores[number % 3].open_round, slot, 60 * number, bytes([number])) for number, slot in enumerate(slots)
        ]
        found = {one.result() for one in told}
    (opening,) = found
    assert (60 * (opening.chance - 1), bytes([opening.chance - 1])) == (opening.issued, opening.params), "nothing is mixed"
    assert {store.opening(TASK, 0) for store in stores} == found
    for store in stores:
        store.close()
