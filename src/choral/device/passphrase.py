"""A vault that opens with a passphrase: Argon2id makes a key of it, and that key opens the store's own, random one.

Changing the passphrase seals the same store key again; destroying the store key makes every older copy unreadable. A
wrong passphrase and a changed file look the same. Wrong ones cost time: three are free, then the pause doubles up to an
hour and outlives a restart. That slows down whoever types; whoever has a copy of the file tries as fast as Argon2id lets
them, and for that each attempt takes 64 MiB and about a tenth of a second. Source: RFC 9106, section 4, second choice.
"""

import json
import os
import threading
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from choral.device.keys import KEY_BYTES, write_private
from choral.errors import Refused, StoreError

FORMAT = "choral passphrase vault 1"
SALT_BYTES, NONCE_BYTES = 16, 12
SHORTEST = 8  # characters of a passphrase
FREE_ATTEMPTS = 3
LONGEST_PAUSE = 3600  # seconds


class WrongPassphrase(Refused):  # named for what is the case
    """The vault does not open with this passphrase; or its file was changed, which nobody can tell apart."""


class TooSoon(Refused):  # named for what is the case
    """Too many wrong passphrases: wait."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one attempt costs. passes: over the memory; memory_kib: 2**10 bytes each; lanes: in parallel"""

    passes: int = 3
    memory_kib: int = 65_536
    lanes: int = 4


class PassphraseVault:
    """An open vault: the store's key, and the ledger's witness sealed under it."""

    def __init__(self, path: Path, cost: Cost, salt: bytes, wrapping: bytes, key: bytes) -> None:
        self._path, self._cost, self._salt, self._wrapping, self._key = path, cost, salt, wrapping, key
        self._lock = threading.Lock()  # agents of one process may share a vault

    @classmethod
    def create(cls, path: Path, passphrase: str, *, cost: Cost | None = None) -> "PassphraseVault":
        """A new vault; StoreError if there is one, Refused for a passphrase that is too short."""
        if path.exists():
            raise StoreError(f"there is a vault in {path} already; open it, or move it away to start anew")
        require_strong(passphrase)
        cost, salt = cost or Cost(), os.urandom(SALT_BYTES)
        vault = cls(path, cost, salt, _stretched(passphrase, salt, cost), os.urandom(KEY_BYTES))
        vault._write(b"")
        return vault

    @classmethod
    def open(cls, path: Path, passphrase: str, now: datetime) -> "PassphraseVault":
        """The vault; WrongPassphrase, which is written down, or TooSoon, before anything is tried."""
        kept = _read(path)
        _require_patience(kept, now)
        cost = Cost(*kept["cost"])
        salt = bytes.fromhex(kept["salt"])
        wrapping = _stretched(passphrase, salt, cost)
        try:
            key = _opened(wrapping, bytes.fromhex(kept["key"]), b"key")
            _opened(key, bytes.fromhex(kept["witness"]), b"witness")
        except InvalidTag:
            failed = {"failures": kept["failures"] + 1, "last": int(now.timestamp())}
            write_private(path, _text({**kept, **failed}))
            raise WrongPassphrase("the vault does not open with this passphrase; nothing was changed") from None
        if kept["failures"]:
            write_private(path, _text({**kept, "failures": 0, "last": 0}))
        return cls(path, cost, salt, wrapping, key)

    def key(self) -> bytes:
        """The store's key, 32 bytes."""
        return self._key

    def renew(self) -> bytes:
        """Another key; the old one is gone from the file, and with it whatever only it could open. The witness stays."""
        witness = self.witness()
        self._key = os.urandom(KEY_BYTES)
        self._write(witness)
        return self._key

    def change(self, passphrase: str) -> None:
        """Another passphrase for the same store; Refused for one that is too short."""
        require_strong(passphrase)
        witness, self._salt = self.witness(), os.urandom(SALT_BYTES)
        self._wrapping = _stretched(passphrase, self._salt, self._cost)
        self._write(witness)

    def witness(self) -> bytes:
        """What was kept last; empty if nothing was."""
        try:
            return _opened(self._key, bytes.fromhex(_read(self._path)["witness"]), b"witness")
        except InvalidTag:
            raise _damaged(self._path) from None

    def keep(self, witness: bytes) -> None:
        """Keep the value, durably."""
        self._write(witness)

    def _write(self, witness: bytes) -> None:
        kept = {
            "format": FORMAT,
            "cost": [self._cost.passes, self._cost.memory_kib, self._cost.lanes],
            "salt": self._salt.hex(),
            "key": _sealed(self._wrapping, self._key, b"key").hex(),
            "witness": _sealed(self._key, witness, b"witness").hex(),
            "failures": 0,
            "last": 0,
        }
        with self._lock:
            write_private(self._path, _text(kept))


def require_strong(passphrase: str) -> None:
    """Refused unless the passphrase has enough characters."""
    if len(_normal(passphrase)) < SHORTEST:
        raise Refused(f"a passphrase has at least {SHORTEST} characters; four random words are a good one")


def pause_after(failures: int) -> int:
    """Seconds to wait after so many wrong passphrases in a row."""
    return 0 if failures < FREE_ATTEMPTS else min(2 ** (failures - FREE_ATTEMPTS + 1), LONGEST_PAUSE)


def _require_patience(kept: Mapping[str, Any], now: datetime) -> None:
    """TooSoon while the pause lasts; a clock that was set back counts as no time passed."""
    passed = max(0, int(now.timestamp()) - kept["last"])
    left = pause_after(kept["failures"]) - passed
    if left > 0:
        raise TooSoon(f"{kept['failures']} wrong passphrases in a row: wait {left} seconds, then try again")


def _stretched(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    from argon2.low_level import Type, hash_secret_raw

    return hash_secret_raw(
        _normal(passphrase).encode(),
        salt,
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=KEY_BYTES,
        type=Type.ID,
    )


def _normal(passphrase: str) -> str:
    """The same characters, however the keyboard composed them."""
    return unicodedata.normalize("NFKC", passphrase)


def _sealed(key: bytes, data: bytes, purpose: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, FORMAT.encode() + purpose)


def _opened(key: bytes, sealed: bytes, purpose: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], FORMAT.encode() + purpose)


def _text(kept: Mapping[str, Any]) -> bytes:
    return (json.dumps(kept, indent=1) + "\n").encode()


def _read(path: Path) -> dict[str, Any]:
    """The file's members; StoreError if it is no vault."""
    try:
        kept = json.loads(path.read_bytes())
        sound = kept["format"] == FORMAT and all(bytes.fromhex(kept[name]) for name in ("salt", "key", "witness"))
        numbers = [*kept["cost"], kept["failures"], kept["last"]]
    except FileNotFoundError:
        raise StoreError(f"there is no vault in {path}; make one first") from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _damaged(path) from error
    if not sound or len(numbers) != 5 or not all(isinstance(one, int) and 0 <= one < 2**40 for one in numbers):
        raise _damaged(path)
    _require_affordable(path, Cost(*kept["cost"]))
    return dict(kept)


def _require_affordable(path: Path, cost: Cost) -> None:
    """A file cannot make this machine work for a day, nor make attempts cheap that were dear."""
    if not (1 <= cost.passes <= 64 and 8 * cost.lanes <= cost.memory_kib <= 2**21 and 1 <= cost.lanes <= 64):
        raise _damaged(path)


def _damaged(path: Path) -> StoreError:
    return StoreError(f"the vault {path} cannot be read: it is damaged, or no vault; put it back from a copy")
