"""A person's days in numbers: how each felt, and how many hours went to what. Device half."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from choral.apps.companion.device.activities import ACTIVITIES, NUMBERS
from choral.apps.companion.device.record import Record

LEAST_LABELLED = 0.6  # of a day's fragments, for its hours to count
SLEEP = "sleeping"
GROUPS: Mapping[str, frozenset[int]] = {
    "sleep": frozenset({1}),
    "work": frozenset({11, 12, 13}),
    "study": frozenset({21, 22}),
    "household": frozenset({31, 32, 33, 35, 36, 37}),
    "care": frozenset({38, 39}),
    "people": frozenset({41, 42, 43, 51}),
    "exercise": frozenset({34, 61}),
    "screens": frozenset({72, 73, 82}),
    "quiet": frozenset({53, 71, 81, 83}),
    "outings": frozenset({52, 98}),
    "commuting": frozenset({91}),
}
SAID: Mapping[str, tuple[str, str]] = {  # of less, of more
    "sleep": ("slept less", "slept more"),
    "work": ("worked less", "worked more"),
    "study": ("studied less", "studied more"),
    "household": ("did less about the house", "did more about the house"),
    "care": ("spent less time caring for others", "spent more time caring for others"),
    "people": ("spent less time with people", "spent more time with people"),
    "exercise": ("moved less outdoors", "moved more outdoors"),
    "screens": ("spent less time at screens", "spent more time at screens"),
    "quiet": ("had less quiet time", "had more quiet time"),
    "outings": ("went out less", "went out more"),
    "commuting": ("commuted less", "commuted more"),
}
GROUP_OF = {activity.name: name for activity in ACTIVITIES for name, groups in GROUPS.items() if activity.group in groups}


@dataclass(frozen=True, slots=True)
class Daily:
    """A day. mood: mean valence of what was said awake, None if nothing was; hours: by group, empty if too little is known"""

    day: date
    mood: float | None
    moods: int
    hours: Mapping[str, float]


def daily(record: Record) -> tuple[Daily, ...]:
    """All days of which anything is known, in order. Moods with another cause are left out."""
    felt: dict[date, list[int]] = {}
    for one in record.felt():
        if one.activity != SLEEP:
            felt.setdefault(one.day, []).append(one.valence)
    days = sorted({*felt, *record.labels})
    return tuple(
        Daily(day, float(np.mean(felt[day])) if day in felt else None, len(felt.get(day, ())), hours_of(record, day))
        for day in days
    )


def hours_of(record: Record, day: date) -> Mapping[str, float]:
    """Hours of a day by group, scaled up to 24 from what is labelled; empty if that is too little."""
    names = [label.activity for label in record.labels.get(day, {}).values() if label.activity in NUMBERS]
    if len(names) < LEAST_LABELLED * record.per_day:
        return {}
    hours = dict.fromkeys(GROUPS, 0.0)
    for name in names:
        if name in GROUP_OF:
            hours[GROUP_OF[name]] += 24 / len(names)
    return hours
