"""Google Maps Timeline: the phone's export, the older monthly files, and the raw Records.json; read as a stream.

Of coordinates only a cell survives the reading, and of the cell only its class. Device half.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ijson

from choral.apps.companion.device.entries import MOST_SECONDS
from choral.apps.companion.importers.base import Context, Found, Importer, Skipped, head_of, told
from choral.apps.companion.importers.places import Visit, cell_of, entries_of

SOURCE = "timeline"
PAIR = re.compile(r"(-?\d+(?:\.\d+)?)\D+?(-?\d+(?:\.\d+)?)")
GAP_SECONDS = 3600  # raw points further apart do not belong to one stay
SAID = {
    "home": "home",
    "inferred_home": "home",
    "type_home": "home",
    "work": "work",
    "inferred_work": "work",
    "type_work": "work",
}
MOVING = {
    "walking": "walking",
    "on_foot": "walking",
    "running": "running",
    "cycling": "cycling",
    "on_bicycle": "cycling",
    "in_passenger_vehicle": "driving",
    "driving": "driving",
    "in_vehicle": "driving",
    "motorcycling": "driving",
}
PREFIXES = ("semanticSegments", "timelineObjects", "locations")
Item = Mapping[str, Any]


def read(path: Path, context: Context) -> Iterator[Found]:
    """Stays as classes of places, and ways as manners of moving."""
    visits, notes = list[Visit](), list[Skipped]()
    prefix = _prefix(head_of(path))
    make = _point if prefix == "locations.item" else _segment
    for item in _items(path, prefix, notes):
        try:
            visit = make(item, context)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            notes.append(Skipped(f"an item is not as the format says ({type(error).__name__})"))
            continue
        if visit is not None and not (visits and _joined(visits, visit)):
            visits.append(visit)
    yield from notes
    yield from entries_of(visits, SOURCE)


def _items(path: Path, prefix: str, notes: list[Skipped]) -> Iterator[Item]:
    """The file's items, one at a time; a note if it ends early or breaks."""
    with path.open("rb") as file:
        try:
            yield from ijson.items(file, prefix, use_float=True)
        except ijson.JSONError:
            notes.append(Skipped("the file is cut off or broken from some place on; what came before was read"))


def _segment(item: Item, context: Context) -> Visit | None:
    """A segment of the new form or an object of the older one; None for what is neither a stay nor a way."""
    if "placeVisit" in item or "activitySegment" in item:
        return _older(item, context)
    begin, end = _moment(item["startTime"], context), _moment(item["endTime"], context)
    if "visit" in item:
        best = item["visit"]["topCandidate"]
        where = best.get("placeLocation", {})
        pair = PAIR.search(where if isinstance(where, str) else where.get("latLng", ""))
        return _visit(begin, end, pair and cell_of(float(pair[1]), float(pair[2])), best.get("semanticType", ""))
    if "activity" in item:
        return _visit(begin, end, None, "", moving=item["activity"]["topCandidate"].get("type", ""))
    return None


def _older(item: Item, context: Context) -> Visit:
    stay = item.get("placeVisit") or item["activitySegment"]
    begin, end = (_moment(stay["duration"][name], context) for name in ("startTimestamp", "endTimestamp"))
    if "placeVisit" not in item:
        return _visit(begin, end, None, "", moving=stay.get("activityType", ""))
    where = stay["location"]
    return _visit(begin, end, cell_of(where["latitudeE7"] / 1e7, where["longitudeE7"] / 1e7), where.get("semanticType", ""))


def _point(item: Item, context: Context) -> Visit:
    stamp = item.get("timestamp")
    at = _moment(stamp, context) if stamp else told(datetime.fromtimestamp(int(item["timestampMs"]) / 1000, UTC), context)
    return _visit(at, at, cell_of(item["latitudeE7"] / 1e7, item["longitudeE7"] / 1e7), "")


def _visit(begin: datetime, end: datetime, cell: Any, said: str, *, moving: str = "") -> Visit:
    seconds, offset = int((end - begin).total_seconds()), begin.utcoffset()
    if seconds < 0 or offset is None:
        raise ValueError("a stay ends before it begins")
    what = MOVING.get(moving.lower(), "on the way") if cell is None and not said else SAID.get(said.lower(), "")
    return Visit(int(begin.timestamp()), min(seconds, MOST_SECONDS), int(offset.total_seconds()) // 60, cell, what)


def _joined(visits: list[Visit], visit: Visit) -> bool:
    """Whether the last visit goes on with this one, which then is a part of it."""
    last = visits[-1]
    together = visit.start + visit.seconds - last.start
    gap = visit.start - last.start - last.seconds
    if last.cell is None or visit.cell != last.cell or visit.said != last.said or not 0 <= gap <= GAP_SECONDS:
        return False
    if together > MOST_SECONDS:
        return False
    visits[-1] = Visit(last.start, together, last.offset, last.cell, last.said)
    return True


def _moment(text: str, context: Context) -> datetime:
    return told(datetime.fromisoformat(text), context)


def _prefix(head: bytes) -> str:
    if head.lstrip().startswith(b"["):
        return "item"
    found = next((name for name in PREFIXES if f'"{name}"'.encode() in head), PREFIXES[0])
    return f"{found}.item"


def _suits(name: str, head: bytes) -> bool:
    marks: tuple[Callable[[bytes], bool], ...] = (
        lambda text: any(f'"{prefix}"'.encode() in text for prefix in PREFIXES),
        lambda text: (
            text.lstrip().startswith(b"[") and b'"startTime"' in text and (b'"visit"' in text or b'"activity"' in text)
        ),
    )
    return name.lower().endswith(".json") and any(mark(head) for mark in marks)


TIMELINE = Importer(
    "Google Maps Timeline", _suits, read, "On the phone: Settings, Location, Location services, Timeline, Export timeline data"
)
