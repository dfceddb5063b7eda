"""What this device knows of labels: the latest feed, and what its person reported. Both stay in the encrypted store.

Device half: no server, no simulation. What the person said decides over the feed.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Self

from choral.apps.phishing.device.canonical import mark
from choral.apps.phishing.device.labels import LabelFeed, entry_for, today
from choral.device.rows import Table
from choral.errors import PeerError, Refused, StoreError
from choral.protocol import Release, Signed, decode, verify_any
from choral.protocol.codec import Wire
from choral.protocol.wire import Blob
from choral.storage.device import DeviceStore

FEED, OWN = b"feed", b"own"
MOST_OWN = 10_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A feed as an operator wrote it, or this person's own labels as JSON."""

    KIND: ClassVar[int] = 130
    WIRE: ClassVar[Wire] = (("body", Blob(2**27)),)
    body: bytes


KEPT = Table("phishing.labels", Kept)


@dataclass(slots=True, eq=False)
class LabelBook:
    """Made by `opened`; `label` reads what is in memory, all else also writes to the store."""

    store: DeviceStore
    feed: LabelFeed = field(default_factory=LabelFeed.empty)
    own: Mapping[int, bool] = field(default_factory=dict)

    @classmethod
    def opened(cls, store: DeviceStore) -> Self:
        """The book with what the store remembers."""
        book = cls(store)
        book.read_again()
        return book

    def read_again(self) -> None:
        """Look what another program has written since."""
        with self.store.transaction() as tx:
            feed, own = KEPT.get(tx, FEED), KEPT.get(tx, OWN)
        try:
            self.feed = LabelFeed.empty() if feed is None else LabelFeed.of(decode(feed.body, Release))
            said: list[tuple[str, bool]] = [] if own is None else json.loads(own.body)
            self.own = {int(number, 16): bool(phishing) for number, phishing in said}
        except (PeerError, ValueError, TypeError) as error:
            raise StoreError(f"the labels of this device cannot be read ({error}); forget its data and start anew") from error

    def label(self, marks: Sequence[int]) -> bool | None:
        """Whether the link with these marks is phishing; None if nobody has said so yet."""
        said = next((self.own[number] for number in marks if number in self.own), None)
        return self.feed.label(marks) if said is None else said

    def take(self, signed: Signed, operators: Collection[bytes]) -> int:
        """Hold a newer feed; how many entries it has. PeerError if no trusted operator signed it or it is no feed,
        Refused if it is older than the one held.
        """
        release = verify_any(signed, Release, operators)
        feed = LabelFeed.of(release)
        if feed.created < self.feed.created:
            raise Refused("the label feed is older than the one held; someone replays it, or an operator went back")
        with self.store.transaction() as tx:
            KEPT.put(tx, FEED, Kept(signed.body))
        self.feed = feed
        return len(feed)

    def report(self, link: str, *, phishing: bool, now: datetime) -> None:
        """This person's own word about a link, or a whole host if it names no more; Refused for what is no link."""
        entry = entry_for(link, phishing=phishing, day=today(now), source="report", place="here")
        number = mark(entry.expression)
        own = {**{one: said for one, said in self.own.items() if one != number}, number: phishing}
        own = dict(list(own.items())[-MOST_OWN:])
        with self.store.transaction() as tx:
            KEPT.put(tx, OWN, Kept(json.dumps([[f"{one:x}", said] for one, said in own.items()]).encode()))
        self.own = own

    def forget(self) -> None:
        """Let go of what the person reported; the feed is public and stays."""
        with self.store.transaction() as tx:
            KEPT.delete(tx, OWN)
        self.own = {}
