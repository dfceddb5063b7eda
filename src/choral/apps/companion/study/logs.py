"""What a phone and a computer would have logged of generated lives: coarse entries, seldom telling, never the activity itself.

Knows the generator's activities. For studies of labelling alone: with some chance a slot shows something else than usual,
and what people do away from screens all looks the same but for the place.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.activities import ACTIVITIES, NUMBERS
from choral.apps.companion.device.diary import Label, Mood
from choral.apps.companion.device.entries import Entry, Kind, merged
from choral.apps.companion.device.fragments import DAY_SLOTS, SLOT_MINUTES
from choral.apps.companion.device.record import Record
from choral.apps.companion.study.generator import Generator
from choral.numerics import SeededEntropy

FIRST_DAY = date(2026, 3, 2)  # a Monday
SOURCE = "generated"
ODD = 30  # of 256 slots show something else
HABIT_KEY, LUCK_KEY = 11, 12
AWAY = "idle away"
SHOWN: Mapping[str, tuple[str, ...]] = {  # what may be seen of an activity; a person's habit is one or two of these
    "working": ("app work", "site work", "mail in", AWAY),
    "a second job": ("app work", AWAY),
    "a meeting": ("app messages", "calendar a meeting", AWAY),
    "a break at work": ("site news", "app social", AWAY),
    "lunch at work": (AWAY, "app social", "site news"),
    "a class": (AWAY, "app work", "site learning"),
    "homework": ("site learning", "app work", AWAY),
    "learning for oneself": ("site learning", "app reading", "site video"),
    "eating": (AWAY, "site news", "site video"),
    "buying food": (AWAY, "app money"),
    "bills and letters": ("app money", "mail in", "site public services"),
    "time with friends": (AWAY, "app photos", "app messages"),
    "a phone call": ("call out", "call in"),
    "resting": (AWAY, "app music", "app social"),
    "art or craft": (AWAY, "app photos", "site video"),
    "making music": (AWAY, "app music"),
    "hobby computing": ("app work", "site learning"),
    "social media": ("app social", "site social"),
    "board games": (AWAY, "site games"),
    "computer games": ("app games",),
    "reading a book": (AWAY, "app reading"),
    "the news": ("site news", AWAY),
    "television": (AWAY, "media video"),
    "a film at home": ("media video", "site video"),
    "listening to music": ("media music", "app music"),
    "commuting": ("app music", AWAY, "site news"),
    "running": ("app health", AWAY),
    "cycling": ("app health", AWAY),
    "the gym": ("app health", AWAY),
    "worship": (AWAY, "calendar an appointment"),
}
OUT = frozenset(
    {"buying food", "errands", "shopping for clothes", "a walk", "running", "cycling", "commuting", "walking the dog"}
    | {"travelling for pleasure", "cinema", "a concert", "a museum"}
)
REGULAR = frozenset({"volunteering", "helping a neighbour", "worship", "a team sport", "the gym", "time with friends"})
AT_WORK = frozenset({"working", "a meeting", "a break at work", "lunch at work", "a second job", "a class"})
ODDITIES = ("app social", "app messages", "site search", "mail in", AWAY, "app other app")


def generated_record(generator: Generator, person: int, days: int, *, logged: bool = True) -> Record:
    """A generated person's entries, if `logged`, with every hour labelled by what took most of it, and every mood said."""
    lives = generator.lives(1, days, first=person)
    per_day = generator.fragments.per_day
    activity = most(lives.rows).reshape(days, per_day)
    mood = np.rint(100 * lives.mood).astype(int).reshape(days, per_day)
    labels: dict[date, dict[int, Label]] = {}
    moods: dict[date, dict[int, Mood]] = {}
    for row in range(days):
        day = FIRST_DAY + timedelta(days=row)
        labels[day] = {place: Label(ACTIVITIES[one].name, "person") for place, one in enumerate(activity[row])}
        moods[day] = {
            place: Mood(int(one), 50, external=False, at=_second(day, place, per_day)) for place, one in enumerate(mood[row])
        }
    entries = entries_of(lives.rows.reshape(-1), generator.seed, person) if logged else {}
    return Record(UTC, per_day, entries, labels, moods)


def most(rows: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The activity that takes most of each fragment, int64[n]; of equals, the first in the list."""
    counts = np.zeros((len(rows), len(ACTIVITIES)), np.int64)
    for slot in rows.T:
        counts[np.arange(len(rows)), slot] += 1
    return np.asarray(counts.argmax(axis=1), np.int64)


def entries_of(slots: NDArray[np.uint8], seed: int, person: int) -> dict[date, tuple[Entry, ...]]:
    """What is logged of a person's slots uint8[n * 144], by day."""
    habit = SeededEntropy(seed, (HABIT_KEY << 48) + person).words(1, len(ACTIVITIES))[0]
    luck = SeededEntropy(seed, (LUCK_KEY << 48) + person).words(1, len(slots))[0].tolist()
    found: dict[date, list[Entry]] = {}
    for number, (one, chance) in enumerate(zip(slots.tolist(), luck, strict=True)):
        day = FIRST_DAY + timedelta(days=number // DAY_SLOTS)
        start = _midnight(day) + number % DAY_SLOTS * SLOT_MINUTES * 60
        for kind, what in _seen(ACTIVITIES[one].name, int(habit[one]), chance):
            found.setdefault(day, []).append(Entry(start, SLOT_MINUTES * 60, 0, kind, what, SOURCE))
    return {day: merged((), entries) for day, entries in found.items()}


def _seen(name: str, habit: int, chance: int) -> Iterator[tuple[Kind, str]]:
    """What one slot shows: something that went on, and a place."""
    ways = SHOWN.get(name, (AWAY,))
    usual = ways[(habit + (chance >> 8) % 4 // 3) % len(ways)]  # three times of four the first habit, else the second
    shown = ODDITIES[(chance >> 16) % len(ODDITIES)] if chance % 256 < ODD else usual
    yield _kind(shown)
    yield "place", _where(name, at_home=NUMBERS[name] == NUMBERS["working"] and habit % 5 == 0)


def _where(name: str, *, at_home: bool) -> str:
    if name in AT_WORK and not at_home:
        return "work"
    if name in REGULAR:
        return "a regular place"
    return "elsewhere" if name in OUT else "home"


def _kind(shown: str) -> tuple[Kind, str]:
    kind, _, what = shown.partition(" ")
    return kind, what  # type: ignore[return-value]


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _second(day: date, fragment: int, per_day: int) -> int:
    return _midnight(day) + (fragment + 1) * 86_400 // per_day - 1
