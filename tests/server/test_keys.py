"""Key files: made once, private, each opened by who needs it."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from choral.errors import StoreError
from choral.server import KeyFolder
from choral.server.keys import OPERATOR, SERVER, SHUFFLER


def test_keys_are_made_once_and_stay(tmp_path):
    keys = KeyFolder(tmp_path / "keys")
    first = [keys.public(name) for name in (OPERATOR, SERVER, SHUFFLER)] + [keys.operator_token()]
    again = KeyFolder(tmp_path / "keys")
    assert first == [again.public(name) for name in (OPERATOR, SERVER, SHUFFLER)] + [again.operator_token()]
    assert keys.operator_key().public_key().public_bytes_raw() == first[0]
    assert keys.server_key().public_key().public_bytes_raw() == first[1]
    assert keys.shuffler_key().public_key().public_bytes_raw() == first[2]
    assert len(set(first)) == 4


def test_key_files_are_for_their_owner_only(tmp_path):
    keys = KeyFolder(tmp_path / "keys")
    keys.operator_key(), keys.server_key(), keys.shuffler_key(), keys.operator_token()
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}
    (tmp_path / "keys" / SERVER).chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        keys.server_key()


def test_a_public_key_is_read_without_the_private_one(tmp_path):
    keys = KeyFolder(tmp_path / "keys")
    public = keys.public(SHUFFLER)
    (tmp_path / "keys" / SHUFFLER).unlink()
    assert keys.public(SHUFFLER) == public
    assert not (tmp_path / "keys" / SHUFFLER).exists()


@pytest.mark.parametrize("text", ["", "ab", "zz" * 32, "00" * 31, "00" * 33, "\udcff"])
def test_a_broken_key_file_is_named(text, tmp_path):
    keys = KeyFolder(tmp_path)
    descriptor = os.open(tmp_path / SERVER, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(descriptor, text.encode(errors="surrogateescape"))
    os.close(descriptor)
    with pytest.raises(StoreError, match=r"server\.key"):
        keys.server_key()


def test_workers_that_start_together_make_one_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: KeyFolder(tmp_path).server_key().private_bytes_raw(), range(40)))
    assert len(made) == 1
    assert {path.name for path in tmp_path.iterdir()} == {SERVER, f"{SERVER}.pub"}
