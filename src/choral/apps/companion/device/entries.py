"""What a person's day is made of: entries with a beginning and a length, already coarse.

An entry says "video" and never which video, "home" and never where: importers reduce what they read to classes before
anything is kept. Times are seconds since 1970 with the offset of the place's clock, so that the day and the hour on
the person's wall are right wherever and whenever it was. Device half.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Literal, get_args

Kind = Literal["app", "site", "call", "text", "mail", "place", "media", "social", "calendar", "idle"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_SECONDS = 48 * 3600  # an entry that lasts longer is a broken clock
MOST_OFFSET = 18 * 60  # minutes east of Greenwich
MOST_TEXT = 80


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """Something that went on for a while.

    start: seconds since 1970; seconds: its length, 0 for a moment; offset: of the local clock, minutes east of Greenwich
    kind: what sort of thing; what: its class in a word or two, such as "video", "home", "out"; source: which importer read it
    """

    start: int
    seconds: int
    offset: int
    kind: Kind
    what: str
    source: str

    def __post_init__(self) -> None:
        if not 0 <= self.start < 2**40 or not 0 <= self.seconds <= MOST_SECONDS or abs(self.offset) > MOST_OFFSET:
            raise ValueError(f"need 0 <= start < 2**40, 0 <= seconds <= {MOST_SECONDS}, |offset| <= {MOST_OFFSET}")
        if self.kind not in KINDS or not 1 <= len(self.what) <= MOST_TEXT or not 1 <= len(self.source) <= MOST_TEXT:
            raise ValueError(f"need one of the kinds {', '.join(KINDS)}, and 1 to {MOST_TEXT} characters of what and source")

    @property
    def local(self) -> datetime:
        """When it began, by the clock on the wall there."""
        return datetime.fromtimestamp(self.start, timezone(timedelta(minutes=self.offset)))

    @property
    def day(self) -> date:
        """The local day that it began on."""
        return self.local.date()

    @property
    def end(self) -> int:
        """When it was over, seconds since 1970."""
        return self.start + self.seconds


def entry_of(start: datetime, end: datetime | None = None, *, kind: Kind, what: str, source: str) -> Entry:
    """The entry between two aware times; ValueError if the second is before the first, or a time has no zone."""
    if start.tzinfo is None or (end is not None and end.tzinfo is None):
        raise ValueError("a time without its zone says nothing; give the zone of the place")
    begin = int(start.astimezone(UTC).timestamp())
    length = 0 if end is None else int(end.astimezone(UTC).timestamp()) - begin
    offset = start.utcoffset() or timedelta()
    return Entry(begin, length, round(offset.total_seconds() / 60), kind, what, source)


def merged(known: Iterable[Entry], new: Iterable[Entry]) -> tuple[Entry, ...]:
    """All entries in order, each once; of one source, kind and class those that overlap or touch become one.

    Applied again to its own answer it changes nothing, and the order in which files came does not matter.
    """
    by_thread: dict[tuple[str, Kind, str], list[Entry]] = {}
    for entry in sorted({*known, *new}):
        thread = by_thread.setdefault((entry.source, entry.kind, entry.what), [])
        last = thread[-1] if thread else None
        if last is None or entry.start > last.end or max(last.end, entry.end) - last.start > MOST_SECONDS:
            thread.append(entry)
        elif last.seconds or entry.start == last.start:
            length = max(last.end, entry.end) - last.start
            thread[-1] = Entry(last.start, length, last.offset, last.kind, last.what, last.source)
        else:
            thread.append(entry)
    return tuple(sorted(entry for thread in by_thread.values() for entry in thread))


def to_json(entries: Sequence[Entry]) -> bytes:
    """Entries as compact JSON rows."""
    rows = [[one.start, one.seconds, one.offset, one.kind, one.what, one.source] for one in entries]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()


def from_json(data: bytes) -> tuple[Entry, ...]:
    """What `to_json` wrote."""
    rows: list[list[Any]] = json.loads(data)
    return tuple(Entry(*row) for row in rows)
