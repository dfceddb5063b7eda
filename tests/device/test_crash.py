"""A failure at any step of any transaction leaves no partial effect: nothing is charged that is not in the outbox."""

import shutil
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest

from choral.numerics import SeededEntropy
from choral.storage.device_memory import MemoryDeviceStore
from choral.storage.device_sqlite import SqliteDeviceStore

from .setting import NOW, READY, Desk, agent, agreed, dump, signal, task, typed

KEY = bytes(32)


class PowerCut(Exception):  # noqa: N818
    pass


class FailingStore:
    """A store that fails at its n-th write; `before` is called first, as the last thing that is seen alive."""

    def __init__(self, inner, after, before=lambda: None):
        self.inner, self.left, self.before = inner, after, before

    @contextmanager
    def transaction(self):
        with self.inner.transaction() as tx:
            yield FailingTransaction(tx, self)
            self.count()  # about to commit

    def count(self):
        self.left -= 1
        if self.left < 0:
            self.before()
            raise PowerCut


class FailingTransaction:
    def __init__(self, tx, store):
        self.tx, self.store = tx, store
        self.get, self.scan, self.changes = tx.get, tx.scan, tx.changes

    def put(self, table, key, value):
        self.store.count()
        self.tx.put(table, key, value)

    def delete(self, table, key):
        self.store.count()
        self.tx.delete(table, key)


def setting(store, *, immediate):
    desk = Desk(task(reports_per_day=2, delay_seconds=0))
    device = agreed(desk, signal(immediate=immediate), store=store, entropy=SeededEntropy(3))
    device.record(typed("hello"), NOW)
    return desk, device


def consistent(desk, device):
    reports = device.ledger().use(desk.tasks[0].terms.hash).life_reports
    seen = {one.report for one in device.waiting()} | {one.outgoing.report for one in device.sent()}
    assert len(seen) == reports
    assert set(desk.received) <= seen
    assert device.ledger().account("nobody").life_micro == reports * desk.tasks[0].terms.price_micro
    rows = dump(device.store)
    if reports:
        assert not rows["records"]
        assert not rows["journal"]
    else:
        assert rows["records"] or rows["journal"]
    return reports


@pytest.mark.parametrize("immediate", [True, False])
def test_a_failure_at_every_write_leaves_no_partial_effect(immediate):
    outcomes = []
    for after in range(200):
        store = MemoryDeviceStore()
        desk, device = setting(store, immediate=immediate)
        broken = agent(desk, signal(immediate=immediate), store=FailingStore(store, after), entropy=SeededEntropy(4))
        try:
            broken.tick(NOW, READY)
        except PowerCut:
            outcomes.append(consistent(desk, device))
            device.tick(NOW + timedelta(minutes=5), READY)
            assert consistent(desk, device) > 0
            continue
        break
    assert 0 in outcomes
    assert max(outcomes) > 0
    assert len(outcomes) > 10


def test_a_kill_at_every_write_leaves_a_file_without_partial_effects(tmp_path):
    """The files as a killed process leaves them, copied before each write, opened again and used."""
    alive = tmp_path / "alive"
    for after in range(200):
        shutil.rmtree(alive, ignore_errors=True)
        alive.mkdir()
        store = SqliteDeviceStore(alive / "s", KEY)
        desk, _ = setting(store, immediate=True)
        dead = tmp_path / f"dead{after}"
        failing = FailingStore(store, after, before=lambda dead=dead: shutil.copytree(alive, dead))
        with suppress(PowerCut):
            agent(desk, store=failing, entropy=SeededEntropy(4)).tick(NOW, READY)
        store.close()
        if not dead.exists():
            break
        (dead / "s-shm").unlink(missing_ok=True)
        again = SqliteDeviceStore(dead / "s", KEY)
        device = agent(desk, store=again, entropy=SeededEntropy(5))
        consistent(desk, device)
        device.tick(NOW + timedelta(minutes=5), READY)
        assert consistent(desk, device) > 0
        assert len(set(desk.received)) == 2
        again.close()
    assert after > 10


def test_a_failing_record_keeps_nothing():
    for after in range(20):
        store = MemoryDeviceStore()
        desk = Desk(task())
        agreed(desk, store=store)
        before = dump(store)
        try:
            agent(desk, store=FailingStore(store, after)).record(typed("hello"), NOW)
        except PowerCut:
            assert dump(store) == before
            continue
        assert after > 1
        break
