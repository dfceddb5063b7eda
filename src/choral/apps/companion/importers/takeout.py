"""What services give of themselves: Takeout's My Activity, and the histories of film and music services. Device half.

Titles, searches and addresses are never kept: an entry says which class of service was used, and when.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ijson

from choral.apps.companion.device.entries import Entry, Kind
from choral.apps.companion.importers.base import (
    Context,
    Found,
    Importer,
    Skipped,
    each,
    entry_or_skipped,
    first_line,
    rows_of,
    spell,
)
from choral.apps.companion.importers.classes import OTHER_SITE, app_class, site_class

PRODUCTS: Mapping[str, tuple[Kind, str]] = {
    "youtube": ("media", "video"),
    "youtube music": ("media", "music"),
    "search": ("site", "search"),
    "image search": ("site", "search"),
    "maps": ("site", "travel"),
    "news": ("site", "news"),
    "shopping": ("site", "shopping"),
    "play store": ("app", "other app"),
    "gmail": ("mail", "in"),
}
Item = Mapping[str, Any]


def read_activity(path: Path, context: Context) -> Iterator[Found]:
    """One moment an item, by the product that it belongs to."""
    with path.open("rb") as file:
        try:
            yield from each(ijson.items(file, "item", use_float=True), lambda item: _activity(item, context))
        except ijson.JSONError:
            yield Skipped("the file is cut off or broken from some place on; what came before was read")


def _activity(item: Item, context: Context) -> Entry | None:
    product = str(item["header"]).strip().lower()
    kind, what = PRODUCTS.get(product, ("site", site_class(str(item.get("titleUrl", "")))))
    if what == OTHER_SITE:
        kind, what = "app", app_class(product)
    return spell(datetime.fromisoformat(item["time"]), None, context, kind=kind, what=what, source="my activity")


def read_films(path: Path, context: Context) -> Iterator[Found]:
    """A film service's viewing history: start in UTC and length a row."""
    for row in rows_of(path, ("start time", "duration")):
        yield from entry_or_skipped(lambda row=row: _film(row, context))  # type: ignore[misc]


def _film(row: Mapping[str, str], context: Context) -> Entry:
    begin = datetime.fromisoformat(row["start time"].strip()).replace(tzinfo=UTC)
    hours, minutes, seconds = map(int, row["duration"].strip().split(":"))
    end = begin + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return spell(begin, end, context, kind="media", what="video", source="films")


def read_music(path: Path, context: Context) -> Iterator[Found]:
    """A music service's history: the end of each piece in UTC, and how long it played."""
    with path.open("rb") as file:
        try:
            yield from each(ijson.items(file, "item", use_float=True), lambda item: _music(item, context))
        except ijson.JSONError:
            yield Skipped("the file is cut off or broken from some place on; what came before was read")


def _music(item: Item, context: Context) -> Entry | None:
    stamp = item.get("endTime") or item["ts"]
    end = datetime.fromisoformat(stamp)
    end = end.replace(tzinfo=UTC) if end.tzinfo is None else end
    played = timedelta(milliseconds=float(item.get("msPlayed", item.get("ms_played", 0))))
    if played < timedelta(seconds=10):
        return None
    return spell(end - played, end, context, kind="media", what="music", source="music")


def _is_activity(name: str, head: bytes) -> bool:
    return name.lower().endswith(".json") and b'"header"' in head and b'"time"' in head


def _is_films(_: str, head: bytes) -> bool:
    line = first_line(head)
    return "start time" in line and "duration" in line and "title" in line


def _is_music(name: str, head: bytes) -> bool:
    return name.lower().endswith(".json") and (b'"msPlayed"' in head or b'"ms_played"' in head)


MY_ACTIVITY = Importer("Takeout: My Activity", _is_activity, read_activity, "Takeout, My Activity, format JSON")
FILMS = Importer(
    "film history", _is_films, read_films, "Your film service's account page: download your viewing activity (CSV)"
)
MUSIC = Importer("music history", _is_music, read_music, "Your music service's privacy page: download your data (JSON)")
