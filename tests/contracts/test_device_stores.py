"""Every device store keeps the same rules."""

from itertools import count

import pytest

from choral.storage import DeviceStore, MemoryDeviceStore, SqliteDeviceStore, check_device_store
from choral.storage.device_memory import MemoryTransaction


def test_the_memory_store_keeps_every_rule():
    check_device_store(MemoryDeviceStore)


def test_the_sqlite_store_keeps_every_rule(tmp_path):
    numbers = count()
    check_device_store(lambda: SqliteDeviceStore(tmp_path / f"{next(numbers)}.sqlite", bytes(32), renew=lambda: b"k" * 32))


def test_the_contract_notices_a_store_that_does_not_undo(monkeypatch):
    monkeypatch.setattr(MemoryTransaction, "undo", lambda self: None)
    with pytest.raises(AssertionError, match="undo the whole transaction"):
        check_device_store(MemoryDeviceStore)


def test_the_contract_notices_a_store_without_order():
    class Unordered(MemoryDeviceStore):
        def transaction(self):
            return _Unordered(super().transaction())

    class _Unordered:
        def __init__(self, inner):
            self.inner = inner

        def __enter__(self):
            tx = self.inner.__enter__()
            self.tx = tx
            return self

        def __exit__(self, *error):
            return self.inner.__exit__(*error)

        def __getattr__(self, name):
            return getattr(self.tx, name)

        def scan(self, table):
            return reversed(list(self.tx.scan(table)))

    with pytest.raises(AssertionError, match="order of the keys"):
        check_device_store(Unordered)


def test_both_stores_fit_the_protocol(tmp_path):
    stores: list[DeviceStore] = [MemoryDeviceStore(), SqliteDeviceStore(tmp_path / "store.sqlite", bytes(32))]
    for store in stores:
        store.close()
