"""What comes down for one person: preference information and sticker candidates, by the app's own road, with an account.

Device half: no server, no simulation. This road knows who asks and is never used for anything else: check-outs come
down and reports go up by the agent's transport, which has no account. What came is kept in the encrypted store, so that
stickers are suggested without a network.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from choral.apps.stickers.device.catalogue import BETWEEN
from choral.apps.stickers.device.messages import Candidates, Preference
from choral.apps.stickers.device.suggestion import Choice, Holdings, nothing_held
from choral.device.http import checked_url
from choral.device.rows import Table
from choral.device.signal import Arrays
from choral.device.transport import MOST_BYTES, Unreachable
from choral.errors import PeerError
from choral.protocol import decode
from choral.protocol.codec import Wire
from choral.protocol.wire import Blob, Text, malformed
from choral.storage.device import DeviceStore

if TYPE_CHECKING:
    import httpx

PREFERENCE, CANDIDATES = "/v1/me/preference", "/v1/me/candidates"
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Download:
    """A body as it came, with the tag under which the service knows it."""

    KIND: ClassVar[int] = 122
    WIRE: ClassVar[Wire] = (("tag", Text(128)), ("body", Blob(MOST_BYTES)))
    tag: str
    body: bytes


DOWNLOADS = Table("stickers.downloads", Download)


class Account(Protocol):
    """The road to the catalogue service, with this person's account token."""

    def fetch(self, path: str, tag: str) -> Download | None:
        """What lies at `path`; None if it is still what is known under `tag`. PeerError or Unreachable otherwise."""
        ...


@dataclass(frozen=True, slots=True)
class HttpAccount:
    """Over HTTP, a connection of its own for each request.

    url: of the catalogue service, https unless it is this machine; token: of this person's account
    """

    url: str
    token: str

    def fetch(self, path: str, tag: str) -> Download | None:
        """What lies at `path`, if it is news."""
        import httpx

        try:
            url = checked_url(self.url) + path
            answer = httpx.get(url, headers=headers(self.token, tag), timeout=TIMEOUT_SECONDS, trust_env=False)
        except httpx.HTTPError as error:
            raise Unreachable(f"the catalogue at {self.url} cannot be reached ({error or type(error).__name__})") from error
        return downloaded(answer)


def headers(token: str, tag: str = "") -> dict[str, str]:
    """What a request to the catalogue service says; the same for all but the token and the tag."""
    return {"Authorization": f"Bearer {token}", "User-Agent": "choral"} | ({"If-None-Match": tag} if tag else {})


def downloaded(answer: "httpx.Response") -> Download | None:
    """The body and tag of an answer, None if nothing has changed; PeerError with the problem that the service names."""
    if answer.status_code == 304:
        return None
    if answer.status_code == 200 and len(answer.content) <= MOST_BYTES:
        return Download(answer.headers.get("etag", "")[:128], answer.content)
    if answer.status_code == 401:
        raise PeerError("not-authorized", "the catalogue does not know this account's token; log in to the app again")
    if answer.status_code == 404:
        raise PeerError("unknown-page", f"the catalogue has nothing at {answer.request.url.path} for this account yet")
    raise Unreachable(f"the catalogue answered {answer.status_code}; try again later")


@dataclass(slots=True, eq=False)
class Shelf:
    """What was downloaded last, in memory and in the store. `holdings` is what ranking and training read now."""

    store: DeviceStore
    holdings: Holdings
    candidates: Candidates | None = None

    @classmethod
    def opened(cls, store: DeviceStore) -> "Shelf":
        """The shelf with what the store remembers."""
        shelf = cls(store, nothing_held(1, 1))
        shelf._arrange()
        return shelf

    def examples(self, choices: Sequence[Choice]) -> Arrays:
        """Examples of these choices by what is held now."""
        return self.holdings.examples(choices)

    def download(self, account: Account) -> None:
        """Get what is new and keep it; nothing is kept of an answer that cannot be read."""
        news = {path: self._fetched(account, path) for path in (PREFERENCE, CANDIDATES)}
        candidates, holdings = _held(news[CANDIDATES], news[PREFERENCE])
        with self.store.transaction() as tx:
            for path, download in news.items():
                if download is not None:
                    DOWNLOADS.put(tx, path.encode(), download)
        self.candidates, self.holdings = candidates, holdings

    def suit(self, size: int) -> None:
        """Without preference information yet, take part in a head of `size` numbers as a person of no known preference."""
        if self.candidates is not None and not len(self.holdings.preference) and size % self.holdings.width == 0:
            self.holdings = replace(self.holdings, preference=np.zeros(size // self.holdings.width - 1))

    def forget(self) -> None:
        """Let go of all that was downloaded."""
        with self.store.transaction() as tx:
            DOWNLOADS.clear(tx)
        self._arrange()

    def exported(self) -> dict[str, Any]:
        """What the catalogue service has told about this person, fit for JSON."""
        held = np.zeros(0, np.int32) if self.candidates is None else self.candidates.stickers[self.candidates.held]
        return {
            "preference": self.holdings.preference.tolist(),
            "candidates": len(self.holdings.ids),
            "held": held.tolist(),
        }

    def symbol(self, id_: int) -> tuple[str, str]:
        """What is shown for a sticker, and its name; empty for one that is not held."""
        place = self.holdings.places.get(id_)
        if place is None or self.candidates is None:
            return "", ""
        return self.candidates.symbols[place], self.candidates.names[place]

    def _fetched(self, account: Account, path: str) -> Download | None:
        """The news at `path`, else what is kept; nothing where the service has learnt nothing yet."""
        with self.store.transaction() as tx:
            kept = DOWNLOADS.get(tx, path.encode())
        try:
            return account.fetch(path, "" if kept is None else kept.tag) or kept
        except PeerError as error:
            if error.problem == "unknown-page" and path == PREFERENCE:
                return None
            raise

    def _arrange(self) -> None:
        with self.store.transaction() as tx:
            preference, candidates = (DOWNLOADS.get(tx, path.encode()) for path in (PREFERENCE, CANDIDATES))
        self.candidates, self.holdings = _held(candidates, preference)


def _held(candidates: Download | None, preference: Download | None) -> tuple[Candidates | None, Holdings]:
    """What the two bodies say together; PeerError if one cannot be read."""
    if candidates is None:
        return None, nothing_held(1, 1)
    read = decode(candidates.body, Candidates)
    if "" in read.symbols or any(
        not (english or japanese) for english, japanese in zip(read.keywords_en, read.keywords_ja, strict=True)
    ):
        raise malformed("a candidate has no symbol or no keyword, so that it could not be shown or found")
    vector = np.zeros(0) if preference is None else decode(preference.body, Preference).vector().astype(np.float64)
    return read, Holdings(
        ids=read.stickers.astype(np.int64),
        keywords=_keywords(read.keywords_en, read.keywords_ja),
        features=read.rows().astype(np.float64),
        popularity=read.log_popularity().astype(np.float64),
        preference=vector,
    )


def _keywords(english: Sequence[str], japanese: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Of each candidate, in both languages."""
    return tuple(
        tuple(word for column in columns for word in column.split(BETWEEN) if word)
        for columns in zip(english, japanese, strict=True)
    )
