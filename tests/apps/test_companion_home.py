"""The companion's home: locked it says nothing, it locks by itself, and what is erased is gone."""

from datetime import UTC, datetime, timedelta

import pytest

from choral.apps.companion.device.entries import entry_of
from choral.apps.companion.device.home import STORE, VAULT, Home, Locked
from choral.device.passphrase import Cost, WrongPassphrase
from choral.errors import Refused, StoreError

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
GOOD = "correct horse battery staple"
CHEAP = Cost(passes=1, memory_kib=64, lanes=1)


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "companion", cost=CHEAP)
    home.create(GOOD, NOW)
    yield home
    home.lock()


def sing(home):
    home.use(NOW).diary.add([entry_of(NOW, kind="app", what="a canary sings", source="test")])


def data_of(home):
    return b"".join(path.read_bytes() for path in home.folder.iterdir())


def test_it_opens_with_its_passphrase_and_remembers(home):
    sing(home)
    home.lock()
    with pytest.raises(Locked, match="passphrase"):
        home.use(NOW)
    with pytest.raises(WrongPassphrase):
        home.unlock("not the passphrase", NOW)
    assert not home.is_open
    diary = home.unlock(GOOD, NOW).diary
    assert [one.what for one in diary.day(NOW.date())] == ["a canary sings"]


def test_it_locks_by_itself_and_using_it_keeps_it_open(home):
    for minutes in (10, 20, 30):
        home.use(NOW + timedelta(minutes=minutes))
    with pytest.raises(Locked, match="itself"):
        home.use(NOW + timedelta(minutes=46))
    assert not home.is_open


def test_a_clock_set_back_locks_it(home):
    with pytest.raises(Locked):
        home.use(NOW - timedelta(minutes=1))


def test_nothing_can_be_read_in_its_files(home):
    sing(home)
    assert b"canary" not in data_of(home)
    home.lock()
    assert b"canary" not in data_of(home)
    assert {path.stat().st_mode & 0o777 for path in home.folder.iterdir()} == {0o600}
    assert home.folder.stat().st_mode & 0o777 == 0o700


def test_what_is_erased_is_gone_and_a_copy_of_the_store_is_of_no_use(home, tmp_path):
    sing(home)
    home.lock()
    copy = (home.folder / STORE).read_bytes()
    home.erase()
    assert list(home.folder.iterdir()) == []
    assert not home.exists
    (home.folder / STORE).write_bytes(copy)
    with pytest.raises(StoreError, match="without its vault"):
        home.create(GOOD, NOW)
    (home.folder / STORE).unlink()
    assert home.create(GOOD, NOW).diary.extent() is None


def test_a_second_one_is_not_made_over_the_first(home):
    with pytest.raises(StoreError, match="already"):
        Home(home.folder, cost=CHEAP).create(GOOD, NOW)
    assert home.use(NOW)


def test_a_short_passphrase_makes_nothing(tmp_path):
    home = Home(tmp_path / "other", cost=CHEAP)
    with pytest.raises(Refused):
        home.create("short", NOW)
    assert not (home.folder / VAULT).exists()
    assert not (home.folder / STORE).exists()


def test_a_store_of_a_newer_version_is_left_alone(home):
    import sqlite3

    home.lock()
    with sqlite3.connect(home.folder / STORE) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = (home.folder / STORE).read_bytes()
    with pytest.raises(StoreError, match="update"):
        home.unlock(GOOD, NOW)
    assert (home.folder / STORE).read_bytes() == before
