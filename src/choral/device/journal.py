"""Events kept for training, until they are used or their time is over; the store encrypts them.

At most `limit` a signal: the oldest goes first. Statistics have no journal (see records.py).
"""

import hashlib
import json
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from choral.device.ledger import DAY
from choral.device.rows import Table
from choral.device.signal import Event, Signal
from choral.protocol.codec import Wire
from choral.protocol.task import SECONDS
from choral.protocol.wire import Blob, Integer
from choral.storage.device import DeviceTransaction

NUMBER = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers of a signal's entries: from `first` up to, not including, `next`."""

    KIND: ClassVar[int] = 71
    WIRE: ClassVar[Wire] = (("first", Integer("Q")), ("next", Integer("Q")))
    first: int
    next: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as JSON, and when it must be gone."""

    KIND: ClassVar[int] = 72
    WIRE: ClassVar[Wire] = (("event", Blob(2**20)), ("expires", SECONDS))
    event: bytes
    expires: int

    @property
    def content(self) -> Event:
        """The event itself."""
        kind, at, values = json.loads(self.event)
        return Event(kind, datetime.fromtimestamp(at, UTC), values)


SPANS = Table("spans", Span)
ENTRIES = Table("journal", Entry)


def append(tx: DeviceTransaction, signal: Signal, event: Event, *, ttl_days: int, now: datetime) -> None:
    """Keep the event for `ttl_days`; the oldest one goes if there are more than the signal's limit."""
    name = _name(signal.name)
    span = SPANS.get(tx, name) or Span(0, 0)
    ENTRIES.put(tx, name + NUMBER.pack(span.next), Entry(_to_json(event), int(now.timestamp()) + ttl_days * DAY))
    first = span.first
    while span.next + 1 - first > signal.limit:
        ENTRIES.delete(tx, name + NUMBER.pack(first))
        first += 1
    SPANS.put(tx, name, Span(first, span.next + 1))


def read(tx: DeviceTransaction, signal: str) -> Sequence[Event]:
    """The signal's events, oldest first."""
    return [entry.content for entry in entries(tx, signal)]


def entries(tx: DeviceTransaction, signal: str) -> Sequence[Entry]:
    """The signal's entries as they are kept, oldest first."""
    return [entry for _, entry in _entries(tx, signal)]


def drop(tx: DeviceTransaction, signal: str) -> None:
    """Delete all events of the signal."""
    for key, _ in list(_entries(tx, signal)):
        ENTRIES.delete(tx, key)
    SPANS.delete(tx, _name(signal))


def drop_used(tx: DeviceTransaction, signal: str, used: Sequence[Entry]) -> None:
    """Delete the entries that a contribution used, as far as they are still there; what came meanwhile stays."""
    left = Counter(used)

    def is_used(entry: Entry) -> bool:
        left[entry] -= 1
        return left[entry] >= 0

    _drop(tx, signal, lambda entries: [is_used(entry) for entry in entries])


def retract(tx: DeviceTransaction, signal: str, is_gone: Callable[[Event], bool]) -> int:
    """Delete the events of the signal that the person takes back; how many."""
    return _drop(tx, signal, lambda entries: [is_gone(entry.content) for entry in entries])


def _drop(tx: DeviceTransaction, signal: str, gone: Callable[[Sequence[Entry]], Sequence[bool]]) -> int:
    """Delete entries; those that stay close up, so that the limit counts them alone."""
    rows = list(_entries(tx, signal))
    found = gone([entry for _, entry in rows])
    kept = [entry for (_, entry), is_gone in zip(rows, found, strict=True) if not is_gone]
    name, span = _name(signal), SPANS.get(tx, _name(signal))
    if len(kept) == len(rows) or span is None:
        return 0
    drop(tx, signal)
    first = span.next - len(kept)
    for number, entry in enumerate(kept, first):
        ENTRIES.put(tx, name + NUMBER.pack(number), entry)
    if kept:
        SPANS.put(tx, name, Span(first, span.next))
    return len(rows) - len(kept)


def purge(tx: DeviceTransaction, now: datetime) -> int:
    """Delete events whose time is over; how many."""
    over = [key for key, entry in ENTRIES.scan(tx) if entry.expires <= now.timestamp()]
    for key in over:
        ENTRIES.delete(tx, key)
    return len(over)


def all_events(tx: DeviceTransaction) -> list[Event]:
    """Every event that is kept, for the person to see."""
    return [entry.content for _, entry in ENTRIES.scan(tx)]


def _entries(tx: DeviceTransaction, signal: str) -> Iterator[tuple[bytes, Entry]]:
    name = _name(signal)
    span = SPANS.get(tx, name) or Span(0, 0)
    for number in range(span.first, span.next):
        key = name + NUMBER.pack(number)
        entry = ENTRIES.get(tx, key)
        if entry is not None:
            yield key, entry


def _name(signal: str) -> bytes:
    return hashlib.sha256(signal.encode()).digest()


def _to_json(event: Event) -> bytes:
    return json.dumps([event.kind, event.at.timestamp(), dict(event.data)], ensure_ascii=False).encode()
