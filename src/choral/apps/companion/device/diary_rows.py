"""The rows in which the diary is kept: one a day and table, as JSON, in the encrypted store of the device. Device half."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any, ClassVar, Generic, TypeVar

from choral.apps.companion.device.entries import Entry, from_json
from choral.device.rows import Table
from choral.protocol.codec import Wire
from choral.protocol.wire import Blob
from choral.storage.device import DeviceTransaction

MOST_ROW = 2**24  # bytes
EXTENT = b"extent"
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Row:
    """Values as JSON; key: a day's ordinal in 4 bytes, a file's digest, or a name."""

    KIND: ClassVar[int] = 96
    WIRE: ClassVar[Wire] = (("json", Blob(MOST_ROW)),)
    json: bytes


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
        row = self.table.get(tx, key_of(day))
        return {} if row is None else {int(place): self.kind(*value) for place, value in json.loads(row.json).items()}

    def write(self, tx: DeviceTransaction, day: date, values: Mapping[int, Any]) -> None:
        """In place of the day's values."""
        self.table.put(tx, key_of(day), row_of({str(place): astuple(value) for place, value in sorted(values.items())}))


def entries_on(tx: DeviceTransaction, day: date) -> tuple[Entry, ...]:
    """The entries that begin on a day, in order."""
    row = DAYS.get(tx, key_of(day))
    return () if row is None else from_json(row.json)


def extend(tx: DeviceTransaction, days: Iterable[date]) -> None:
    """Remember the first and the last day of all."""
    row = NOTES.get(tx, EXTENT)
    every = [*days, *(dates_of(row) if row else ())]
    if every:
        NOTES.put(tx, EXTENT, row_of([min(every).isoformat(), max(every).isoformat()]))


def plain(table: Table[Row], tx: DeviceTransaction) -> dict[str, Any]:
    """A table of days as plain values."""
    return {date.fromordinal(int.from_bytes(key)).isoformat(): json.loads(row.json) for key, row in table.scan(tx)}


def dates_of(row: Row) -> tuple[date, date]:
    """The first and the last day that a row of EXTENT names."""
    first, last = json.loads(row.json)
    return date.fromisoformat(first), date.fromisoformat(last)


def key_of(day: date) -> bytes:
    """The key of a day's row."""
    return day.toordinal().to_bytes(4)


def row_of(value: Any) -> Row:
    """The row of a value."""
    return Row(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
