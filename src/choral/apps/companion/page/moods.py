"""Mood: the history of how it felt, each day's mean with its error, and what the person's own record says so far."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from starlette.responses import Response

from choral.apps.companion.device.diary import Mood
from choral.apps.companion.page.desk import Desk, Room
from choral.apps.companion.page.forms import Ask
from choral.pages import Point, Series, series
from choral.pages.series import MOST_LABELS

DAYS, WEEKS = 42, 52  # shown at a time
MIDDLE = 50.0
STEPS = ("very low", "low", "middling", "good", "very good")
ENERGIES = ("no energy", "little energy", "some energy", "much energy", "full of energy")


@dataclass(frozen=True, slots=True)
class History:
    """A stretch of time. valence, energy: drawings, None where nothing was said; n: moods that count; external: that do not"""

    first: date
    last: date
    valence: Series | None
    energy: Series | None
    n: int
    external: int
    has_errors: bool


def show(desk: Desk, ask: Ask) -> Response:
    """The history and the cards."""
    room = desk.room(ask.now)
    is_year = ask.query.get("by") == "week"
    last = ask.shown_day(ask.now.date())
    history = history_of(room, last, by_week=is_year)
    length = timedelta(weeks=WEEKS) if is_year else timedelta(days=DAYS)
    beside: dict[str, Any] = {
        "earlier": last - length,
        "later": min(last + length, ask.now.date()),
        "is_latest": last >= ask.now.date(),
    }
    return desk.page("mood.html", "Mood", tab="mood", history=history, mind=room.mind, is_year=is_year, **beside)


def history_of(room: Room, last: date, *, by_week: bool) -> History:
    """Means of days, or of weeks, up to a day."""
    step = 7 if by_week else 1
    first = last - timedelta(days=(WEEKS if by_week else DAYS) * step - 1)
    kept = room.diary.moods(first, last)
    counted = {day: [mood for mood in moods.values() if not mood.external] for day, moods in kept.items()}
    groups = _grouped(counted, first, step)
    external = sum(mood.external for moods in kept.values() for mood in moods.values())
    n = sum(map(len, groups.values()))
    valence, energy = (_drawn(groups, name, by_week=by_week) for name in ("valence", "energy"))
    return History(first, last, valence, energy, n, external, has_errors=n > len(groups))


def spoken_mood(mood: Mood) -> str:
    """A mood in words.

    >>> spoken_mood(Mood(82, 35, False, 0)), spoken_mood(Mood(10, 90, True, 0))
    ('very good, little energy', 'very low, full of energy (because of something else)')
    """
    words = f"{STEPS[min(mood.valence // 20, 4)]}, {ENERGIES[min(mood.energy // 20, 4)]}"
    return f"{words} (because of something else)" if mood.external else words


def _grouped(moods: Mapping[date, Sequence[Mood]], first: date, step: int) -> dict[date, list[Mood]]:
    """Moods by the first day of their stretch of `step` days."""
    groups: dict[date, list[Mood]] = {}
    for day, said in sorted(moods.items()):
        if said:
            groups.setdefault(first + timedelta(days=(day - first).days // step * step), []).extend(said)
    return groups


def _drawn(groups: Mapping[date, Sequence[Mood]], name: str, *, by_week: bool) -> Series | None:
    """Means with their standard errors, from the spread of single moods around their stretch's mean, pooled over all."""
    values = {day: [float(getattr(mood, name)) for mood in moods] for day, moods in groups.items()}
    if not values:
        return None
    spread = pooled_spread(list(values.values()))
    apart = 2 * -(-len(values) // MOST_LABELS)  # so many dots from label to label fit a phone
    points = [
        Point(
            f"{'week of ' if by_week else ''}{day.day} {day:%B}, {len(said)} said",
            "" if (len(values) - 1 - place) % apart else f"{day.day} {day:%b}",
            sum(said) / len(said),
            spread / math.sqrt(len(said)),
        )
        for place, (day, said) in enumerate(values.items())
    ]
    title = "How it felt, from 0 (lowest) to 100" if name == "valence" else "Energy, from 0 (none) to 100"
    return series(points, identity=name, title=title, below="week from" if by_week else "day", law=(MIDDLE, "neither"))


def pooled_spread(groups: Sequence[Sequence[float]]) -> float:
    """The standard deviation within groups, float; 0 where no group has two.

    >>> pooled_spread([[1.0, 3.0], [10.0, 12.0], [5.0]])
    1.4142135623730951
    """
    freedom = sum(len(values) - 1 for values in groups)
    squares = sum((value - sum(values) / len(values)) ** 2 for values in groups for value in values)
    return math.sqrt(squares / freedom) if freedom else 0.0
