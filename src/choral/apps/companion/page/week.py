"""Week: each day a strip of film, each hour a frame in the colour of its time-use group, and the same in words."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from starlette.responses import Response

from choral.apps.companion.device.diary import Label, Mood
from choral.apps.companion.page.desk import Desk, Room
from choral.apps.companion.page.families import FAMILIES, UNKNOWN, clock, colour, family, stretch
from choral.apps.companion.page.forms import Ask
from choral.apps.companion.page.moods import spoken_mood
from choral.apps.companion.page.settings import LENGTHS

HEIGHTS = 10  # steps on which a mood can stand in its frame


@dataclass(frozen=True, slots=True)
class Frame:
    """One fragment. height: of its mood's mark in tenths, -1 for none; text: what stands for it in words"""

    colour: str
    height: int
    text: str
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """One day. words: the same in words; said: hours that the person labelled"""

    day: date
    name: str
    frames: tuple[Frame, ...]
    words: str
    said: float


@dataclass(frozen=True, slots=True)
class WeekView:
    """Seven strips. shares: colour, name and hours of each group that occurs"""

    first: date
    strips: tuple[Strip, ...]
    shares: tuple[tuple[str, str, str], ...]
    said: int


def show(desk: Desk, ask: Ask) -> Response:
    """The week in which a day lies."""
    room = desk.room(ask.now)
    day = ask.shown_day(ask.now.date())
    first = day - timedelta(days=day.weekday())
    view = week_view(room, first)
    beside: dict[str, Any] = {"earlier": first - timedelta(days=7), "later": first + timedelta(days=7), "today": ask.now.date()}
    return desk.page("week.html", "Week", tab="week", view=view, length=LENGTHS[room.settings.per_day], **beside)


def week_view(room: Room, first: date) -> WeekView:
    """Seven days; fourteen rows are read."""
    last = first + timedelta(days=6)
    labels, moods = room.diary.labels(first, last), room.diary.moods(first, last)
    per_day = room.settings.per_day
    days = [first + timedelta(days=step) for step in range(7)]
    strips = tuple(_strip(day, labels.get(day, {}), moods.get(day, {}), per_day) for day in days)
    counts = Counter(family(label.activity) for one in labels.values() for label in one.values())
    shares = tuple(
        (f"g{number}" if number >= 0 else UNKNOWN, FAMILIES.get(number, "something else"), f"{count * 24 / per_day:g}")
        for number, count in counts.most_common()
    )
    return WeekView(first, strips, shares, sum(counts.values()))


def _strip(day: date, labels: Mapping[int, Label], moods: Mapping[int, Mood], per_day: int) -> Strip:
    frames = tuple(_frame(place, labels.get(place), moods.get(place), per_day) for place in range(per_day))
    told = []
    for name, places in groupby(range(per_day), lambda place: labels[place].activity if place in labels else ""):
        run = list(places)
        if name:
            told.append(f"{stretch(run[0], run[-1], per_day)} {name}")
    felt = [f"{clock(place, per_day)} {spoken_mood(mood)}" for place, mood in sorted(moods.items())]
    words = "; ".join(told) or "nothing labelled"
    if felt:
        words += f". Mood: {'; '.join(felt)}"
    return Strip(day, f"{day:%A}", frames, words, len(labels) * 24 / per_day)


def _frame(place: int, label: Label | None, mood: Mood | None, per_day: int) -> Frame:
    text = f"{clock(place, per_day)} {label.activity if label else 'not labelled'}"
    if mood is not None:
        text += f", {spoken_mood(mood)}"
    height = -1 if mood is None else min(mood.valence * HEIGHTS // 100, HEIGHTS)
    is_marked = place * 24 % per_day == 0 and (place * 24 // per_day) % 6 == 0
    return Frame(colour(label.activity) if label else UNKNOWN, height, text, is_marked)
