"""From coordinates to classes of places, on this machine: home, work, a regular place, elsewhere. Device half.

Home is where most hours between midnight and five are spent; work is where most hours from nine to five on weekdays are
spent away from home; a regular place is visited on at least five days. Cells are about 150 metres; they and the coordinates
are let go once the class is known.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from choral.apps.companion.device.entries import MOST_SECONDS, Entry

CELL_METRES = 150.0
METRES_A_DEGREE = 111_320.0
REGULAR_DAYS = 5
WORK_SECONDS = 10 * 3600  # at least, to be called work
Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Visit:
    """A stay. start: seconds since 1970; offset: minutes; cell: where, or None; said: the class, where the file says it."""

    start: int
    seconds: int
    offset: int
    cell: Cell | None
    said: str = ""


def cell_of(latitude: float, longitude: float) -> Cell:
    """The cell of a place; ValueError for what is none."""
    if not (math.isfinite(latitude) and math.isfinite(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180):
        raise ValueError("latitude lies within 90 degrees, longitude within 180")
    north = round(latitude * METRES_A_DEGREE / CELL_METRES)
    shrunk = max(math.cos(math.radians(north * CELL_METRES / METRES_A_DEGREE)), 0.01)
    return north, round(longitude * METRES_A_DEGREE * shrunk / CELL_METRES)


def entries_of(visits: Sequence[Visit], source: str) -> Iterator[Entry]:
    """The visits as entries of classes."""
    classes = classified(visits)
    for visit in visits:
        what = visit.said or classes.get(visit.cell, "elsewhere")  # type: ignore[arg-type]
        yield Entry(visit.start, min(visit.seconds, MOST_SECONDS), visit.offset, "place", what, source)


def classified(visits: Sequence[Visit]) -> dict[Cell, str]:
    """The class of each cell."""
    nights, offices, days = Counter[Cell](), Counter[Cell](), defaultdict[Cell, set[int]](set)
    for visit in visits:
        if visit.cell is None:
            continue
        for hour in _hours(visit):
            nights[visit.cell] += 3600 * (hour.hour < 5)
            offices[visit.cell] += 3600 * (9 <= hour.hour < 17 and hour.weekday() < 5)
            days[visit.cell].add(hour.toordinal())
    found = {cell: "a regular place" if len(seen) >= REGULAR_DAYS else "elsewhere" for cell, seen in days.items()}
    home = _most(nights)
    if home is not None:
        found[home] = "home"
        del offices[home]
    work = _most(offices)
    if work is not None and offices[work] >= WORK_SECONDS:
        found[work] = "work"
    return found


def _hours(visit: Visit) -> Iterator[datetime]:
    """Local moments in the visit, one an hour, two days at most."""
    begin = datetime.fromtimestamp(visit.start, UTC) + timedelta(minutes=visit.offset)
    return (begin + timedelta(hours=hour) for hour in range(min(visit.seconds, MOST_SECONDS) // 3600 + 1))


def _most(counts: Counter[Cell]) -> Cell | None:
    """The cell with the largest count above 0; of equals, the first in order."""
    best = max(counts.items(), key=lambda item: (item[1], item[0]), default=(None, 0))
    return best[0] if best[1] else None
