"""ActivityWatch: its export file, and its REST API on this machine. Window titles are never read. Device half."""

import ipaddress
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import ijson

from choral.apps.companion.device.entries import Entry
from choral.apps.companion.importers.base import Context, Found, Importer, Skipped, entry_or_skipped, spell
from choral.apps.companion.importers.classes import app_class, site_class
from choral.errors import UsageError

SOURCE = "activitywatch"
HERE = "http://localhost:5600"
TIMEOUT_SECONDS = 60.0
Item = Mapping[str, Any]


def read(path: Path, context: Context) -> Iterator[Found]:
    """The export file, one bucket in memory at a time."""
    with path.open("rb") as file:
        try:
            for _, bucket in ijson.kvitems(file, "buckets", use_float=True):
                yield from _events(bucket.get("type", ""), bucket.get("events", []), context)
        except (ijson.JSONError, AttributeError):
            yield Skipped("the file is cut off or broken from some place on; the buckets before it were read")


def fetch(context: Context, *, since: datetime, until: datetime, url: str = HERE) -> Iterator[Found]:
    """What the program on this machine has between two times; UsageError if it does not answer."""
    _require_here(url)
    with httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        try:
            buckets = client.get("/api/0/buckets/").raise_for_status().json()
            for name, bucket in buckets.items():
                query: dict[str, str | int] = {"start": since.isoformat(), "end": until.isoformat(), "limit": -1}
                events = client.get(f"/api/0/buckets/{name}/events", params=query).raise_for_status().json()
                yield from _events(bucket.get("type", ""), events, context)
        except (httpx.HTTPError, ValueError, AttributeError) as error:
            why = f"ActivityWatch does not answer at {url} ({type(error).__name__})"
            raise UsageError(f"{why}; start it, or import its export file") from error


def _events(kind: str, events: list[Item], context: Context) -> Iterator[Found]:
    for event in events:
        yield from entry_or_skipped(lambda event=event: _entry(kind, event, context))  # type: ignore[misc]


def _entry(kind: str, event: Item, context: Context) -> Entry | None:
    """A window, a tab or an absence; None for other watchers."""
    begin, data = datetime.fromisoformat(event["timestamp"]), event["data"]
    end = begin + timedelta(seconds=float(event["duration"]))
    if kind == "currentwindow":
        return spell(begin, end, context, kind="app", what=app_class(str(data["app"])), source=SOURCE)
    if kind == "web.tab.current":
        return spell(begin, end, context, kind="site", what=site_class(str(data["url"])), source=SOURCE)
    if kind == "afkstatus" and data["status"] == "afk":
        return spell(begin, end, context, kind="idle", what="away", source=SOURCE)
    return None


def _require_here(url: str) -> None:
    """UsageError for an address off this machine: what people do is not asked for over a network."""
    host = urlsplit(url).hostname or ""
    try:
        is_here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = False
    if not is_here:
        raise UsageError(f"{url} is not on this machine; ActivityWatch is asked at {HERE} only")


def _suits(name: str, head: bytes) -> bool:
    return name.lower().endswith(".json") and b'"buckets"' in head


ACTIVITYWATCH = Importer("ActivityWatch", _suits, read, "ActivityWatch, Raw data, Export all buckets as JSON")
