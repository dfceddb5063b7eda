"""Records for the companion's tests: a few lines make weeks of days."""

from datetime import UTC, date, datetime, timedelta

from choral.apps.companion.device.diary import Label, Mood
from choral.apps.companion.device.entries import entry_of
from choral.apps.companion.device.record import Record

MONDAY = date(2026, 3, 2)


def noon(day=MONDAY, hour=12, minute=0, zone=UTC):
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)


def second(day, hour):
    return int(noon(day, hour, 30).timestamp())


def felt(valence, day=MONDAY, hour=12, *, external=False):
    return Mood(valence, 50, external=external, at=second(day, hour))


def said(activity):
    return Label(activity, "person")


def days_from(first, count):
    return [first + timedelta(days=number) for number in range(count)]


def used(day, hour, what, *, kind="app", minutes=60, zone=UTC, minute=0):
    start = noon(day, hour, minute, zone)
    return entry_of(start, start + timedelta(minutes=minutes), kind=kind, what=what, source="test")


def office_days(count, *, labelled=None, first=MONDAY):
    """Days of work from nine to five, games in the evening, sleep at night; labels on the first `labelled` days."""
    entries, labels = {}, {}
    for number, day in enumerate(days_from(first, count)):
        desk = [used(day, hour, "work") for hour in range(9, 17)]
        entries[day] = (*desk, used(day, 9, "work", kind="place", minutes=480), used(day, 20, "games", minutes=120))
        if labelled is None or number < labelled:
            labels[day] = {hour: said(_office(hour)) for hour in range(24)}
    return Record(UTC, 24, entries, labels)


def _office(hour):
    if 9 <= hour < 17:
        return "working"
    return "computer games" if hour in (20, 21) else "sleeping" if hour < 7 or hour > 22 else "resting"
