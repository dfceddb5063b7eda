"""How alike two fragments are: by what went on in them, where, what was planned, what came before and after, and when.

Every part is a product of unit vectors (the affinity of Bhattacharyya), so that a day is compared with years at once.
Half of what went on counts by its class and half by its family, so that a film is nearer to a game than to a call. Device half.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.slots import AWAY, DaySlots, Slot

Floats = NDArray[np.float64]
WEEKDAYS, WEEKEND = 7, 5
HOURS = 24
UNKNOWN = "unknown"
FAMILIES: Mapping[str, frozenset[str]] = {
    "screen": frozenset({"video", "music", "games", "reading", "photos", "news", "social"}),
    "desk": frozenset({"work", "learning", "mail", "search", "browser", "other app", "other site", "money", "public services"}),
    "talk": frozenset({"messages", "calls", "in", "out", "a meeting", "an appointment"}),
    "errand": frozenset({"shopping", "travel", "weather", "health"}),
    "away": frozenset({"away"}),
}
FAMILY = {name: family for family, names in FAMILIES.items() for name in names}
PARTS = ("doing", "family", "place", "planned", "beside")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Fragments to compare. parts: by name float64[n, classes], rows of square roots of shares; hour, weekday, day: [n]"""

    parts: Mapping[str, Floats]
    hour: Floats
    weekday: NDArray[np.int64]
    day: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.hour)

    def chosen(self, places: NDArray[np.int64]) -> "Rows":
        """Some of the rows."""
        parts = {name: part[places] for name, part in self.parts.items()}
        return Rows(parts, self.hour[places], self.weekday[places], self.day[places])


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each unlikeness counts, in nats; `hours` are those after which an hour of the day is another one."""

    doing: float = 3.0
    place: float = 1.0
    planned: float = 1.0
    beside: float = 1.0
    hour: float = 2.0
    hours: float = 2.0
    weekday: float = 0.6


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes that the person's days know, in order: columns of the parts."""

    doing: tuple[str, ...]
    place: tuple[str, ...]
    planned: tuple[str, ...]

    @classmethod
    def of(cls, days: Sequence[DaySlots]) -> "Classes":
        """All that come in these days."""
        slots = [slot for day in days for slot in day.slots]
        names = ({_class(slot) for slot in slots}, {slot.place for slot in slots}, {slot.planned for slot in slots})
        doing, place, planned = (tuple(sorted({UNKNOWN, *found})) for found in names)
        return cls(doing, place, planned)

    def rows(self, days: Sequence[DaySlots], wanted: Sequence[tuple[date, int]], per_day: int) -> Rows:
        """One row for each (day, fragment) of `wanted`."""
        tables = {day.day: self._table(day, per_day) for day in days}
        empty = {name: np.zeros((per_day, width)) for name, width in self._widths().items()}
        found = [{name: part[fragment] for name, part in tables.get(day, empty).items()} for day, fragment in wanted]
        parts = {name: np.array([row[name] for row in found]).reshape(len(found), -1) for name in PARTS}
        hours = np.array([fragment * HOURS / per_day for _, fragment in wanted], np.float64)
        weekday = np.array([day.weekday() for day, _ in wanted], np.int64)
        return Rows(parts, hours, weekday, np.array([day.toordinal() for day, _ in wanted], np.int64))

    def _widths(self) -> dict[str, int]:
        doing = len(self.doing)
        return dict(zip(PARTS, (doing, len(_FAMILY_NAMES), len(self.place), len(self.planned), doing), strict=True))

    def _table(self, day: DaySlots, per_day: int) -> dict[str, Floats]:
        """Each part's rows for all fragments of a day."""
        counts = {name: np.zeros((per_day, width)) for name, width in self._widths().items() if name != "beside"}
        for slot in day.slots:
            counts["doing"][slot.fragment, _place(self.doing, _class(slot))] += 1
            counts["family"][slot.fragment, _FAMILY_NAMES.index(_family(slot))] += 1
            counts["place"][slot.fragment, _place(self.place, slot.place)] += 1
            counts["planned"][slot.fragment, _place(self.planned, slot.planned)] += 1
        doing = counts["doing"]
        counts["beside"] = np.zeros_like(doing)
        counts["beside"][1:] += doing[:-1]
        counts["beside"][:-1] += doing[1:]
        return {name: np.sqrt(_shares(count)) for name, count in counts.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Apart:
    """How far fragments are apart in each respect, float64[n, m] each, before anything is weighed."""

    doing: Floats
    place: Floats
    planned: Floats
    beside: Floats
    hours: Floats
    weekday: Floats

    @classmethod
    def of(cls, ones: Rows, others: Rows) -> "Apart":
        """Between each of `ones` and each of `others`."""
        like = {name: ones.parts[name] @ others.parts[name].T for name in PARTS}
        doing = 1 - 0.5 * (like["doing"] + like["family"])
        hours = np.abs(ones.hour[:, None] - others.hour[None, :])
        hours = np.minimum(hours, HOURS - hours)
        week = _other_weekday(ones.weekday, others.weekday)
        return cls(doing, 1 - like["place"], 1 - like["planned"], 1 - like["beside"], hours, week)

    def weighed(self, weights: Weights) -> Floats:
        """In all, in nats."""
        total = weights.doing * self.doing + weights.hour * np.minimum(self.hours / weights.hours, 1)
        total += weights.place * self.place + weights.planned * self.planned
        return np.asarray(total + weights.beside * self.beside + weights.weekday * self.weekday)


def _other_weekday(ones: NDArray[np.int64], others: NDArray[np.int64]) -> Floats:
    """0 for the same day of the week, 1/2 where both are workdays or both are weekend, 1 otherwise."""
    kind = (ones >= WEEKEND)[:, None] != (others >= WEEKEND)[None, :]
    return np.asarray(0.5 * (ones[:, None] != others[None, :]) + 0.5 * kind)


def _shares(counts: Floats) -> Floats:
    total = counts.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(counts, total, out=np.zeros_like(counts), where=total > 0))


def _class(slot: Slot) -> str:
    """A slot's class without the device it was seen on: "video", whether it was an app or a site."""
    return slot.doing if slot.doing in ("", AWAY) else slot.doing.partition(":")[2]


def _family(slot: Slot) -> str:
    return FAMILY.get(slot.doing.partition(":")[2], UNKNOWN)


def _place(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else names.index(UNKNOWN)


_FAMILY_NAMES = (*FAMILIES, UNKNOWN)
