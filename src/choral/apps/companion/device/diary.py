"""The person's own record: entries, labels and moods by day, imports and settings, in the encrypted store of the device.

One row a day and table, so that a page about a day reads a few rows however many years are kept. Nothing here ever
becomes a report; what may be learnt from it goes through the agent's signals. Device half.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from typing import Any, Literal, TypeVar

from choral.apps.companion.device.diary_rows import (
    DAYS,
    EXTENT,
    IMPORTS,
    LABELS,
    MOODS,
    NOTES,
    TABLES,
    ByDay,
    Row,
    dates_of,
    entries_on,
    extend,
    key_of,
    plain,
    row_of,
)
from choral.apps.companion.device.entries import Entry, merged, to_json
from choral.apps.companion.device.redaction import Span, fragments_in, joined, left_of, spans_of, widened
from choral.storage.device import DeviceStore, DeviceTransaction

SCALE = 100  # of valence and energy: 0 is lowest, 100 is highest
REDACTED = b"redacted"
REACH_DAYS = 3  # back: an entry of the longest kind that began so long ago can still go on
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Label:
    """What a fragment was spent on.

    activity: a code of the activity list; by: the person, or a guess that the person has not confirmed
    confidence: of a guess, in percent
    """

    activity: str
    by: Literal["person", "guess"]
    confidence: int = 100


@dataclass(frozen=True, slots=True)
class Mood:
    """How the person felt. valence, energy: 0 to 100, 50 is neither; at: seconds since 1970, when it was said.

    external: because of something else: kept for the person, left out of all learning
    """

    valence: int
    energy: int
    external: bool
    at: int

    def __post_init__(self) -> None:
        if not (0 <= self.valence <= SCALE and 0 <= self.energy <= SCALE):
            raise ValueError(f"valence and energy lie between 0 and {SCALE}")


@dataclass(frozen=True, slots=True)
class Import:
    """A file that was read: when, how many of its entries were new, how many were known, how many could not; and why."""

    source: str
    name: str
    at: int
    new: int
    known: int
    skipped: int
    why: str = ""


LABELLED, FELT = ByDay(LABELS, Label), ByDay(MOODS, Mood)


@dataclass(frozen=True, slots=True)
class Diary:
    """The diary in `store`. Each method is one transaction."""

    store: DeviceStore

    def add(self, entries: Iterable[Entry]) -> tuple[int, int]:
        """Keep entries; how many rows that made more, and how many of those given were known. Twice is once.

        What lies in hours that were redacted is not kept.
        """
        given = _by_start(entries)
        more = known = 0
        with self.store.transaction() as tx:
            by_day = left_of(given, _redacted(tx))
            for day, new in by_day.items():
                before = entries_on(tx, day)
                after = merged(before, new)
                known += sum(_is_covered(entry, before) for entry in new)
                more += max(0, len(after) - len(before))
                DAYS.put(tx, key_of(day), Row(to_json(after)))
            extend(tx, by_day)
        return more, known

    def day(self, day: date) -> tuple[Entry, ...]:
        """The day's entries, in order."""
        with self.store.transaction() as tx:
            return entries_on(tx, day)

    def days(self, first: date, last: date) -> dict[date, tuple[Entry, ...]]:
        """The entries of each day from first to last that has any."""
        with self.store.transaction() as tx:
            found = {day: entries_on(tx, day) for day in _span(first, last)}
        return {day: entries for day, entries in found.items() if entries}

    def extent(self) -> tuple[date, date] | None:
        """The first and the last day of which anything was kept; None if nothing was."""
        with self.store.transaction() as tx:
            row = NOTES.get(tx, EXTENT)
        return None if row is None else dates_of(row)

    def label(self, day: date, labels: Mapping[int, Label | None]) -> None:
        """Say, or with None unsay, what fragments were spent on."""
        self._change(LABELLED, day, labels)

    def labels(self, first: date, last: date) -> dict[date, dict[int, Label]]:
        """Labels by day and fragment, of the days from first to last that have any."""
        return self._read(LABELLED, first, last)

    def feel(self, day: date, moods: Mapping[int, Mood | None]) -> None:
        """Say, or with None unsay, how fragments felt."""
        self._change(FELT, day, moods)

    def moods(self, first: date, last: date) -> dict[date, dict[int, Mood]]:
        """Moods by day and fragment, of the days from first to last that have any."""
        return self._read(FELT, first, last)

    def imported(self, digest: bytes, row: Import) -> None:
        """Note that the file with this digest was read."""
        with self.store.transaction() as tx:
            IMPORTS.put(tx, digest, row_of(astuple(row)))

    def was_imported(self, digest: bytes) -> Import | None:
        """What became of the file with this digest when it was read."""
        with self.store.transaction() as tx:
            row = IMPORTS.get(tx, digest)
        return None if row is None else Import(*json.loads(row.json))

    def imports(self) -> tuple[Import, ...]:
        """Files that were read, the latest first."""
        with self.store.transaction() as tx:
            rows = [Import(*json.loads(row.json)) for _, row in IMPORTS.scan(tx)]
        return tuple(sorted(rows, key=lambda row: -row.at))

    def note(self, name: str, default: Any = None) -> Any:
        """The small value of that name: a setting, what was suggested, what was said to it."""
        with self.store.transaction() as tx:
            row = NOTES.get(tx, name.encode())
        return default if row is None else json.loads(row.json)

    def keep_note(self, name: str, value: Any) -> None:
        """Keep a small value under that name."""
        with self.store.transaction() as tx:
            NOTES.put(tx, name.encode(), row_of(value))

    def redact(self, day: date, fragments: Iterable[int], *, per_day: int = 24, margin: int = 0) -> None:
        """Forget fragments of a day: what was logged in them, what they were called and how they felt.

        What began before or ended later is cut. Imports bring nothing of these hours back. margin: seconds on both sides of
        them in which what was logged goes too, for a day on which the clock is changed
        """
        gone = frozenset(fragments)
        spans = widened(spans_of(day, gone, per_day), margin)
        with self.store.transaction() as tx:
            for table in (LABELLED, FELT):
                values: dict[int, Any] = table.read(tx, day)
                table.write(tx, day, {place: value for place, value in values.items() if place not in gone})
            days = [day - timedelta(days=back) for back in range(REACH_DAYS, -2, -1)]
            kept = {one: entries_on(tx, one) for one in days}
            left = left_of(_by_start(entry for entries in kept.values() for entry in entries), spans)
            for one, before in kept.items():
                if before != (after := merged((), left.get(one, ()))):
                    DAYS.put(tx, key_of(one), Row(to_json(after)))
            _redact(tx, spans)

    def redacted(self, day: date, *, per_day: int = 24) -> frozenset[int]:
        """The fragments of a day that were redacted."""
        with self.store.transaction() as tx:
            return fragments_in(_redacted(tx), day, per_day)

    def keep_redacted(self, spans: Iterable[Span]) -> None:
        """Remember more spans as redacted; what is kept in them stays."""
        with self.store.transaction() as tx:
            _redact(tx, spans)

    def forget(self) -> None:
        """Forget everything."""
        with self.store.transaction() as tx:
            for table in TABLES:
                table.clear(tx)

    def export(self) -> Mapping[str, Any]:
        """Everything, as plain values fit for JSON."""
        with self.store.transaction() as tx:
            by_day = {table.name.removeprefix("companion."): plain(table, tx) for table in (DAYS, LABELS, MOODS)}
            imports = {key.hex(): json.loads(row.json) for key, row in IMPORTS.scan(tx)}
            return {**by_day, "imports": imports, "notes": {key.decode(): json.loads(row.json) for key, row in NOTES.scan(tx)}}

    def _change(self, table: ByDay[Any], day: date, values: Mapping[int, Any]) -> None:
        with self.store.transaction() as tx:
            changed = {**table.read(tx, day), **values}
            table.write(tx, day, {place: value for place, value in changed.items() if value is not None})
            extend(tx, (day,))

    def _read(self, table: ByDay[R], first: date, last: date) -> dict[date, dict[int, R]]:
        with self.store.transaction() as tx:
            found = {day: table.read(tx, day) for day in _span(first, last)}
        return {day: values for day, values in found.items() if values}


def _is_covered(entry: Entry, known: Iterable[Entry]) -> bool:
    """Whether an entry says nothing that was not known."""
    same = (one for one in known if (one.source, one.kind, one.what) == (entry.source, entry.kind, entry.what))
    return any(one.start <= entry.start and entry.end <= one.end for one in same)


def _by_start(entries: Iterable[Entry]) -> dict[date, set[Entry]]:
    """Entries by the day that they begin on."""
    found: dict[date, set[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.day, set()).add(entry)
    return found


def _redact(tx: DeviceTransaction, spans: Iterable[Span]) -> None:
    every = joined((*_redacted(tx), *spans))
    if every:
        NOTES.put(tx, REDACTED, row_of(every))


def _redacted(tx: DeviceTransaction) -> tuple[Span, ...]:
    row = NOTES.get(tx, REDACTED)
    return () if row is None else tuple((first, last) for first, last in json.loads(row.json))


def _span(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
