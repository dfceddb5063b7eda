"""Every server store keeps the same promises; the SQLite one also when it is killed between two statements."""

from itertools import count

from choral.storage import MemoryServerStore, SqliteServerStore, check_server_store


def test_the_memory_store_keeps_the_contract():
    check_server_store(MemoryServerStore)


def test_the_sqlite_store_keeps_the_contract(tmp_path):
    numbers = count()
    check_server_store(lambda: SqliteServerStore(tmp_path / f"{next(numbers)}.sqlite"))
