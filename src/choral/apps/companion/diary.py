"""The person's own record: entries, labels and moods by day, imports and settings, in the encrypted store of the device.

One row a day and table, so that a page about a day reads a few rows however many years are kept. Nothing here ever
becomes a report; what may be learnt from it goes through the agent's signals. Device half.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from typing import Any, ClassVar, Generic, Literal, TypeVar

from choral.apps.companion.entries import Entry, from_json, merged, to_json
from choral.device.rows import Table
from choral.protocol.codec import Wire
from choral.protocol.wire import Blob
from choral.storage.device import DeviceStore, DeviceTransaction

MOST_ROW = 2**24  # bytes
SCALE = 100  # of valence and energy: 0 is lowest, 100 is highest
EXTENT = b"extent"
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Row:
    """Values as JSON; key: a day's ordinal in 4 bytes, a file's digest, or a name."""

    KIND: ClassVar[int] = 96
    WIRE: ClassVar[Wire] = (("json", Blob(MOST_ROW)),)
    json: bytes


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
    """A file that was read: when, how many of its entries were new, how many were known, what could not be read."""

    source: str
    name: str
    at: int
    new: int
    known: int
    skipped: int


DAYS, LABELS, MOODS, IMPORTS, NOTES = (
    Table(f"companion.{name}", Row) for name in ("days", "labels", "moods", "imports", "notes")
)
TABLES = (DAYS, LABELS, MOODS, IMPORTS, NOTES)


@dataclass(frozen=True, slots=True)
class ByDay(Generic[R]):
    """One table of values by day and fragment, such as labels."""

    table: Table[Row]
    kind: Callable[..., R]

    def read(self, tx: DeviceTransaction, day: date) -> dict[int, R]:
        """The day's values by fragment."""
        row = self.table.get(tx, _key(day))
        return {} if row is None else {int(place): self.kind(*value) for place, value in json.loads(row.json).items()}

    def write(self, tx: DeviceTransaction, day: date, values: Mapping[int, Any]) -> None:
        """In place of the day's values."""
        self.table.put(tx, _key(day), _row({str(place): astuple(value) for place, value in sorted(values.items())}))


LABELLED, FELT = ByDay(LABELS, Label), ByDay(MOODS, Mood)


@dataclass(frozen=True, slots=True)
class Diary:
    """The diary in `store`. Each method is one transaction."""

    store: DeviceStore

    def add(self, entries: Iterable[Entry]) -> tuple[int, int]:
        """Keep entries; how many rows that made more, and how many of those given were known. Twice is once."""
        by_day: dict[date, set[Entry]] = {}
        for entry in entries:
            by_day.setdefault(entry.day, set()).add(entry)
        more = known = 0
        with self.store.transaction() as tx:
            for day, new in by_day.items():
                before = _entries(tx, day)
                after = merged(before, new)
                known += sum(_is_covered(entry, before) for entry in new)
                more += max(0, len(after) - len(before))
                DAYS.put(tx, _key(day), Row(to_json(after)))
            _extend(tx, by_day)
        return more, known

    def day(self, day: date) -> tuple[Entry, ...]:
        """The day's entries, in order."""
        with self.store.transaction() as tx:
            return _entries(tx, day)

    def days(self, first: date, last: date) -> dict[date, tuple[Entry, ...]]:
        """The entries of each day from first to last that has any."""
        with self.store.transaction() as tx:
            found = {day: _entries(tx, day) for day in _span(first, last)}
        return {day: entries for day, entries in found.items() if entries}

    def extent(self) -> tuple[date, date] | None:
        """The first and the last day of which anything was kept; None if nothing was."""
        with self.store.transaction() as tx:
            row = NOTES.get(tx, EXTENT)
        return None if row is None else _dates(row)

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
            IMPORTS.put(tx, digest, _row(astuple(row)))

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
            NOTES.put(tx, name.encode(), _row(value))

    def redact(self, day: date, fragments: Iterable[int], *, per_day: int = 24) -> None:
        """Forget fragments of a day: what was logged in them, what they were called and how they felt."""
        gone = frozenset(fragments)
        with self.store.transaction() as tx:
            kept = tuple(one for one in _entries(tx, day) if not gone & _touched(one, per_day))
            DAYS.put(tx, _key(day), Row(to_json(kept)))
            for table in (LABELLED, FELT):
                values: dict[int, Any] = table.read(tx, day)
                table.write(tx, day, {place: value for place, value in values.items() if place not in gone})

    def forget(self) -> None:
        """Forget everything."""
        with self.store.transaction() as tx:
            for table in TABLES:
                table.clear(tx)

    def export(self) -> Mapping[str, Any]:
        """Everything, as plain values fit for JSON."""
        with self.store.transaction() as tx:
            by_day = {table.name.removeprefix("companion."): _by_day(table, tx) for table in (DAYS, LABELS, MOODS)}
            imports = {key.hex(): json.loads(row.json) for key, row in IMPORTS.scan(tx)}
            return {**by_day, "imports": imports, "notes": {key.decode(): json.loads(row.json) for key, row in NOTES.scan(tx)}}

    def _change(self, table: ByDay[Any], day: date, values: Mapping[int, Any]) -> None:
        with self.store.transaction() as tx:
            changed = {**table.read(tx, day), **values}
            table.write(tx, day, {place: value for place, value in changed.items() if value is not None})
            _extend(tx, (day,))

    def _read(self, table: ByDay[R], first: date, last: date) -> dict[date, dict[int, R]]:
        with self.store.transaction() as tx:
            found = {day: table.read(tx, day) for day in _span(first, last)}
        return {day: values for day, values in found.items() if values}


def _entries(tx: DeviceTransaction, day: date) -> tuple[Entry, ...]:
    row = DAYS.get(tx, _key(day))
    return () if row is None else from_json(row.json)


def _is_covered(entry: Entry, known: Iterable[Entry]) -> bool:
    """Whether an entry says nothing that was not known."""
    same = (one for one in known if (one.source, one.kind, one.what) == (entry.source, entry.kind, entry.what))
    return any(one.start <= entry.start and entry.end <= one.end for one in same)


def _touched(entry: Entry, per_day: int) -> frozenset[int]:
    """The fragments of its day that an entry lies in, by the clock on the wall."""
    clock = entry.local
    first = clock.hour * 3600 + clock.minute * 60 + clock.second
    last = max(first, min(first + entry.seconds - 1, 86_399))
    width = 86_400 // per_day
    return frozenset(range(first // width, last // width + 1))


def _extend(tx: DeviceTransaction, days: Iterable[date]) -> None:
    """Remember the first and the last day of all."""
    row = NOTES.get(tx, EXTENT)
    every = [*days, *(_dates(row) if row else ())]
    if every:
        NOTES.put(tx, EXTENT, _row([min(every).isoformat(), max(every).isoformat()]))


def _by_day(table: Table[Row], tx: DeviceTransaction) -> dict[str, Any]:
    return {date.fromordinal(int.from_bytes(key)).isoformat(): json.loads(row.json) for key, row in table.scan(tx)}


def _dates(row: Row) -> tuple[date, date]:
    first, last = json.loads(row.json)
    return date.fromisoformat(first), date.fromisoformat(last)


def _span(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _key(day: date) -> bytes:
    return day.toordinal().to_bytes(4)


def _row(value: Any) -> Row:
    return Row(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
