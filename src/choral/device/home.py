"""One device's folder on disk: `key` (or the OS keyring), `store.sqlite`, `settings.json`. All readable by the owner only."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from choral.device.http import checked_url
from choral.device.keys import Vault, open_vault, write_private
from choral.device.ledger import DEFAULT_TRUSTS, Budget
from choral.errors import StoreError, UsageError
from choral.privacy import Trust
from choral.storage.device_sqlite import SqliteDeviceStore

DEFAULT_BUDGET = Budget.nats(day=8, year=512, life=2048)


@dataclass(frozen=True, slots=True)
class Settings:
    """Which server this device talks to, whose tasks it trusts, and what its person allows.

    server: address; operators: trusted Ed25519 public keys in hexadecimal; certificates: a PEM file to believe instead
    of the system's, if any; issuer: address of who issues anonymous tokens, if any, and account: a file with this
    device's account token there; trusts: under which trusts reports may leave; the rest: the budget of each account in
    millionths of a nat
    """

    server: str = ""
    operators: tuple[str, ...] = ()
    certificates: str = ""
    issuer: str = ""
    account: str = ""
    per_day_micro: int = DEFAULT_BUDGET.per_day_micro
    per_year_micro: int = DEFAULT_BUDGET.per_year_micro
    for_life_micro: int = DEFAULT_BUDGET.for_life_micro
    trusts: tuple[Trust, ...] = DEFAULT_TRUSTS

    @property
    def budget(self) -> Budget:
        """What this person allows for each account, and whom they trust."""
        return Budget(self.per_day_micro, self.per_year_micro, self.for_life_micro, self.trusts)

    def with_issuer(self, url: str, account: Path) -> "Settings":
        """With another issuer; UsageError if its address or the file with the account's token is none."""
        if not account.is_file():
            raise UsageError(f"there is no file {account}; name the file with the account's token")
        return replace(self, issuer=checked_url(url), account=str(account.resolve()))

    def trusting_sums(self, allowed: bool) -> "Settings":
        """With the trust `sum` allowed, or not."""
        others = tuple(trust for trust in self.trusts if trust != "sum")
        return replace(self, trusts=(*others, "sum") if allowed else others)

    @property
    def trusted(self) -> frozenset[bytes]:
        """The operators' keys."""
        return frozenset(bytes.fromhex(key) for key in self.operators)

    def changed(self, *, server: str | None, operator: str | None, certificates: Path | None) -> "Settings":
        """With what was given in place of what was; UsageError if it is no address or no key."""
        settings = self
        if server is not None:
            settings = replace(settings, server=checked_url(server))
        if operator is not None:
            settings = replace(settings, operators=(_checked_key(operator),))
        if certificates is not None:
            if not certificates.is_file():
                raise UsageError(f"there is no file of certificates {certificates}; give a PEM file")
            settings = replace(settings, certificates=str(certificates.resolve()))
        return settings


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one device."""

    folder: Path

    def settings(self) -> Settings:
        """What was written down; the defaults before that."""
        path = self.folder / "settings.json"
        try:
            values = json.loads(path.read_text("utf-8"))
            lists = {name: tuple(values[name]) for name in ("operators", "trusts") if name in values}
            settings = Settings(**{**values, **lists})
            settings.trusted, settings.budget  # noqa: B018  # raise what they raise
        except FileNotFoundError:
            return Settings()
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise StoreError(f"{path} cannot be read ({error}); correct it, or delete it to set the device up again") from error
        return settings

    def keep(self, settings: Settings) -> None:
        """Write the settings down."""
        values: Mapping[str, Any] = asdict(settings)
        self._make()
        write_private(self.folder / "settings.json", (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())

    def vault(self) -> Vault:
        """The key and the ledger's witness."""
        self._make()
        return open_vault(self.folder)

    def store(self, vault: Vault) -> SqliteDeviceStore:
        """The store; shredding it destroys its key."""
        return SqliteDeviceStore(self.folder / "store.sqlite", vault.key(), renew=vault.renew)

    def _make(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the folder {self.folder} cannot be made ({error.strerror}); choose another one") from error


def _checked_key(text: str) -> str:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise UsageError("an operator's key is 64 hexadecimal digits; ask the operator for the public key")
    return key.hex()
