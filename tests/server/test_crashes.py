"""A duty that dies between any two statements leaves what another worker can finish, with the same outcome.

The store is opened with a connection that stops working at its n-th statement, as it does when the process is killed:
nothing is rolled back by hand, the file is opened anew, and the duties are run to their end.
"""

import sqlite3
from pathlib import Path

import pytest

from choral.errors import ChoralError
from choral.storage import SqliteServerStore
from choral.storage.server_schema import connect
from tests.server.deaths import BODIES, TASK, outcome, prepare
from tests.server.house import House, make_task, report


class Killed(BaseException):
    """The process is no more."""


class Fragile(sqlite3.Connection):
    """Dies before its n-th statement after `left` was set, and stays dead."""

    left: int | None = None

    def execute(self, *arguments):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed
        return super().execute(*arguments)


def fragile(path):
    connect(path).close()
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Fragile)
    for pragma in ("synchronous = FULL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def ready(path, duty):
    """A store in which the next piece of work is `duty`."""
    path.unlink(missing_ok=True)
    house = House(SqliteServerStore(path))
    prepare(house, duty)
    house.store.close()
    return house


@pytest.mark.parametrize("duty", ["shuffle", "release", "close"])
def test_a_duty_that_dies_at_any_statement_is_finished_by_the_next_worker_once(duty, tmp_path):
    path = tmp_path / "store.sqlite"
    house = ready(path, duty)
    house.store = SqliteServerStore(path)
    expected = outcome(house)
    assert len(expected[6]) == (duty != "close")
    statements, died = 0, True
    while died:
        house = ready(path, duty)
        house.store = SqliteServerStore(path, connect=fragile)
        house.store._database._writer.left = statements
        died = _dies(getattr(house, duty))
        house.store._database._writer.left = None
        house.store._database._reader.close()
        house.store._database._writer.close()
        house.store = SqliteServerStore(path)
        assert outcome(house) == expected, f"killed before statement {statements} of {duty}"
        statements += 1
    assert statements > 5


def _dies(act):
    try:
        act()
    except Killed:
        return True
    return False


def test_reports_whose_commit_died_are_gone_or_there_and_can_be_sent_again(tmp_path):
    path = tmp_path / "store.sqlite"
    for statement in range(12):
        ready(path, "close")
        house = House(SqliteServerStore(path, connect=fragile))
        house.store._database._writer.left = statement
        died = _dies(lambda house=house: house.ingest(BODIES[2:4]))
        house.store._database._writer.left = None
        house.store._database._reader.close()
        house.store._database._writer.close()
        house = House(SqliteServerStore(path))
        assert house.store.batch(TASK.hash, 0).reports in (2, 3, 4)
        house.ingest(BODIES[:4])
        assert house.store.batch(TASK.hash, 0).reports == 4
        house.store.close()
    assert not died


class CutOff:
    """A store that fails at the n-th call, as one does whose disk is pulled."""

    def __init__(self, store, calls):
        self._store, self._left = store, calls

    def __getattr__(self, name):
        self._left -= 1
        if self._left < 0:
            raise Killed
        return getattr(self._store, name)


@pytest.mark.parametrize("duty", ["shuffle", "release"])
def test_a_duty_that_dies_between_two_calls_of_the_store_is_finished_once(duty):
    calls, died = 0, True
    while died:
        house = House()
        house.publish(TASK)
        house.ingest(BODIES)
        if duty == "release":
            house.shuffle()
        whole = house.store
        house.store = CutOff(whole, calls)
        died = _dies(getattr(house, duty))
        house.store = whole
        house.second += 3_600
        while house.shuffle() or house.release():
            pass
        assert [row.reports for row in house.store.releases()] == [5]
        calls += 1
    assert calls > 3


def test_a_store_that_is_full_keeps_nothing_says_so_and_goes_on(tmp_path):
    house = House(SqliteServerStore(tmp_path / "store.sqlite"))
    task = make_task(goal=10_000)
    house.publish(task)
    pages = house.store._database._writer.execute("PRAGMA page_count").fetchone()[0]
    house.store._database._writer.execute(f"PRAGMA max_page_count = {pages + 3}")
    bodies = [report(task, number) for number in range(60)]
    answers = [house.ask("POST", "/v1/reports", content=body) for body in bodies]
    kept = [body for body, answer in zip(bodies, answers, strict=True) if answer.status_code == 204]
    full = [answer for answer in answers if answer.status_code != 204]
    assert full
    assert {answer.status_code for answer in full} == {507}
    assert {answer.json()["type"] for answer in full} == {"urn:choral:problem:storage-full"}
    assert house.store.batch(task.hash, 0).reports == len(kept)
    house.store._database._writer.execute("PRAGMA max_page_count = 1073741823")
    assert {house.ask("POST", "/v1/reports", content=body).status_code for body in bodies} == {204}
    assert house.store.batch(task.hash, 0).reports == 60


def test_a_store_with_a_damaged_page_is_refused_as_it_is_opened(tmp_path):
    path = tmp_path / "store.sqlite"
    ready(path, "shuffle")
    whole = path.read_bytes()
    path.write_bytes(whole[:4_096] + b"\xff" * 4_096 + whole[8_192:])
    with pytest.raises(ChoralError, match="damaged"):
        SqliteServerStore(path)


@pytest.mark.parametrize("damage", [b"not a database" * 100, None])
def test_a_damaged_or_foreign_or_newer_store_is_refused_by_name(damage, tmp_path):
    path = tmp_path / "store.sqlite"
    if damage:
        path.write_bytes(damage)
        with pytest.raises(ChoralError, match="damaged"):
            SqliteServerStore(path)
        assert path.read_bytes() == damage
        return
    with sqlite3.connect(path) as foreign:
        foreign.execute("CREATE TABLE other (x)")
    foreign.close()
    with pytest.raises(ChoralError, match="not a store"):
        SqliteServerStore(path)
    path.unlink()
    SqliteServerStore(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(ChoralError, match="update choral"):
        SqliteServerStore(path)


def test_the_life_of_every_table_is_written_down():
    page = (Path(__file__).parents[2] / "docs" / "data_model.md").read_text()
    store = connect(Path(":memory:"))
    tables = [name for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    store.close()
    assert tables
    assert not [name for name in tables if f"### `{name}`" not in page]
