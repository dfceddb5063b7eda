"""What every importer gives, and how one is found for a file.

An importer reads a file of one kind and gives entries, moods, and notes of what it could not read. What it reads is raw;
what it gives is coarse: classes of sites, apps and places. It keeps nothing and asks nobody. Device half.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

from choral.apps.companion.device.entries import Entry, Kind, entry_of
from choral.errors import UsageError

HEAD_BYTES = 4096
MOST_ITEMS = 20_000_000  # of one file


@dataclass(frozen=True, slots=True)
class Context:
    """What a file does not say itself. zone: of the clock where it has none; me: the person's own mail addresses."""

    zone: ZoneInfo
    me: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Felt:
    """A mood in a file. at: aware; valence, energy: 0 to 100; activities: as the file calls them."""

    at: datetime
    valence: int
    energy: int
    activities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in a file that could not be read, and why; never its text."""

    why: str


Found = Entry | Felt | Skipped


@dataclass(frozen=True, slots=True)
class Importer:
    """One kind of file. name: as people know it; suits: by the file's name and its first bytes; hint: how to get such a file"""

    name: str
    suits: Callable[[str, bytes], bool]
    read: Callable[[Path, Context], Iterator[Found]]
    hint: str


def entry_or_skipped(make: Callable[[], Entry | None]) -> Iterator[Entry | Skipped]:
    """What `make` gives; a note where it meets something that is not as its format says."""
    try:
        entry = make()
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, ArithmeticError) as error:
        yield Skipped(f"an item is not as the format says ({type(error).__name__})")
    else:
        if entry is not None:
            yield entry


def each(items: Iterable[Any], make: Callable[[Any], Entry | None]) -> Iterator[Entry | Skipped]:
    """The entries that `make` gives of the items."""
    for item in items:
        yield from entry_or_skipped(lambda item=item: make(item))  # type: ignore[misc]


def spell(start: datetime, end: datetime | None, context: Context, *, kind: Kind, what: str, source: str) -> Entry:
    """An entry from times as a file gives them, with an offset or in UTC, told by the clock of the place.

    A time that came with an offset of its own keeps it; UTC and times without a zone are told by the context's zone.
    """
    return entry_of(told(start, context), told(end, context) if end else None, kind=kind, what=what, source=source)


def told(at: datetime, context: Context) -> datetime:
    """The same moment by the clock of the place."""
    if at.tzinfo is None:
        return at.replace(tzinfo=context.zone)
    return at.astimezone(context.zone) if at.utcoffset() == UTC.utcoffset(None) else at


@contextmanager
def text_of(path: Path) -> Iterator[TextIO]:
    """The file as text; bytes that are no UTF-8 become marks. UsageError if it cannot be opened."""
    try:
        with path.open("r", encoding="utf-8-sig", errors="replace", newline="") as file:
            yield file
    except OSError as error:
        raise UsageError(f"the file cannot be read ({error.strerror}); choose another one") from error


def rows_of(path: Path, needed: Iterable[str]) -> Iterator[Mapping[str, str]]:
    """Rows of a CSV file as mappings, lower-case names; UsageError if a column is missing."""
    with text_of(path) as file:
        reader = csv.DictReader(file)
        reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
        missing = [name for name in needed if name not in reader.fieldnames]
        if missing:
            raise UsageError(f"the file has no column {', '.join(missing)}; export it again, as CSV with a header line")
        try:
            yield from ({name: value or "" for name, value in row.items() if isinstance(name, str)} for row in reader)
        except csv.Error as error:
            raise UsageError(f"the file is no CSV from line {reader.line_num} on ({error})") from error


def head_of(path: Path) -> bytes:
    """The first bytes of the file."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise UsageError(f"the file cannot be read ({error.strerror}); choose another one") from error


def first_line(head: bytes) -> str:
    """The first line of a file's head, in lower case."""
    return io.TextIOWrapper(io.BytesIO(head), encoding="utf-8-sig", errors="replace").readline().strip().lower()
