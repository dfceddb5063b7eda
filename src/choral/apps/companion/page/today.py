"""Today: the day as a timeline. Gaps come with guesses, one tap says yes, two taps say something else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, Literal

from starlette.responses import Response

from choral.apps.companion.device.activities import NUMBERS
from choral.apps.companion.device.diary import Label, Mood
from choral.apps.companion.device.labelling import Guess, Guesses, chosen, guesses
from choral.apps.companion.device.record import Record
from choral.apps.companion.device.slots import DaySlots, slots_of
from choral.apps.companion.page.desk import Desk, Room, go
from choral.apps.companion.page.families import COMMON, by_family, clock, colour, part_of_day, stretch
from choral.apps.companion.page.forms import Ask, whole, wrong
from choral.apps.companion.page.ideas import current, hear
from choral.apps.companion.page.moods import spoken_mood
from choral.apps.companion.page.questions import question
from choral.apps.companion.page.telling import tell

State = Literal["said", "guess", "gap"]
MOST_CHOICES = 8  # activities beside a gap; all others are one tap further
MOST_LOGGED = 3  # different sentences of what was logged in a stretch


@dataclass(frozen=True, slots=True)
class Line:
    """A stretch of hours that are one thing, or look like one.

    confidence: of a guess in percent, the lowest of its hours; logged: what the device noticed; moods: in words, by hour
    """

    first: int
    last: int
    clock: str
    state: State
    activity: str
    colour: str
    confidence: int
    is_sure: bool
    logged: str
    reason: str
    moods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picker:
    """Where one stretch is labelled. likely: the activities to begin with; mood: of its last hour

    hours: each with the clock at its beginning and at its end
    """

    line: Line
    likely: tuple[str, ...]
    families: list[tuple[str, list[str]]]
    hours: tuple[tuple[int, str, str], ...]
    mood: Mood | None


@dataclass(frozen=True, slots=True)
class DayView:
    """A day on the page. current: the fragment that goes on, None on another day; said, over: how many of how many hours"""

    day: date
    today: date
    name: str
    lines: tuple[Line, ...]
    sentence: str
    picker: Picker | None
    said: int
    over: int
    current: int | None
    mood: Mood | None
    hours: int

    @property
    def before(self) -> date:
        """The day before."""
        return self.day - timedelta(days=1)

    @property
    def after(self) -> date:
        """The day after."""
        return self.day + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Day:
    """What the diary has of a day and the two beside it, and nothing more."""

    day: date
    slots: DaySlots
    record: Record
    labels: Mapping[int, Label]
    moods: Mapping[int, Mood]

    @classmethod
    def of(cls, room: Room, day: date) -> "Day":
        """Read a few rows, however many years are kept."""
        near = room.diary.days(day - timedelta(days=1), day + timedelta(days=1))
        labels, moods = room.diary.labels(day, day), room.diary.moods(day, day)
        per_day = room.settings.per_day
        record = Record(room.zone, per_day, near, labels, moods)
        slots = slots_of((one for all_ in near.values() for one in all_), day, room.zone, per_day=per_day)
        return cls(day, slots, record, labels.get(day, {}), moods.get(day, {}))

    def until(self, now: datetime) -> tuple[int, ...]:
        """The fragments that have begun."""
        begun = {slot.fragment for slot in self.slots.slots if slot.start <= now.timestamp()}
        return tuple(place for place in self.slots.fragments if place in begun)


def show(desk: Desk, ask: Ask) -> Response:
    """The timeline of a day."""
    room = desk.room(ask.now)
    day = ask.shown_day(ask.now.date())
    view = day_view(room, day, ask.now, at=_asked_for(ask, room.settings.per_day))
    is_today = view.day == view.today
    moods = room.diary.moods(view.today, view.today).get(view.today, {})
    told = question(room, [mood.at for mood in moods.values()], ask.now, desk.entropy) if is_today else ""
    found: dict[str, Any] = {"question": told, "suggestion": current(room, ask.now) if is_today else None}
    return desk.page(
        "today.html", "Today" if is_today else view.name, tab="today", view=view, per_day=room.settings.per_day, **found
    )


def label(desk: Desk, ask: Ask) -> Response:
    """Say what hours were spent on, or take it back."""
    room, day = desk.room(ask.now), ask.day()
    places = _span(ask, room)
    if ask.form.get("activity") not in (*NUMBERS, ""):
        raise wrong("the activity is none of the list")
    said = chosen(ask.form["activity"]) if ask.form["activity"] else None
    there = Day.of(room, day).until(ask.now)
    room.diary.label(day, {place: said for place in places if place in there})
    tell(room, day, places, ask.now)
    return go(f"/today?day={day}#h{places[0]}")


def feel(desk: Desk, ask: Ask) -> Response:
    """Say how an hour felt, or take it back."""
    room, day = desk.room(ask.now), ask.day()
    place = ask.number("fragment", 0, room.settings.per_day - 1)
    if ask.is_on("unsay"):
        room.diary.feel(day, {place: None})
        tell(room, day, (place,), ask.now)
        return go(f"/today?day={day}#h{place}")
    mood = Mood(ask.number("valence", 0, 100), ask.number("energy", 0, 100), ask.is_on("external"), int(ask.now.timestamp()))
    if place not in Day.of(room, day).until(ask.now):
        raise wrong("that hour has not begun")
    room.diary.feel(day, {place: mood})
    tell(room, day, (place,), ask.now)
    if (day, place) == (ask.now.date(), _current(room, ask.now)):
        hear(room, mood, ask.now, desk.entropy)
    desk.say("Kept." if not mood.external else "Kept, and left out of all learning: it was because of something else.")
    return go(f"/today?day={day}#h{place}")


def day_view(room: Room, day: date, now: datetime, *, at: tuple[int, int] | None = None) -> DayView:
    """The day as it is shown. at: the hours whose picker is open"""
    own = Day.of(room, day)
    begun = own.until(now)
    found = guesses(room.mind.labeller, own.record, day, until=now)
    lines = tuple(_lines(own, begun, found, room.settings.per_day, at))
    today = now.date()
    current = begun[-1] if day == today and begun else None
    return DayView(
        day=day,
        today=today,
        name=f"{day:%A} {day.day} {day:%B %Y}",
        lines=lines,
        sentence=found.sentence,
        picker=_picker(room, own, found, lines, at),
        said=sum(place in own.labels and own.labels[place].by == "person" for place in begun),
        over=len(begun),
        current=current,
        mood=own.moods.get(current) if current is not None else None,
        hours=own.slots.hours,
    )


def _lines(own: Day, begun: Iterable[int], found: Guesses, per_day: int, at: tuple[int, int] | None) -> Iterable[Line]:
    """The day's stretches; hours whose picker is open stand together, whatever they are."""
    by_place = {guess.fragment: guess for guess in found.of}

    def alike(place: int) -> tuple[object, ...]:
        is_picked = at is not None and at[0] <= place <= at[1]
        label = own.labels.get(place)
        if label is not None and label.by == "person":
            return is_picked, "said", label.activity
        guess = by_place.get(place)
        if guess is not None:
            return is_picked, "guess", guess.activity, guess.prefilled
        return is_picked, "gap", own.slots.summary(place), is_picked or part_of_day(place, per_day)

    for kind, places in groupby(begun, alike):
        yield _line(own, list(places), kind, by_place, per_day)


def _line(own: Day, places: list[int], kind: tuple[object, ...], found: Mapping[int, Guess], per_day: int) -> Line:
    said = [guess for place in places if (guess := found.get(place)) is not None]
    activity = str(kind[2]) if kind[1] != "gap" else ""
    logged = list(dict.fromkeys(own.slots.summary(place) for place in places))
    moods = [f"{clock(place, per_day)} {spoken_mood(own.moods[place])}" for place in places if place in own.moods]
    return Line(
        first=places[0],
        last=places[-1],
        clock=stretch(places[0], places[-1], per_day),
        state="said" if kind[1] == "said" else "guess" if kind[1] == "guess" else "gap",
        activity=activity,
        colour=colour(activity),
        confidence=min((guess.confidence for guess in said), default=0),
        is_sure=all(guess.prefilled for guess in said),
        logged="; ".join(logged[:MOST_LOGGED]) + ("; …" if len(logged) > MOST_LOGGED else ""),
        reason=said[0].reason if said else "",
        moods=tuple(moods),
    )


def _picker(room: Room, own: Day, found: Guesses, lines: Iterable[Line], at: tuple[int, int] | None) -> Picker | None:
    """What stands beside the hours that were asked for."""
    line = next((one for one in lines if at is not None and at[0] <= one.first and one.last <= at[1]), None)
    if line is None:
        return None
    guessed = [name for guess in found.of if line.first <= guess.fragment <= line.last for name, _ in guess.others]
    per_day = room.settings.per_day
    common = COMMON[part_of_day(line.first, per_day)]
    likely = tuple(dict.fromkeys([*guessed, *room.mind.usual.get(line.first, ()), *common]))[:MOST_CHOICES]
    places = [place for place in own.slots.fragments if line.first <= place <= line.last]
    hours = tuple((place, clock(place, per_day), clock(place + 1, per_day)) for place in places)
    return Picker(line, likely, by_family(), hours, own.moods.get(line.last))


def _current(room: Room, now: datetime) -> int:
    """The fragment that goes on."""
    return (now.hour * 60 + now.minute) * room.settings.per_day // 1440


def _asked_for(ask: Ask, per_day: int) -> tuple[int, int] | None:
    if "at" not in ask.query:
        return None
    first = whole(ask.query["at"], "at", 0, per_day - 1)
    return first, whole(ask.query.get("to", str(first)), "to", first, per_day - 1)


def _span(ask: Ask, room: Room) -> range:
    first = ask.number("first", 0, room.settings.per_day - 1)
    return range(first, ask.number("last", first, room.settings.per_day - 1) + 1)
