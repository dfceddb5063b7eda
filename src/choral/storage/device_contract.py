"""What every device store must pass. `check_device_store(make)` raises AssertionError naming the rule that fails.

A plug-in's own tests call it; ours do so for memory and SQLite. Power cuts and kills are beyond a function in one
process: a store on disk also needs a test that opens a copy of its files taken in the middle of a transaction.
"""

import threading
from collections.abc import Callable

from choral.storage.device import DeviceStore

KEYS = (b"", b"\0", b"a", b"a\0", b"ab", b"b", bytes(range(256)))
ODD_VALUES = (b"", b"\0", b"x" * 63, b"x" * 64, b"x" * 65, bytes(range(256)) * 300)


class _Stop(Exception):  # noqa: N818  # not an error: it ends a transaction
    pass


def check_device_store(make: Callable[[], DeviceStore]) -> None:
    """Every rule, each on a fresh empty store from `make`."""
    for rule in (_keeps_values, _orders_keys, _separates_tables, _undoes_everything, _refuses_nesting, _survives_shredding):
        store = make()
        try:
            rule(store)
        finally:
            store.close()
    _counts_under_threads(make())


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise AssertionError(rule)


def _dump(store: DeviceStore, table: str) -> list[tuple[bytes, bytes]]:
    with store.transaction() as tx:
        return list(tx.scan(table))


def _keeps_values(store: DeviceStore) -> None:
    for value in ODD_VALUES:
        with store.transaction() as tx:
            tx.put("t", b"k", value)
            _require(tx.get("t", b"k") == value, "a transaction must see its own writes")
        with store.transaction() as tx:
            _require(tx.get("t", b"k") == value, f"a value of {len(value)} bytes must come back as it was")
            _require(tx.get("t", b"other") is None, "a missing key must give None")
            tx.delete("t", b"k")
            tx.delete("t", b"never there")
            _require(tx.get("t", b"k") is None, "a deleted value must be gone")
    _require(_dump(store, "t") == [], "nothing may be left of what was deleted")


def _orders_keys(store: DeviceStore) -> None:
    with store.transaction() as tx:
        for key in reversed(KEYS):
            tx.put("t", key, b"v" + key)
        for key, _ in tx.scan("t"):
            tx.delete("t", key)
            tx.put("t", key, b"w" + key)
    _require(_dump(store, "t") == [(key, b"w" + key) for key in sorted(KEYS)], "a scan must go in the order of the keys")


def _separates_tables(store: DeviceStore) -> None:
    with store.transaction() as tx:
        tx.put("t", b"k", b"1")
        tx.put("u", b"k", b"2")
    _require(_dump(store, "t") == [(b"k", b"1")] and _dump(store, "u") == [(b"k", b"2")], "tables must not mix")
    _require(_dump(store, "empty") == [], "a table that was never written must be empty")


def _undoes_everything(store: DeviceStore) -> None:
    with store.transaction() as tx:
        tx.put("t", b"kept", b"1")
        tx.put("t", b"changed", b"1")
    try:
        with store.transaction() as tx:
            tx.put("t", b"new", b"2")
            tx.put("t", b"changed", b"2")
            tx.put("t", b"changed", b"3")
            tx.delete("t", b"kept")
            tx.put("u", b"new", b"2")
            raise _Stop
    except _Stop:
        pass
    _require(_dump(store, "t") == [(b"changed", b"1"), (b"kept", b"1")], "an exception must undo the whole transaction")
    _require(_dump(store, "u") == [], "an exception must undo the whole transaction, in every table")


def _refuses_nesting(store: DeviceStore) -> None:
    try:
        with store.transaction(), store.transaction():
            pass
    except ValueError:
        with store.transaction() as tx:
            tx.put("t", b"k", b"1")
        return
    raise AssertionError("a transaction within a transaction must be refused")


def _survives_shredding(store: DeviceStore) -> None:
    with store.transaction() as tx:
        tx.put("ledger", b"k", b"kept")
        tx.put("journal", b"k", b"gone")
        tx.delete("journal", b"k")
    store.shred()
    _require(_dump(store, "ledger") == [(b"k", b"kept")], "shredding must keep what was not deleted")
    with store.transaction() as tx:
        tx.put("ledger", b"more", b"1")


def _counts_under_threads(store: DeviceStore) -> None:
    def add() -> None:
        for _ in range(20):
            with store.transaction() as tx:
                tx.put("t", b"n", bytes([(tx.get("t", b"n") or b"\0")[0] + 1]))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _require(_dump(store, "t") == [(b"n", bytes([80]))], "threads must wait for each other's transactions")
    store.close()
