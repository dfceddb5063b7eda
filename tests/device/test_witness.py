"""Key, witness and older copies: what a thief, a backup and a reinstall can do, and what not."""

import shutil
import stat
from datetime import timedelta

import pytest

from choral.device.home import Home
from choral.device.keys import KeyFile, open_vault
from choral.errors import ConsentMissing, StoreError
from choral.storage.device_sqlite import SqliteDeviceStore

from .setting import BUSY, NOW, READY, Desk, agent, agreed, dump, signal, task, typed


def opened(folder, desk, **changes):
    vault = KeyFile(folder / "key")
    store = SqliteDeviceStore(folder / "s", vault.key(), renew=vault.renew)
    return agent(desk, store=store, witness=vault, **changes)


def in_use(folder, desk):
    device = opened(folder, desk)
    device.refresh(NOW)
    device.agree(desk.tasks[0].terms.hash, NOW)
    return device


def copy_store(folder, name):
    (folder / name).mkdir()
    shutil.copy(folder / "s", folder / name / "s")


def put_back(folder, name):
    for path in folder.glob("s*"):
        path.unlink()
    shutil.copy(folder / name / "s", folder / "s")


def test_a_restored_older_store_never_refunds_and_asks_again(tmp_path):
    desk = Desk(task(reports_for_life=2))
    device = in_use(tmp_path, desk)
    device.store.close()
    copy_store(tmp_path, "backup")
    device = opened(tmp_path, desk)
    device.tick(NOW, READY)
    desk.now = NOW + timedelta(days=1)
    device.tick(desk.now, READY)
    paid = device.ledger()
    device.store.close()
    put_back(tmp_path, "backup")

    restored = opened(tmp_path, desk)
    steps = restored.tick(desk.now, READY)
    assert "restored" in [step.kind for step in steps]
    assert restored.ledger().accounts == paid.accounts
    assert restored.ledger().uses == paid.uses
    with pytest.raises(ConsentMissing):
        restored.record(typed("hello"), desk.now)
    restored.agree(desk.tasks[0].terms.hash, desk.now)
    desk.now = NOW + timedelta(days=2)
    refused = [step for step in restored.tick(desk.now, READY) if step.kind == "refused"]
    assert "Terms allow 2 report(s) for life, 0 are left" in refused[0].text
    restored.store.close()


def test_a_withdrawal_survives_an_older_store(tmp_path):
    desk = Desk(task())
    device = in_use(tmp_path, desk)
    device.record(typed("hello"), NOW)
    device.store.close()
    copy_store(tmp_path, "backup")
    device = opened(tmp_path, desk)
    device.withdraw(desk.tasks[0].terms.hash)
    device.store.close()
    put_back(tmp_path, "backup")
    restored = opened(tmp_path, desk)
    assert "contributed" not in [step.kind for step in restored.tick(NOW, READY)]
    assert not dump(restored.store)["records"]
    restored.store.close()


def test_a_lost_store_keeps_its_totals(tmp_path):
    desk = Desk(task())
    device = in_use(tmp_path, desk)
    device.tick(NOW, READY)
    paid = device.ledger()
    device.store.close()
    for path in tmp_path.glob("s*"):
        path.unlink()
    again = opened(tmp_path, desk)
    assert [step.kind for step in again.tick(NOW, BUSY)] == ["restored", "waiting"]
    assert again.ledger().accounts == paid.accounts
    again.store.close()


def test_what_is_sent_was_witnessed_before(tmp_path):
    desk = Desk(task(delay_seconds=0))
    device = in_use(tmp_path, desk)
    seen = []
    send = desk.send
    desk.send = lambda report, token: (seen.append(KeyFile(tmp_path / "key").witness()), send(report, token))
    device.tick(NOW, READY)
    from choral.protocol import encode

    assert seen == [encode(device.ledger())]
    device.store.close()


def test_a_witness_behind_the_store_is_brought_up_to_date(tmp_path):
    desk = Desk(task())
    device = in_use(tmp_path, desk)
    before = KeyFile(tmp_path / "key").witness()
    device.tick(NOW, READY)
    KeyFile(tmp_path / "key").keep(before)  # as if power was cut between commit and witness
    paid = device.ledger()
    assert "restored" not in [step.kind for step in device.tick(NOW, READY)]
    assert device.ledger() == paid
    assert KeyFile(tmp_path / "key").witness() != before
    device.store.close()


def test_forgetting_destroys_the_key_and_keeps_what_was_paid(tmp_path):
    desk = Desk(task())
    device = in_use(tmp_path, desk)
    device.tick(NOW, READY)
    paid, old = device.ledger(), KeyFile(tmp_path / "key").key()
    for suffix in ("", "-wal"):
        shutil.copy(tmp_path / f"s{suffix}", tmp_path / f"stolen{suffix}")
    device.forget()
    assert device.ledger().accounts == paid.accounts
    assert old.hex() not in (tmp_path / "key").read_text()
    with pytest.raises(StoreError):
        SqliteDeviceStore(tmp_path / "stolen", KeyFile(tmp_path / "key").key())
    device.refresh(NOW)
    device.agree(desk.tasks[0].terms.hash, NOW)
    device.store.close()
    again = opened(tmp_path, desk)
    steps = again.tick(NOW, READY)
    assert "Terms allow 1 report(s) for the day, 0 are left" in next(step.text for step in steps if step.kind == "refused")
    again.store.close()


def test_a_damaged_witness_is_named(tmp_path):
    desk = Desk(task())
    vault = KeyFile(tmp_path / "key")
    vault.keep(b"\x01\x42nonsense")
    device = opened(tmp_path, desk)
    with pytest.raises(StoreError, match="witness beside the key cannot be read"):
        device.tick(NOW, READY)
    device.store.close()


def test_a_key_file_is_made_once_and_readable_by_its_owner_only(tmp_path):
    vault = KeyFile(tmp_path / "key")
    assert vault.key() == KeyFile(tmp_path / "key").key()
    assert len(vault.key()) == 32
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_renewing_overwrites_the_old_key_also_for_who_holds_its_file_open(tmp_path):
    vault = KeyFile(tmp_path / "key")
    old = vault.key()
    vault.keep(b"witness")
    with (tmp_path / "key").open("rb") as held:
        new = vault.renew()
        assert old.hex().encode() not in held.read()
    assert (vault.key(), vault.witness()) == (new, b"witness")
    assert new != old


def test_a_key_file_that_others_may_read_is_refused_with_the_remedy(tmp_path):
    KeyFile(tmp_path / "key").key()
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(StoreError, match="run: chmod 600"):
        KeyFile(tmp_path / "key").key()


@pytest.mark.parametrize(
    "content", [b"", b"x", b"choral device key 1\nabc\n\n", b"\xff" * 100, b"choral device key 1\n" + b"0" * 64]
)
def test_a_damaged_key_file_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(StoreError, match="not a key file, or it is damaged"):
        KeyFile(path).key()
    assert path.read_bytes() == content


def test_a_key_file_comes_before_the_keyring(tmp_path):
    KeyFile(tmp_path / "key").key()
    assert isinstance(open_vault(tmp_path), KeyFile)


def test_the_keyring_of_the_system_keeps_key_and_witness(tmp_path):
    import keyring
    from keyring.backend import KeyringBackend

    class InMemory(KeyringBackend):
        priority = 5

        def __init__(self):
            super().__init__()
            self.kept = {}

        def get_password(self, service, username):
            return self.kept.get((service, username))

        def set_password(self, service, username, password):
            self.kept[service, username] = password

    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    try:
        vault = open_vault(tmp_path)
        key = vault.key()
        assert (vault.key(), vault.witness(), len(key)) == (key, b"", 32)
        vault.keep(b"witness")
        assert vault.renew() != key
        assert vault.witness() == b"witness"
        assert not list(tmp_path.iterdir())
        keyring.get_keyring().kept = dict.fromkeys(keyring.get_keyring().kept, "no hex")
        with pytest.raises(StoreError, match="damaged"):
            vault.key()
    finally:
        keyring.set_keyring(before)


def test_settings_that_cannot_be_read_are_named(tmp_path):
    home = Home(tmp_path)
    (tmp_path / "settings.json").write_text('{"servre": 1}')
    with pytest.raises(StoreError, match="correct it, or delete it"):
        home.settings()


def test_an_agent_without_a_witness_works_in_memory():
    desk = Desk(task())
    device = agreed(desk, signal())
    device.tick(NOW, READY)
    device.forget()
    assert device.ledger().account("nobody").life_micro == 2_000_000
