"""The store in PostgreSQL under faults: backends that end at any statement, restarts, locks, full disks, foreign tables."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from choral.errors import StoreError
from choral.storage import server_postgres as module
from choral.storage.server_postgres import PostgresServerStore, Statements, translated
from choral.storage.server_postgres_schema import LOCK_FAMILY
from tests.server.deaths import BODIES, TASK, outcome, prepare
from tests.server.house import House, make_task, report
from tests.world.stories import live, ops


@contextmanager
def session(postgres, schema):
    """A connection of somebody else."""
    with psycopg.connect(make_conninfo(postgres.url, options=f"-c search_path={schema}"), autocommit=True) as connection:
        yield connection


def end_backends(postgres, name="choral"):
    with psycopg.connect(postgres.url, autocommit=True) as rival:
        rival.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (name,))


class Ending(Statements):
    """Its backend is ended before the n-th statement after `left` was set."""

    left = None
    url = ""

    def execute(self, *arguments):
        if Ending.left is not None:
            Ending.left -= 1
            if Ending.left == -1:
                pid = self._connection.info.backend_pid
                with psycopg.connect(Ending.url, autocommit=True) as rival:
                    rival.execute("SELECT pg_terminate_backend(%s)", (pid,))
        return super().execute(*arguments)


def ready(postgres, duty):
    """A store of its own in which the next piece of work is `duty`."""
    house = House(PostgresServerStore(postgres.url, schema=postgres.schema(), statements=Ending))
    prepare(house, duty)
    return house


@pytest.mark.parametrize("duty", ["shuffle", "release", "close", "ingest"])
def test_a_backend_that_ends_at_any_statement_leaves_what_the_same_store_finishes_once(duty, postgres):
    Ending.url, Ending.left = postgres.url, None
    whole = ready(postgres, duty)
    whole.ingest(BODIES if duty == "ingest" else [])
    expected = outcome(whole)
    statements, ended = 0, True
    while ended:
        house = ready(postgres, duty)
        Ending.left = statements
        with suppress(StoreError):
            house.ingest(BODIES[2:4]) if duty == "ingest" else getattr(house, duty)()
        ended, Ending.left = Ending.left < 0, None
        house.ingest(BODIES if duty == "ingest" else [])
        assert outcome(house) == expected, f"ended before statement {statements} of {duty}"
        statements += 1
    assert statements > (2 if duty == "ingest" else 4)


@settings(max_examples=4)
@given(story=st.lists(ops, min_size=30, max_size=40))
def test_every_promise_holds_with_the_store_in_postgres(story, postgres):
    schema = postgres.schema()
    live(story, "found-in-postgres", open_store=lambda: PostgresServerStore(postgres.url, schema=schema))


def test_reports_of_many_writers_count_once_while_backends_end(postgres):
    schema = postgres.schema()
    stores = [PostgresServerStore(postgres.url, schema=schema) for _ in range(3)]
    task = make_task(goal=10_000)
    House(stores[0]).publish(task)
    bodies = [report(task, number) for number in range(120)]
    done = threading.Event()

    def send(number):
        house = House(stores[number % 3])
        for body in bodies[number::6] + bodies[number::7]:
            while True:
                try:
                    house.ingest([body])
                    break
                except StoreError:
                    continue

    def end():
        while not done.wait(0.05):
            end_backends(postgres)

    ending = threading.Thread(target=end)
    ending.start()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(send, range(6)))
    done.set()
    ending.join()
    row = stores[1].batch(task.hash, 0)
    kept = list(stores[2].sealed(row))
    assert (row.reports, len(kept), set(kept)) == (120, 120, set(bodies))
    for store in stores:
        store.close()


def test_a_store_goes_on_after_a_crash_of_the_database(postgres):
    house = House(PostgresServerStore(postgres.url, schema=postgres.schema()))
    house.publish(TASK)
    house.ingest(BODIES[:2])
    postgres.stop("immediate")
    with pytest.raises(StoreError, match=r"goes on by itself|cannot be used now"):
        house.ingest(BODIES[2:])
    postgres.start()
    house.ingest(BODIES)
    assert house.store.batch(TASK.hash, 0).reports == len(BODIES)
    house.store.close()


@pytest.mark.parametrize(("code", "problem"), [("53100", "storage-full"), ("40001", "unavailable"), ("40P01", "unavailable")])
def test_what_the_database_refuses_is_kept_nowhere_and_can_be_sent_again(code, problem, postgres):
    """A full disk, a serialization failure, a deadlock, each as PostgreSQL reports it, at the insert of a report."""
    schema = postgres.schema()
    house = House(PostgresServerStore(postgres.url, schema=schema))
    house.publish(TASK)
    with session(postgres, schema) as other:
        other.execute(
            f"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'planted' USING ERRCODE = '{code}'; END $$"
        )
        other.execute("CREATE TRIGGER fails BEFORE INSERT ON report FOR EACH ROW EXECUTE FUNCTION fail()")
        answer = house.ask("POST", "/v1/reports", content=BODIES[0])
        assert answer.json()["type"] == f"urn:choral:problem:{problem}"
        assert house.store.batches(TASK.hash) == ()
        other.execute("DROP TRIGGER fails ON report")
    assert house.ask("POST", "/v1/reports", content=BODIES[0]).status_code == 204
    assert house.store.batch(TASK.hash, 0).reports == 1
    house.store.close()


def test_a_writer_that_is_kept_waiting_says_so_and_keeps_nothing(postgres, monkeypatch):
    monkeypatch.setattr(module, "LOCK_SECONDS", 1)
    schema = postgres.schema()
    house = House(PostgresServerStore(postgres.url, schema=schema))
    house.publish(TASK)
    with session(postgres, schema) as rival, rival.transaction():
        rival.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (LOCK_FAMILY, schema))
        with pytest.raises(StoreError, match=r"55P03.*lock timeout"):
            house.ingest(BODIES[:1])
        assert house.store.batches(TASK.hash) == ()
    house.ingest(BODIES[:1])
    assert house.store.batch(TASK.hash, 0).reports == 1
    house.store.close()


def test_no_connection_left_is_an_error_that_passes(postgres):
    house = House(PostgresServerStore(postgres.url, schema=postgres.schema()))
    house.publish(TASK)
    end_backends(postgres)
    with ExitStack() as others, suppress(psycopg.OperationalError):
        for _ in range(100):
            others.enter_context(psycopg.connect(postgres.url))
        with pytest.raises(StoreError, match=r"cannot be used now.*too many clients"):
            house.ingest(BODIES[:1])
    house.ingest(BODIES[:1])
    assert house.store.batch(TASK.hash, 0).reports == 1
    with ThreadPoolExecutor(40) as pool:
        assert set(pool.map(lambda _: house.store.task(TASK.hash).hash, range(400))) == {TASK.hash}
    house.store.close()


def test_servers_that_start_together_make_the_tables_once(postgres):
    schema = postgres.schema()
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: PostgresServerStore(postgres.url, schema=schema), range(6)))
    House(stores[0]).publish(TASK)
    assert [len(store.tasks()) for store in stores] == [1] * 6
    for store in stores:
        store.close()


def test_foreign_tables_and_a_newer_store_are_refused_by_name_and_left_as_they_are(postgres):
    schema = postgres.schema()
    with session(postgres, schema) as other:
        other.execute(f"CREATE SCHEMA {schema}")
        other.execute("CREATE TABLE theirs (x int)")
        with pytest.raises(StoreError, match=r"not choral's \(theirs\); name another database"):
            PostgresServerStore(postgres.url, schema=schema)
        other.execute("DROP TABLE theirs")
        PostgresServerStore(postgres.url, schema=schema).close()
        other.execute("UPDATE choral_store SET version = 99")
    with pytest.raises(StoreError, match="update choral, nothing was changed"):
        PostgresServerStore(postgres.url, schema=schema)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://me:hush-hush@127.0.0.1:1/none", "refused"),
        ("postgresql://me:hush-hush@nowhere.invalid/none", "nowhere.invalid"),
        ("postgres//me:hush-hush", "cannot be read"),
        ("password=hush-hush host", "cannot be read"),
    ],
)
def test_an_address_that_leads_nowhere_is_an_error_without_its_password(url, told):
    with pytest.raises(StoreError, match=told) as caught:
        PostgresServerStore(url)
    assert "hush" not in str(caught.value)


def test_placeholders_are_psycopgs():
    assert translated("SELECT a FROM b WHERE c = ? AND d <= :now AND e = ?") == (
        b"SELECT a FROM b WHERE c = %s AND d <= %(now)s AND e = %s"
    )
