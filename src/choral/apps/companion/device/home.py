"""Where the companion lives on disk, and whether it is open: a folder with a vault and an encrypted store. Device half.

Nothing can be read while it is locked: key and store are let go. It locks by itself when nobody has used it for a while.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from choral.apps.companion.device.diary import Diary
from choral.device.passphrase import Cost, PassphraseVault
from choral.errors import Refused, StoreError, UsageError
from choral.storage import SqliteDeviceStore

VAULT, STORE = "vault.json", "store.sqlite"
LOCK_AFTER = timedelta(minutes=15)
OVERWRITTEN = 2**20  # bytes at a time


class Locked(Refused):
    """The companion is locked: nothing of it can be read without the passphrase."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open companion."""

    vault: PassphraseVault
    store: SqliteDeviceStore
    diary: Diary


@dataclass(slots=True, eq=False)
class Home:
    """The companion in `folder`, locked at first.

    lock_after: how long it stays open unused; cost: of one attempt at the passphrase, as a new vault is made with
    """

    folder: Path
    lock_after: timedelta = LOCK_AFTER
    cost: Cost = field(default_factory=Cost)
    _opened: Opened | None = field(default=None, init=False, repr=False)
    _used: datetime | None = field(default=None, init=False)

    @property
    def exists(self) -> bool:
        """Whether a companion was made here."""
        return (self.folder / VAULT).exists()

    @property
    def is_open(self) -> bool:
        """Whether it is open at the moment; it may still be about to lock."""
        return self._opened is not None

    def make_folder(self) -> None:
        """The folder, if it is missing; UsageError if it cannot be made."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"the folder {self.folder} cannot be made ({error.strerror}); choose another one") from error

    def create(self, passphrase: str, now: datetime) -> Opened:
        """Make a new one and open it; StoreError if there is one, Refused for a passphrase that is too short."""
        self.make_folder()
        if (self.folder / STORE).exists() and not self.exists:
            raise StoreError(f"there is a store in {self.folder} without its vault; put the vault back from a copy")
        return self._enter(PassphraseVault.create(self.folder / VAULT, passphrase, cost=self.cost), now)

    def unlock(self, passphrase: str, now: datetime) -> Opened:
        """Open it; WrongPassphrase or TooSoon otherwise."""
        vault = PassphraseVault.open(self.folder / VAULT, passphrase, now)
        self.lock()
        return self._enter(vault, now)

    def use(self, now: datetime) -> Opened:
        """What is open; Locked if it is not, or was not used for too long. Using it keeps it open."""
        if self._opened is None or self._used is None:
            raise Locked("the companion is locked; type the passphrase")
        if not timedelta() <= now - self._used <= self.lock_after:
            self.lock()
            raise Locked("the companion has locked itself, for nobody used it; type the passphrase")
        self._used = now
        return self._opened

    def lock(self) -> None:
        """Let go of key and store."""
        if self._opened is not None:
            self._opened.store.close()
        self._opened = self._used = None

    def erase(self) -> None:
        """Destroy everything for good: the key first, which makes the rest and every copy of it unreadable, then the files."""
        self.lock()
        for path in (self.folder / VAULT, *sorted(self.folder.glob(f"{STORE}*"))):
            _overwrite(path)
            path.unlink(missing_ok=True)

    def _enter(self, vault: PassphraseVault, now: datetime) -> Opened:
        store = SqliteDeviceStore(self.folder / STORE, vault.key(), renew=vault.renew)
        self._opened, self._used = Opened(vault, store, Diary(store)), now
        return self._opened


def _overwrite(path: Path) -> None:
    """Zeros in place of the file's bytes, as far as the file system writes in place."""
    if not path.exists():
        return
    try:
        with path.open("r+b") as file:
            left = path.stat().st_size
            while left > 0:
                left -= file.write(bytes(min(left, OVERWRITTEN)))
            file.flush()
    except OSError as error:
        raise StoreError(f"{path} cannot be erased ({error.strerror}); check who owns it, then erase it again") from error
