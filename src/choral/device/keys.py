"""Where a device's key lies, and beside it the witness of its ledger: the OS keyring, or a file of mode 0600.

The witness is a copy of the ledger outside the store. Whoever puts an older copy of the store back finds the larger
totals here, and pays on from them. Honestly: an older copy of key and store together, or a reinstall that loses both,
starts from older or empty totals; nothing on one device alone can prevent that.
"""

import os
import stat
from pathlib import Path
from typing import Protocol

from choral.errors import StoreError
from choral.storage.folders import sync_folder

KEY_BYTES = 32
MAGIC = "choral device key 1"
MOST_BYTES = 2**20
KEYRING_SERVICE = "choral device"


class Witness(Protocol):
    """A small value kept apart from the store."""

    def witness(self) -> bytes:
        """What was kept last; empty if nothing was."""
        ...

    def keep(self, witness: bytes) -> None:
        """Keep the value, durably, in place of the last."""
        ...


class Vault(Witness, Protocol):
    """A key and a witness, kept together."""

    def key(self) -> bytes:
        """The key, 32 bytes; made when it is first asked for."""
        ...

    def renew(self) -> bytes:
        """Another key; the old one is destroyed, the witness stays."""
        ...


class KeyFile:
    """A vault in one file of three lines: what it is, key, witness; only its owner may read it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def key(self) -> bytes:
        """The key, 32 bytes; made when it is first asked for."""
        lines = self._read()
        return bytes.fromhex(lines[0]) if lines else self._write(os.urandom(KEY_BYTES), b"")

    def renew(self) -> bytes:
        """Another key; once its file has replaced the old one, the old one's bytes are overwritten in place."""
        self.key()
        with self._path.open("r+b") as old:
            key = self._write(os.urandom(KEY_BYTES), self.witness())
            old.write(bytes(os.fstat(old.fileno()).st_size))
            old.flush()
            os.fsync(old.fileno())
        return key

    def witness(self) -> bytes:
        """What was kept last; empty if nothing was."""
        lines = self._read()
        return bytes.fromhex(lines[1]) if lines else b""

    def keep(self, witness: bytes) -> None:
        """Keep the value, durably."""
        self._write(self.key(), witness)

    def _read(self) -> list[str]:
        """Key and witness in hexadecimal; nothing if there is no file."""
        try:
            mode = self._path.stat().st_mode
            text = self._path.read_bytes()[:MOST_BYTES].decode("ascii", "replace")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"the key file {self._path} cannot be read ({error.strerror}); check who owns it") from error
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            raise StoreError(f"others may read the key file {self._path}; run: chmod 600 {self._path}")
        head, *lines = text.split("\n")[:-1] or [""]
        if head != MAGIC or len(lines) != 2 or len(lines[0]) != 2 * KEY_BYTES or not _is_hex("".join(lines)):
            raise StoreError(f"{self._path} is not a key file, or it is damaged; put it back from a copy, or move it away")
        return lines

    def _write(self, key: bytes, witness: bytes) -> bytes:
        text = f"{MAGIC}\n{key.hex()}\n{witness.hex()}\n"
        write_private(self._path, text.encode())
        return key


class KeyRing:
    """A vault in the operating system's keyring, under the name of the device's folder."""

    def __init__(self, name: str) -> None:
        self._name = name

    def key(self) -> bytes:
        """The key, 32 bytes; made when it is first asked for."""
        return bytes.fromhex(self._get("key")) or self.renew()

    def renew(self) -> bytes:
        """Another key, in place of the old one."""
        key = os.urandom(KEY_BYTES)
        self._set("key", key.hex())
        return key

    def witness(self) -> bytes:
        """What was kept last; empty if nothing was."""
        return bytes.fromhex(self._get("witness"))

    def keep(self, witness: bytes) -> None:
        """Keep the value."""
        self._set("witness", witness.hex())

    def _get(self, what: str) -> str:
        import keyring
        from keyring.errors import KeyringError

        try:
            value = keyring.get_password(KEYRING_SERVICE, f"{self._name} {what}") or ""
        except KeyringError as error:
            raise _keyring_error(error) from error
        if not _is_hex(value):
            raise StoreError(f"the keyring's entry {KEYRING_SERVICE!r} for {self._name} is damaged; delete it to start anew")
        return value

    def _set(self, what: str, value: str) -> None:
        import keyring
        from keyring.errors import KeyringError

        try:
            keyring.set_password(KEYRING_SERVICE, f"{self._name} {what}", value)
        except KeyringError as error:
            raise _keyring_error(error) from error


def open_vault(folder: Path) -> Vault:
    """The vault of the device in `folder`: its key file if there is one, else the OS keyring, else a new key file."""
    path = folder / "key"
    if not path.exists() and _has_keyring():
        return KeyRing(str(folder.resolve()))
    return KeyFile(path)


def write_private(path: Path, data: bytes) -> None:
    """Replace the file whole or not at all, durably, readable by its owner only."""
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error.strerror}); check its folder and the disk's free space") from error


def _has_keyring() -> bool:
    """Whether the operating system offers a keyring that keeps secrets; it is loaded only to be asked."""
    import keyring
    from keyring.backends import fail, null

    backend = keyring.get_keyring()
    return not isinstance(backend, (fail.Keyring, null.Keyring)) and float(backend.priority) > 0


def _is_hex(text: str) -> bool:
    return len(text) % 2 == 0 and all(one in "0123456789abcdef" for one in text)


def _keyring_error(error: Exception) -> StoreError:
    return StoreError(f"the operating system's keyring does not answer ({error}); unlock it and try again")
