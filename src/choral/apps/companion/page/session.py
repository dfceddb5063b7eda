"""Who may see the open companion: the browser in which the passphrase was typed, until it locks or is covered."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from choral.numerics import Entropy
from choral.pages.loopback import Cookie

REVEALED_FOR = timedelta(minutes=5)
OPENED = Cookie("choral-open")  # beside the door's: not whoever followed the link, but whoever typed the passphrase


@dataclass(slots=True, eq=False)
class Session:
    """One session at a time; of its key only the hash is kept. It ends when the companion locks.

    entropy: the operating system's, where it counts
    """

    entropy: Entropy
    _digest: bytes = field(default=b"", init=False, repr=False)
    _revealed: datetime | None = field(default=None, init=False)

    def begin(self) -> str:
        """A new session's key; an older one is over."""
        key = self.entropy.words(1, 4).tobytes().hex()
        self._digest, self._revealed = _digest(key), None
        return key

    def knows(self, key: str) -> bool:
        """Whether this is the key of the session that goes on."""
        return bool(self._digest) and hmac.compare_digest(self._digest, _digest(key))

    def end(self) -> None:
        """Nobody's session goes on."""
        self._digest, self._revealed = b"", None

    def reveal(self, now: datetime) -> None:
        """Contents may be shown, in discreet mode, as long as the page is used."""
        self._revealed = now

    def cover(self) -> None:
        """Contents may not be shown until they are revealed again."""
        self._revealed = None

    def shows(self, now: datetime) -> bool:
        """Whether contents may be shown; looking keeps them so for a while."""
        if self._revealed is None or not timedelta() <= now - self._revealed <= REVEALED_FOR:
            self._revealed = None
            return False
        self._revealed = now
        return True


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
