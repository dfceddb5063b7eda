"""Daylio: moods and activities from its CSV export; notes are never read. Device half."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from choral.apps.companion.importers.base import Context, Felt, Found, Importer, Skipped, first_line, rows_of

MOODS: Mapping[str, tuple[int, int]] = {  # valence, energy: the five moods that the app ships with
    "rad": (90, 75),
    "good": (70, 60),
    "meh": (50, 45),
    "bad": (30, 40),
    "awful": (10, 30),
}
CLOCKS = ("%H:%M", "%I:%M %p", "%I:%M%p", "%H.%M")


def read(path: Path, context: Context) -> Iterator[Found]:
    """One mood a row. A mood that the person named on their own has no known value and is skipped."""
    for row in rows_of(path, ("full_date", "time", "mood")):
        mood = MOODS.get(row["mood"].strip().lower())
        at = _moment(row["full_date"].strip(), row["time"].strip(), context)
        if mood is None or at is None:
            yield Skipped("a row has a mood of one's own naming" if at else "a row has no date and time that can be read")
            continue
        activities = tuple(part.strip() for part in row.get("activities", "").split("|") if part.strip())
        yield Felt(at, *mood, activities)


def _moment(day: str, clock: str, context: Context) -> datetime | None:
    for form in CLOCKS:
        try:
            return datetime.strptime(f"{day} {clock}", f"%Y-%m-%d {form}").replace(tzinfo=context.zone)
        except ValueError:
            continue
    return None


def _suits(_: str, head: bytes) -> bool:
    return first_line(head).replace('"', "").startswith("full_date,date,weekday,time,mood")


DAYLIO = Importer("Daylio", _suits, read, "Daylio, More, Export entries, CSV")
