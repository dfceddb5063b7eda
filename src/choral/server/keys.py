"""The key files of a server: made once, readable by their owner only, each opened only by who asks for it."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from choral.errors import StoreError
from choral.protocol.blind_rsa import BITS
from choral.storage.folders import sync_folder

OPERATOR, SERVER, SHUFFLER, TOKEN = "operator.key", "server.key", "shuffler.key", "operator.token"  # file names
ISSUER = "issuer.pem"
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """The files in `folder`: private keys as hex, with their public halves beside them as NAME.pub.

    A method makes its own file if it is missing and touches no other: whoever never asks for the shuffler's private
    key never opens it.
    """

    folder: Path

    def operator_key(self) -> Ed25519PrivateKey:
        """Signs tasks; only the operator needs it."""
        return Ed25519PrivateKey.from_private_bytes(self._private(OPERATOR))

    def server_key(self) -> Ed25519PrivateKey:
        """Signs check-outs and releases."""
        return Ed25519PrivateKey.from_private_bytes(self._private(SERVER))

    def shuffler_key(self) -> X25519PrivateKey:
        """Opens seals; only the shuffling role needs it."""
        return X25519PrivateKey.from_private_bytes(self._private(SHUFFLER))

    def issuer_key(self) -> RSAPrivateKey:
        """Signs anonymous tokens and nothing else; only an issuer needs it."""
        text = self._read(ISSUER, lambda: _pem(generate_private_key(65_537, BITS)))
        try:
            key = load_pem_private_key(text.encode(), None)
        except ValueError as error:
            raise StoreError(f"the key file {self.folder / ISSUER} is damaged ({error}); restore it from a copy") from error
        if not isinstance(key, RSAPrivateKey) or key.key_size != BITS:
            raise StoreError(f"the key file {self.folder / ISSUER} holds no RSA key of {BITS} bits; restore it from a copy")
        return key

    def operator_token(self) -> str:
        """What an operator's program shows to publish tasks and to read unpublished releases."""
        return self._read(TOKEN, lambda: secrets.token_urlsafe(32))

    def public(self, name: str) -> bytes:
        """The public half of OPERATOR, SERVER or SHUFFLER, without opening the private one if it is there."""
        path = self.folder / f"{name}.pub"
        if not path.exists():
            {OPERATOR: self.operator_key, SERVER: self.server_key, SHUFFLER: self.shuffler_key}[name]()
        return _unhex(path)

    def _private(self, name: str) -> bytes:
        text = self._read(name, lambda: secrets.token_bytes(KEY_BYTES).hex())
        private = _from_hex(text, self.folder / name)
        public = self.folder / f"{name}.pub"
        if not public.exists():
            kind = X25519PrivateKey if name == SHUFFLER else Ed25519PrivateKey
            _write_new(public, kind.from_private_bytes(private).public_key().public_bytes_raw().hex())
        return private

    def _read(self, name: str, make: Callable[[], str]) -> str:
        path = self.folder / name
        if not path.exists():
            _write_new(path, make())
        try:
            if path.stat().st_mode & 0o077:
                raise StoreError(f"others may read the key file {path}; run: chmod 600 {path}")
            return path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"the key file {path} cannot be read ({error}); restore it from a copy") from error


def _pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _write_new(path: Path, text: str) -> None:
    """The file with this text, whole or not at all; one that another process made meanwhile stays."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        finally:
            draft.unlink()
        for folder in (path.parent, path.parent.parent):  # the key must not be lost where what it opens is kept
            sync_folder(folder)
    except OSError as error:
        raise StoreError(f"the key file {path} cannot be written ({error}); check the folder and the disk") from error


def _unhex(path: Path) -> bytes:
    try:
        return _from_hex(path.read_text("ascii"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"the key file {path} cannot be read ({error}); restore it from a copy") from error


def _from_hex(text: str, path: Path) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise StoreError(f"the key file {path} does not hold {KEY_BYTES} bytes in hex; restore it from a copy")
    return key
