"""A local day in ten-minute slots, each with what went on, where, and what was planned.

Slots follow real time between two local midnights: 144 of them, 138 or 150 on the days when the clock is changed. Each
knows the fragment that it lies in by the clock on the wall, so that an hour that was skipped has no slot and an hour that
came twice has two. Device half.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from choral.apps.companion.device.entries import Entry
from choral.apps.companion.device.fragments import SLOT_MINUTES

SLOT_SECONDS = SLOT_MINUTES * 60
MOMENT_SECONDS = 60  # what an entry without a length counts for
AWAY, BROWSER = "idle:away", "app:browser"
LEAST_AWAY = 0.75  # of a slot before being away is what went on in it
NO_CHANGE = timedelta()
LAYERS: Mapping[str, int] = {"place": 1, "calendar": 2}  # beside what is done, which is 0
Layers = tuple[dict[str, int], dict[str, int], dict[str, int]]
WORDS: Mapping[str, str] = {
    "idle:away": "away from the screen",
    "call:in": "a call",
    "call:out": "a call",
    "text:in": "messages",
    "text:out": "messages",
    "mail:in": "mail",
    "mail:out": "mail",
}
PLACES: Mapping[str, str] = {"home": "at home", "work": "at work", "a regular place": "at a regular place"}


@dataclass(frozen=True, slots=True)
class Slot:
    """Ten minutes. start: seconds since 1970; fragment: of the wall's day; doing: "kind:class" or ""; place, planned: or "" """

    start: int
    fragment: int
    doing: str = ""
    place: str = ""
    planned: str = ""


@dataclass(frozen=True, slots=True)
class DaySlots:
    """A local day, slot by slot in real time."""

    day: date
    slots: tuple[Slot, ...]

    @property
    def hours(self) -> int:
        """How long the day is: 24, or 23 or 25 where the clock is changed."""
        return round(len(self.slots) * SLOT_MINUTES / 60)

    @property
    def fragments(self) -> tuple[int, ...]:
        """The fragments that there are, in order."""
        return tuple(sorted({slot.fragment for slot in self.slots}))

    def of(self, fragment: int) -> tuple[Slot, ...]:
        """The slots of a fragment."""
        return tuple(slot for slot in self.slots if slot.fragment == fragment)

    def summary(self, fragment: int) -> str:
        """What was logged of a fragment, in words."""
        slots = self.of(fragment)
        told = [f"{name} {minutes} min" for name, minutes in _minutes(slots) if name]
        places = [name for name in dict.fromkeys(slot.place for slot in slots) if name]
        told += [PLACES.get(places[0], "out") if len(places) == 1 else "on the way"] if places else []
        told += [f"planned: {name}" for name in dict.fromkeys(slot.planned for slot in slots) if name]
        return ", ".join(told) or "nothing was logged"


def slots_of(entries: Iterable[Entry], day: date, zone: tzinfo, *, per_day: int = 24) -> DaySlots:
    """The day's slots. Give the entries of the days beside it too: sleep begins the evening before.

    An entry that was told by another clock than the zone's, on a journey, lies where the wall there said.
    """
    first, last = bounds(day, zone)
    layers: list[Layers] = [({}, {}, {}) for _ in range((last - first) // SLOT_SECONDS)]
    for entry in entries:
        start, layer, name = _told(entry, zone), LAYERS.get(entry.kind, 0), _name(entry)
        end = start + max(entry.seconds, MOMENT_SECONDS)
        for place in range(max(0, start - first) // SLOT_SECONDS, min(len(layers), -(-(end - first) // SLOT_SECONDS))):
            begin, seconds = first + place * SLOT_SECONDS, layers[place][layer]
            seconds[name] = seconds.get(name, 0) + min(end, begin + SLOT_SECONDS) - max(start, begin)
    starts = (first + place * SLOT_SECONDS for place in range(len(layers)))
    slots = (_slot(start, _fragment(start, zone, per_day), told) for start, told in zip(starts, layers, strict=True))
    return DaySlots(day, tuple(slots))


def bounds(day: date, zone: tzinfo) -> tuple[int, int]:
    """A local day's first second, and the next one's, since 1970."""
    midnights = (datetime.combine(one, time(), zone) for one in (day, day + timedelta(days=1)))
    first, last = (int(midnight.timestamp()) for midnight in midnights)
    return first, last


def _told(entry: Entry, zone: tzinfo) -> int:
    """When the entry would have begun had it been told by the zone's clock."""
    offset = datetime.fromtimestamp(entry.start, zone).utcoffset() or NO_CHANGE
    return entry.start + entry.offset * 60 - int(offset.total_seconds())


def _fragment(start: int, zone: tzinfo, per_day: int) -> int:
    clock = datetime.fromtimestamp(start, zone)
    return (clock.hour * 60 + clock.minute) * per_day // (24 * 60)


def _name(entry: Entry) -> str:
    """Of what is done with its kind; a place and a plan need none."""
    return entry.what if entry.kind in LAYERS else f"{entry.kind}:{entry.what}"


def _slot(start: int, fragment: int, layers: Layers) -> Slot:
    """What lasted longest in a slot: of doing, of places and of plans."""
    doing, place, planned = layers
    if len(doing) > 1:
        if doing.get(AWAY, 0) < LEAST_AWAY * SLOT_SECONDS:
            doing.pop(AWAY, None)
        if any(name.startswith("site:") for name in doing):
            doing.pop(BROWSER, None)
    return Slot(start, fragment, _longest(doing), _longest(place), _longest(planned))


def _longest(seconds: Mapping[str, int]) -> str:
    """The class with most seconds; of equals, the first by name."""
    return min(((-length, name) for name, length in seconds.items()), default=(0, ""))[1] if seconds else ""


def _minutes(slots: Iterable[Slot]) -> list[tuple[str, int]]:
    """Minutes by what went on, in words, the longest first."""
    minutes: dict[str, int] = defaultdict(int)
    for slot in slots:
        minutes[WORDS.get(slot.doing, slot.doing.partition(":")[2])] += SLOT_MINUTES
    return sorted(minutes.items(), key=lambda item: (-item[1], item[0]))
