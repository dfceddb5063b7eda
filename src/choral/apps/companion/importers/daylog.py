"""The companion's own day log: one JSON file a day of app use, browsing, calls, texts and places, as "Towards 'Her'" has it.

{"zone": "Europe/London", "apps": [{"app", "start", "end"}], "browsing": [{"url", "start", "end"}],
"calls": [{"start", "end", "direction"}], "texts": [{"at", "direction"}], "places": [{"latitude", "longitude", "start", "end"}]}
Times are ISO 8601. Every list may be missing. Device half.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from choral.apps.companion.device.entries import Entry
from choral.apps.companion.importers.base import Context, Found, Importer, Skipped, each, spell, told
from choral.apps.companion.importers.classes import app_class, site_class
from choral.apps.companion.importers.places import Visit, cell_of, entries_of
from choral.errors import UsageError

SOURCE = "day log"
LISTS = ("apps", "browsing", "calls", "texts", "places")
MOST_BYTES = 2**26
Item = Mapping[str, Any]


def read(path: Path, context: Context) -> Iterator[Found]:
    """Everything of one day."""
    log = _log(path)
    zoned = _zoned(log, context)
    for name, make in MAKERS.items():
        yield from each(log.get(name) or [], lambda item, make=make: make(item, zoned))  # type: ignore[misc]
    visits = list[Visit]()
    for item in log.get("places") or []:
        try:
            visits.append(_visit(item, zoned))
        except (ValueError, LookupError, TypeError, AttributeError):
            yield Skipped("a place is not as the format says")
    yield from entries_of(visits, SOURCE)


def _app(item: Item, context: Context) -> Entry:
    return spell(*_times(item), context, kind="app", what=app_class(item["app"]), source=SOURCE)


def _site(item: Item, context: Context) -> Entry:
    return spell(*_times(item), context, kind="site", what=site_class(item["url"]), source=SOURCE)


def _call(item: Item, context: Context) -> Entry:
    return spell(*_times(item), context, kind="call", what=_direction(item), source=SOURCE)


def _text(item: Item, context: Context) -> Entry:
    return spell(datetime.fromisoformat(item["at"]), None, context, kind="text", what=_direction(item), source=SOURCE)


MAKERS: Mapping[str, Callable[[Item, Context], Entry]] = {"apps": _app, "browsing": _site, "calls": _call, "texts": _text}


def _visit(item: Item, context: Context) -> Visit:
    begin, end = (told(time, context) for time in _times(item))
    offset = begin.utcoffset()
    if offset is None or end < begin:
        raise ValueError("a stay ends before it begins")
    cell = cell_of(float(item["latitude"]), float(item["longitude"]))
    return Visit(int(begin.timestamp()), int((end - begin).total_seconds()), int(offset.total_seconds()) // 60, cell)


def _times(item: Item) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(item["start"]), datetime.fromisoformat(item["end"])


def _direction(item: Item) -> str:
    return "out" if item.get("direction") == "out" else "in"


def _log(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            log = json.loads(file.read(MOST_BYTES + 1))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError("the day log was cut off or broken, and nothing of it was read; export it again") from error
    if not isinstance(log, dict) or not all(isinstance(log.get(name, []), list) for name in LISTS):
        raise UsageError(f"this is no day log: an object with the lists {', '.join(LISTS)} was due")
    return log


def _zoned(log: Mapping[str, Any], context: Context) -> Context:
    try:
        return Context(ZoneInfo(log["zone"]), context.me) if "zone" in log else context
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise UsageError("the day log names no time zone that is known; give one such as Europe/London") from error


def _suits(name: str, head: bytes) -> bool:
    return name.lower().endswith(".json") and sum(f'"{one}"'.encode() in head for one in ("zone", *LISTS)) >= 2


DAYLOG = Importer(
    "day log",
    _suits,
    read,
    "One JSON file a day with the lists apps, browsing, calls, texts and places, of a logger of your own",
)
