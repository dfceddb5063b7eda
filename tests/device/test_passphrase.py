"""A vault with a passphrase: what opens it, what does not, and how long wrong ones must wait."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from choral.device.passphrase import Cost, PassphraseVault, TooSoon, WrongPassphrase, pause_after
from choral.errors import Refused, StoreError
from choral.storage import SqliteDeviceStore

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CHEAP = Cost(passes=1, memory_kib=64, lanes=1)
GOOD, BAD = "correct horse battery staple", "incorrect horse"


@pytest.fixture
def path(tmp_path):
    PassphraseVault.create(tmp_path / "vault", GOOD, cost=CHEAP)
    return tmp_path / "vault"


def test_the_right_passphrase_gives_the_same_key_and_witness(path):
    PassphraseVault.open(path, GOOD, NOON).keep(b"what was paid")
    again = PassphraseVault.open(path, GOOD, NOON)
    assert (len(again.key()), again.witness()) == (32, b"what was paid")
    assert again.key() == PassphraseVault.open(path, GOOD, NOON).key()


def test_a_passphrase_is_the_same_however_it_was_composed(tmp_path):
    vault = PassphraseVault.create(tmp_path / "vault", "caf\u00e9 \u00e0 la carte", cost=CHEAP)
    assert PassphraseVault.open(tmp_path / "vault", "cafe\u0301 a\u0300 la carte", NOON).key() == vault.key()


def test_a_wrong_passphrase_opens_nothing_and_changes_nothing(path):
    key = PassphraseVault.open(path, GOOD, NOON).key()
    with pytest.raises(WrongPassphrase, match="nothing was changed"):
        PassphraseVault.open(path, BAD, NOON)
    assert PassphraseVault.open(path, GOOD, NOON).key() == key


def test_wrong_passphrases_must_wait_longer_and_longer_also_after_a_restart(path):
    now = NOON
    for failures in range(1, 8):
        with pytest.raises(WrongPassphrase):
            PassphraseVault.open(path, BAD, now)
        pause = pause_after(failures)
        if pause:
            with pytest.raises(TooSoon, match=f"wait {pause} seconds"):
                PassphraseVault.open(path, GOOD, now)  # the right one must wait as well: no oracle
            with pytest.raises(TooSoon):
                PassphraseVault.open(path, GOOD, now - timedelta(days=400))  # a clock set back does not help
        now += timedelta(seconds=pause)
    assert PassphraseVault.open(path, GOOD, now).key()
    assert json.loads(path.read_text())["failures"] == 0


def test_the_pause_doubles_up_to_an_hour():
    assert [pause_after(one) for one in (0, 1, 2, 3, 4, 5, 40)] == [0, 0, 0, 2, 4, 8, 3600]


def test_a_changed_file_looks_like_a_wrong_passphrase(path):
    for name in ("key", "witness", "salt"):
        kept = json.loads(path.read_text())
        changed = bytearray.fromhex(kept[name])
        changed[-1] ^= 1
        spoilt = path.with_name(f"spoilt-{name}")
        spoilt.write_text(json.dumps({**kept, name: changed.hex()}))
        with pytest.raises(WrongPassphrase):
            PassphraseVault.open(spoilt, GOOD, NOON)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "garbage", '{"format": "other"}', '{"format": "choral passphrase vault 1", "cost": 3}']
)
def test_what_is_no_vault_is_said_to_be_none(tmp_path, text):
    (tmp_path / "vault").write_text(text)
    with pytest.raises(StoreError, match="damaged, or no vault"):
        PassphraseVault.open(tmp_path / "vault", GOOD, NOON)


def test_a_file_cannot_ask_for_endless_work(path):
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "cost": [10**9, 2**30, 1]}))
    with pytest.raises(StoreError):
        PassphraseVault.open(path, GOOD, NOON)


def test_there_is_no_vault_where_none_was_made_and_none_is_overwritten(path, tmp_path):
    with pytest.raises(StoreError, match="make one first"):
        PassphraseVault.open(tmp_path / "other", GOOD, NOON)
    with pytest.raises(StoreError, match="already"):
        PassphraseVault.create(path, GOOD, cost=CHEAP)


def test_a_short_passphrase_is_refused(tmp_path):
    with pytest.raises(Refused, match="at least 8"):
        PassphraseVault.create(tmp_path / "vault", "short", cost=CHEAP)
    assert not (tmp_path / "vault").exists()


def test_the_passphrase_can_change_and_the_store_stays(path, tmp_path):
    vault = PassphraseVault.open(path, GOOD, NOON)
    vault.keep(b"paid")
    vault.change("another good passphrase")
    with pytest.raises(WrongPassphrase):
        PassphraseVault.open(path, GOOD, NOON)
    again = PassphraseVault.open(path, "another good passphrase", NOON)
    assert (again.key(), again.witness()) == (vault.key(), b"paid")


def test_renewing_the_key_makes_an_older_copy_of_the_store_unreadable(path, tmp_path):
    vault = PassphraseVault.open(path, GOOD, NOON)
    store = SqliteDeviceStore(tmp_path / "store.sqlite", vault.key(), renew=vault.renew)
    with store.transaction() as tx:
        tx.put("table", b"key", b"value")
    store.close()
    copy = (tmp_path / "store.sqlite").read_bytes()
    again = SqliteDeviceStore(tmp_path / "store.sqlite", vault.key(), renew=vault.renew)
    again.shred()
    again.close()
    (tmp_path / "copy.sqlite").write_bytes(copy)
    with pytest.raises(StoreError):
        SqliteDeviceStore(tmp_path / "copy.sqlite", PassphraseVault.open(path, GOOD, NOON).key())


def test_neither_passphrase_nor_key_nor_witness_lies_in_the_file(path):
    vault = PassphraseVault.open(path, GOOD, NOON)
    vault.keep(b"a canary that sings")
    data = path.read_bytes()
    assert (path.stat().st_mode & 0o777) == 0o600
    for secret in (GOOD.encode(), vault.key(), vault.key().hex().encode(), b"canary", b"canary".hex().encode()):
        assert secret not in data


def test_threads_that_share_a_vault_write_it_whole(path):
    vault = PassphraseVault.open(path, GOOD, NOON)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: vault.keep(bytes([number]) * 500), range(64)))
    again = PassphraseVault.open(path, GOOD, NOON)
    assert len(set(again.witness())) == 1
    assert (len(again.witness()), again.key()) == (500, vault.key())
