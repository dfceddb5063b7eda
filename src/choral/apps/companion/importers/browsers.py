"""Browser history: the SQLite files of Chromium and its kin, and of Firefox; addresses become classes. Device half."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from choral.apps.companion.device.entries import Entry
from choral.apps.companion.importers.base import Context, Found, Importer, Skipped, entry_or_skipped, spell
from choral.apps.companion.importers.classes import site_class

CHROMIUM_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST = timedelta(minutes=30)  # a visit whose end nobody noted ends with the next one, at most this long after
CHROMIUM_ROWS = "SELECT urls.url, visit_time, visit_duration FROM visits JOIN urls ON urls.id = visits.url ORDER BY visit_time"
FIREFOX_ROWS = """
    SELECT moz_places.url, visit_date, 0 FROM moz_historyvisits JOIN moz_places ON moz_places.id = moz_historyvisits.place_id
    ORDER BY visit_date
"""
Row = tuple[str, datetime, timedelta]


def read_chromium(path: Path, context: Context) -> Iterator[Found]:
    """Visits with the time that the browser noted."""
    return _read(path, CHROMIUM_ROWS, CHROMIUM_EPOCH, context, source="chromium")


def read_firefox(path: Path, context: Context) -> Iterator[Found]:
    """Visits, each until the next."""
    return _read(path, FIREFOX_ROWS, UNIX_EPOCH, context, source="firefox")


def _read(path: Path, sql: str, epoch: datetime, context: Context, *, source: str) -> Iterator[Found]:
    try:
        with closing(sqlite3.connect(":memory:")) as db:
            db.deserialize(_image(path))
            db.text_factory = lambda data: data.decode("utf-8", "replace")
            last: Row | None = None
            for url, micros, length in db.execute(sql):
                row = _row(url, micros, length, epoch)
                if row is None:
                    yield Skipped("a visit has no time")
                    continue
                if last is not None:
                    yield from _entry(last, row[1], context, source)
                last = row
            if last is not None:
                yield from _entry(last, last[1] + LONGEST, context, source)
    except sqlite3.Error as error:
        yield Skipped(
            f"the history cannot be read further ({type(error).__name__}); close the browser, copy the file, try again"
        )


def _image(path: Path) -> bytes:
    """The database as it stands in the file; a log beside it, which is not here, is not asked for (bytes 18 and 19)."""
    data = path.read_bytes()
    return data[:18] + b"\1\1" + data[20:]


def _row(url: Any, micros: Any, length: Any, epoch: datetime) -> Row | None:
    try:
        return str(url), epoch + timedelta(microseconds=int(micros)), timedelta(microseconds=max(0, int(length or 0)))
    except (TypeError, ValueError, OverflowError):
        return None


def _entry(row: Row, following: datetime, context: Context, source: str) -> Iterator[Entry | Skipped]:
    url, begin, noted = row
    end = min(begin + (noted or LONGEST), max(following, begin), begin + LONGEST * 4)
    return entry_or_skipped(lambda: spell(begin, end, context, kind="site", what=site_class(url), source=source))


def _is_sqlite(table: bytes) -> Callable[[str, bytes], bool]:
    return lambda name, head: head.startswith(b"SQLite format 3\0") and table in name.lower().encode()


CHROMIUM = Importer(
    "Chromium history", _is_sqlite(b"history"), read_chromium, "The file History in the browser's profile folder, copied"
)
FIREFOX = Importer(
    "Firefox history", _is_sqlite(b"places"), read_firefox, "The file places.sqlite in the profile folder, copied"
)
