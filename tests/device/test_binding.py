"""No row that decides what may leave can be put back: what the ledger's digest does not know makes a device start over."""

import sqlite3

import pytest

from choral.device.upkeep import BOUND
from choral.errors import ConsentMissing
from choral.storage.device_memory import MemoryDeviceStore
from choral.storage.device_sqlite import SqliteDeviceStore

from .setting import NOW, READY, Desk, agent, agreed, task, typed

KEY = bytes(range(32))


def rows_of(path, table):
    with sqlite3.connect(path) as db:
        return db.execute("SELECT space, name, sealed FROM row WHERE space = ?", (table,)).fetchall()


def put_back(path, rows):
    with sqlite3.connect(path) as db:
        db.executemany("REPLACE INTO row VALUES (?, ?, ?)", rows)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.sqlite"


def opened(desk, path, **changes):
    return agent(desk, store=SqliteDeviceStore(path, KEY), **changes)


@pytest.mark.parametrize("table", ["consents", "outbox"])
def test_a_row_put_back_after_a_withdrawal_is_worth_nothing(table, path):
    desk = Desk(task())
    device = agreed(desk, store=SqliteDeviceStore(path, KEY))
    device.record(typed("hello"), NOW)
    device.tick(NOW, READY)
    name, paid = device.offers()[0].terms_hash, device.ledger().accounts
    stolen = rows_of(path, table)
    assert stolen
    device.withdraw(name)
    device.store.close()
    put_back(path, stolen)
    later = opened(desk, path)
    assert not any(offer.agreed for offer in later.offers())
    assert later.waiting() == ()
    with pytest.raises(ConsentMissing):
        later.record(typed("hello"), NOW)
    kinds = [step.kind for step in later.tick(NOW + (NOW - NOW.replace(hour=0)), READY)]
    assert kinds == ["restored"]
    assert (desk.received, later.ledger().accounts) == ([], paid)


@pytest.mark.parametrize("table", BOUND)
def test_each_bound_row_of_an_hour_ago_is_noticed_also_while_the_store_is_open(table, path):
    desk = Desk(task(delay_seconds=0))
    device = agreed(desk, store=SqliteDeviceStore(path, KEY))
    device.record(typed("hello"), NOW)
    before = {name: rows_of(path, name) for name in BOUND}
    device.tick(NOW, READY)
    if table in ("outbox", "tokens"):  # rows that came and went, or were never here: one from elsewhere stands in
        before[table] = [(table, b"elsewhere", before["consents"][0][2])]
    if not before[table] or before[table] == rows_of(path, table):  # nothing older to put back: leave out what is there
        with sqlite3.connect(path) as db:
            db.execute("DELETE FROM row WHERE space = ?", (table,))
        before[table] = []
    put_back(path, before[table])
    if table in ("outbox", "tokens"):
        with pytest.raises(Exception, match="does not open"):
            device.tick(NOW, READY)
        return
    [step] = [step for step in device.tick(NOW, READY) if step.kind == "restored"]
    assert "put back or changed from outside" in step.text
    assert not any(offer.agreed for offer in device.offers())


def test_two_programs_that_share_a_store_trust_each_other(path):
    desk = Desk(task())
    one, other = agreed(desk, store=SqliteDeviceStore(path, KEY)), opened(desk, path)
    for number in range(3):
        one.record(typed(f"{number}"), NOW)
        other.record(typed(f"{number}!"), NOW)
    assert [offer.agreed for offer in other.offers()] == [True]
    assert "restored" not in [step.kind for device in (other, one) for step in device.tick(NOW, READY)]
    assert len(one.waiting()) == 1


def test_a_store_of_a_version_that_bound_nothing_keeps_only_what_was_paid():
    desk = Desk(task())
    device = agreed(desk, store=MemoryDeviceStore())
    device.tick(NOW, READY)
    paid = device.ledger().accounts
    with device.store.transaction() as tx:
        tx.delete("binding", b"")
    later = agent(desk, store=device.store)
    assert later.offers() == ()
    assert later.ledger().accounts == paid
    [step, *_] = later.tick(NOW, READY)
    assert step.kind == "restored"
    later.refresh(NOW)
    later.agree(later.offers()[0].terms_hash, NOW)
    assert later.offers()[0].agreed
