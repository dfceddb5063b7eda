"""The device's SQLite file: what it refuses, and what a thief can read in it."""

import shutil
import sqlite3
import stat

import pytest

from choral.errors import StoreError
from choral.storage.device_sqlite import SqliteDeviceStore

KEY = b"k" * 32
CANARY = b"a very private canary"


def filled(path, value=CANARY):
    store = SqliteDeviceStore(path, KEY)
    with store.transaction() as tx:
        tx.put("journal", CANARY, value)
        tx.put("ledger", b"ledger", b"4 nats")
    return store


def all_bytes(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_neither_keys_nor_values_lie_readable_in_any_file(tmp_path):
    store = filled(tmp_path / "s")
    assert (tmp_path / "s-wal").stat().st_size > 0
    assert CANARY not in all_bytes(tmp_path)
    store.close()
    assert CANARY not in all_bytes(tmp_path)


def test_files_are_readable_by_their_owner_only(tmp_path):
    store = filled(tmp_path / "s")
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    store.close()


def test_every_flipped_bit_of_a_row_is_rejected(tmp_path):
    filled(tmp_path / "s").close()
    db = sqlite3.connect(tmp_path / "s")
    rows = db.execute("SELECT space, name, sealed FROM row WHERE space = 'journal'").fetchall()
    [(space, name, sealed)] = rows
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1 << place % 8
        db.execute("UPDATE row SET sealed = ? WHERE name = ?", (bytes(changed), name))
        db.commit()
        store = SqliteDeviceStore(tmp_path / "s", KEY)
        with store.transaction() as tx, pytest.raises(StoreError, match="was changed, or the key is not the one"):
            tx.get(space, CANARY)
        with pytest.raises(StoreError), store.transaction() as tx:
            list(tx.scan(space))
        store.close()
    db.close()


def test_a_row_moved_to_another_place_is_rejected(tmp_path):
    filled(tmp_path / "s").close()
    db = sqlite3.connect(tmp_path / "s")
    db.execute("UPDATE row SET space = 'outbox' WHERE space = 'journal'")
    db.commit()
    db.close()
    store = SqliteDeviceStore(tmp_path / "s", KEY)
    with pytest.raises(StoreError), store.transaction() as tx:
        list(tx.scan("outbox"))
    store.close()


def test_the_wrong_key_is_refused_when_the_store_is_opened(tmp_path):
    filled(tmp_path / "s").close()
    with pytest.raises(StoreError, match="put the right key back"):
        SqliteDeviceStore(tmp_path / "s", b"x" * 32)


def test_a_key_of_the_wrong_length_is_a_programmers_mistake(tmp_path):
    with pytest.raises(ValueError, match="32 bytes"):
        SqliteDeviceStore(tmp_path / "s", b"short")


def test_a_newer_store_is_refused(tmp_path):
    filled(tmp_path / "s").close()
    with sqlite3.connect(tmp_path / "s") as db:
        db.execute("PRAGMA user_version = 2")
    db.close()
    with pytest.raises(StoreError, match="format 2, this program knows 1; update choral"):
        SqliteDeviceStore(tmp_path / "s", KEY)


def test_a_file_of_another_program_is_refused_and_left_alone(tmp_path):
    db = sqlite3.connect(tmp_path / "s")
    db.execute("CREATE TABLE theirs (x)")
    db.commit()
    db.close()
    before = (tmp_path / "s").read_bytes()
    with pytest.raises(StoreError, match="belongs to another program"):
        SqliteDeviceStore(tmp_path / "s", KEY)
    assert (tmp_path / "s").read_bytes() == before


@pytest.mark.parametrize(
    "damage", [b"not a database at all, but long enough to be read as one" * 20, b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_a_file_that_is_no_database_is_refused(tmp_path, damage):
    (tmp_path / "s").write_bytes(damage)
    with pytest.raises(StoreError, match="damaged"):
        SqliteDeviceStore(tmp_path / "s", KEY)


def test_a_truncated_file_is_refused(tmp_path):
    store = SqliteDeviceStore(tmp_path / "s", KEY)
    with store.transaction() as tx:
        for number in range(200):
            tx.put("journal", bytes([number]), bytes(500))
    store.close()
    data = (tmp_path / "s").read_bytes()
    (tmp_path / "s").write_bytes(data[: len(data) // 8192 * 4096])

    def read_all():
        torn = SqliteDeviceStore(tmp_path / "s", KEY)
        try:
            with torn.transaction() as tx:
                list(tx.scan("journal"))
        finally:
            torn.close()

    with pytest.raises(StoreError, match="damaged"):
        read_all()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(StoreError, match="check its folder"):
        SqliteDeviceStore(tmp_path / "missing" / "s", KEY)


def test_another_program_that_writes_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("choral.storage.device_sqlite.BUSY_SECONDS", 0.05)
    store, other = filled(tmp_path / "s"), SqliteDeviceStore(tmp_path / "s", KEY)
    with store.transaction() as tx:
        tx.put("journal", b"k", b"v")
        with pytest.raises(StoreError, match="another program is using"), other.transaction():
            pass
    store.close()
    other.close()


def test_a_kill_in_the_middle_of_a_transaction_leaves_nothing_of_it(tmp_path):
    store = filled(tmp_path / "s")
    with store.transaction() as tx:
        tx.put("ledger", b"ledger", b"8 nats")
        tx.put("outbox", b"new", b"report")
        (tmp_path / "copy").mkdir()
        for name in ("s", "s-wal"):
            shutil.copy(tmp_path / name, tmp_path / "copy" / name)
    store.close()
    copy = SqliteDeviceStore(tmp_path / "copy" / "s", KEY)
    with copy.transaction() as tx:
        assert tx.get("ledger", b"ledger") == b"4 nats"
        assert list(tx.scan("outbox")) == []
    copy.close()


def test_shredding_leaves_no_key_that_opens_an_older_copy(tmp_path):
    keys = [b"new".ljust(32)]
    store = SqliteDeviceStore(tmp_path / "s", KEY, renew=lambda: keys[0])
    with store.transaction() as tx:
        tx.put("ledger", b"ledger", b"4 nats")
    store.shred()
    store.close()
    with pytest.raises(StoreError):
        SqliteDeviceStore(tmp_path / "s", KEY)
    again = SqliteDeviceStore(tmp_path / "s", keys[0])
    with again.transaction() as tx:
        assert tx.get("ledger", b"ledger") == b"4 nats"
    again.close()


def test_the_file_syncs_fully_and_overwrites_what_it_deletes(tmp_path):
    store = filled(tmp_path / "s")
    found = [store._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "secure_delete")]
    assert found == ["wal", 2, 1]
    store.close()
