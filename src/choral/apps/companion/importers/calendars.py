"""iCalendar: what was planned, and when; whether it was a meeting, never with whom or about what. Device half."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from choral.apps.companion.device.entries import MOST_SECONDS, Entry
from choral.apps.companion.importers.base import Context, Found, Importer, Skipped, each, spell
from choral.errors import UsageError

SOURCE = "calendar"
MOST_REPEATS = 4_000  # of one event


def read(path: Path, context: Context) -> Iterator[Found]:
    """Events and each of their repetitions until ten years after the first."""
    from icalendar import Calendar

    try:
        calendar = Calendar.from_ical(path.read_bytes())
    except (ValueError, LookupError, OSError) as error:
        raise UsageError("the calendar was cut off or broken, and nothing of it was read; export it again as .ics") from error
    for event in calendar.walk("VEVENT"):
        if event.errors:
            yield Skipped("an event is not as the format says")
            continue
        yield from _entries(event, context)


def _entries(event: Any, context: Context) -> Iterator[Entry | Skipped]:
    try:
        begin, length = _begin(event, context)
        starts = list(_starts(event, begin))
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        yield Skipped("an event has no times that can be read")
        return
    what = _what(event, length)
    yield from each(
        starts, lambda start: spell(start, _later(start, length), context, kind="calendar", what=what, source=SOURCE)
    )


def _begin(event: Any, context: Context) -> tuple[datetime, timedelta]:
    begin = _aware(event["DTSTART"].dt, context)
    if "DTEND" in event:
        return begin, _aware(event["DTEND"].dt, context) - begin
    if "DURATION" in event:
        return begin, event["DURATION"].dt
    return begin, timedelta() if isinstance(event["DTSTART"].dt, datetime) else timedelta(days=1)


def _starts(event: Any, begin: datetime) -> Iterator[datetime]:
    """All starts, exceptions left out."""
    if "RRULE" not in event:
        yield begin
        return
    from dateutil.rrule import rrulestr

    rule = rrulestr(event["RRULE"].to_ical().decode(), dtstart=begin.replace(tzinfo=None), ignoretz=True)
    left_out = {_aware(one.dt, None).replace(tzinfo=None) for one in _dates(event.get("EXDATE"))}
    last = begin.replace(tzinfo=None) + timedelta(days=3653)
    for count, start in enumerate(rule):
        if count >= MOST_REPEATS or start > last:
            return
        if start not in left_out:
            yield start.replace(tzinfo=begin.tzinfo)


def _dates(found: Any) -> list[Any]:
    return [one for part in (found if isinstance(found, list) else [found]) if part is not None for one in part.dts]


def _what(event: Any, length: timedelta) -> str:
    if length >= timedelta(days=1):
        return "all day"
    return "a meeting" if event.get("ATTENDEE") else "an appointment"


def _aware(at: date | datetime, context: Context | None) -> datetime:
    if not isinstance(at, datetime):
        at = datetime(at.year, at.month, at.day)  # noqa: DTZ001  # a day is told by the clock of the place
    return at.replace(tzinfo=context.zone if context else UTC) if at.tzinfo is None else at


def _later(start: datetime, length: timedelta) -> datetime:
    """The end by real time, whatever the clocks did meanwhile."""
    if length.total_seconds() > MOST_SECONDS:
        length = timedelta(seconds=MOST_SECONDS)
    return (start.astimezone(UTC) + length).astimezone(start.tzinfo)


def _suits(_: str, head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \r\n").upper().startswith(b"BEGIN:VCALENDAR")


CALENDAR = Importer("iCalendar", _suits, read, "Your calendar's settings, Export, a file that ends in .ics")
