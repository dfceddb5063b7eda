"""Cards about what goes with a person's mood: each says on how many days it rests, how sure it is, or "not enough yet".

All intervals of all cards hold together with 95 % certainty (Bonferroni): looking at many things does not make luck look
like a finding. Within a day an activity is compared with the day's other hours, so that good days do not praise
everything that was in them. Device half.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from choral.apps.companion.device.daily import SLEEP, Daily, daily
from choral.apps.companion.device.intervals import Interval, of_difference, of_mean, of_slope
from choral.apps.companion.device.record import Felt, Record
from choral.apps.companion.device.turns import Turn
from choral.apps.companion.device.uplift import CERTAINTY, Uplift, uplift

State = Literal["clear", "open", "not yet"]
MIN_DAYS = 6  # that have both
MOST_OPEN, MOST_WAITING = 4, 3  # cards shown that found nothing, or wait
EVENING, MORNING = 17, 12


@dataclass(frozen=True, slots=True)
class Card:
    """One thing looked at. n: days; value, low, high: points of 100, low and high endless where it is not enough yet"""

    title: str
    sentence: str
    state: State
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Question:
    """Something to look at: differences within days, days of two kinds, or pairs from which `taken` numbers were fitted."""

    title: str
    words: str
    differences: tuple[float, ...] = ()
    sides: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    pairs: tuple[tuple[float, float], ...] = ()
    taken: int = 2

    @property
    def n(self) -> int:
        """Days that say something about it."""
        return len(self.differences) + min(map(len, self.sides)) + len(self.pairs)

    def interval(self, certainty: float) -> Interval:
        """The answer."""
        if self.differences:
            return of_mean(self.differences, certainty=certainty)
        if self.pairs:
            return of_slope([x for x, _ in self.pairs], [y for _, y in self.pairs], certainty=certainty, taken=self.taken)
        return of_difference(*self.sides, certainty=certainty)


def cards(record: Record, turns: Sequence[Turn]) -> tuple[Card, ...]:
    """What is clear first, then what is open, then what waits for more days; the suggestions' own card last."""
    questions = [*_about_activities(list(record.felt())), *_about_days(record)]
    ready = [one for one in questions if one.n >= MIN_DAYS]
    certainty = 1 - (1 - CERTAINTY) / max(1, len(ready))
    found_of = [(one, one.interval(certainty)) for one in ready]
    told = [_card(one, found) for one, found in found_of if math.isfinite(found.low) and math.isfinite(found.high)]
    clear = sorted((card for card in told if card.state == "clear"), key=lambda card: -abs(card.value))
    open_ = sorted((card for card in told if card.state == "open"), key=lambda card: -card.n)[:MOST_OPEN]
    waiting = sorted((one for one in questions if 0 < one.n < MIN_DAYS), key=lambda one: -one.n)[:MOST_WAITING]
    found = (*clear, *open_, *(_waiting(one) for one in waiting))
    return (*found, _of_uplift(uplift(turns)))


def _about_activities(felt: Sequence[Felt]) -> list[Question]:
    """Of each activity: by how much its hours felt better than the same day's other hours."""
    by_day: dict[date, dict[str, list[int]]] = {}
    for one in felt:
        if one.activity and one.activity != SLEEP:
            by_day.setdefault(one.day, {}).setdefault(one.activity, []).append(one.valence)
    differences: dict[str, list[float]] = {}
    for names in by_day.values():
        for name, values in names.items() if len(names) > 1 else ():
            others = [value for other, rest in names.items() if other != name for value in rest]
            differences.setdefault(name, []).append(float(np.mean(values) - np.mean(others)))
    return [Question(name, f"Hours of {name}", differences=tuple(found)) for name, found in sorted(differences.items())]


def _about_days(record: Record) -> list[Question]:
    days = [one for one in daily(record) if one.mood is not None]
    return [_about_sleep(days), _about_weekends(days), _about_evenings(list(record.felt()), record)]


def _about_sleep(days: Sequence[Daily]) -> Question:
    """The day's mood by the hours slept in it, weekends and a drift over the weeks taken off both."""
    known = [one for one in days if one.hours]
    if len(known) < MIN_DAYS:
        return Question("sleep", "", pairs=tuple((one.hours["sleep"], one.mood or 0.0) for one in known))
    x = np.array([one.hours["sleep"] for one in known])
    y = np.array([one.mood for one in known], np.float64)
    drift = np.array([one.day.toordinal() for one in known], np.float64)
    weekend = np.array([one.day.weekday() >= 5 for one in known], np.float64)
    base = np.stack([np.ones(len(known)), drift - drift.mean(), weekend], axis=1)
    rests = [value - base @ np.linalg.lstsq(base, value, rcond=None)[0] for value in (x, y)]
    pairs = tuple(zip(*(rest.tolist() for rest in rests), strict=True))
    return Question("sleep", "A day with an hour more of sleep", pairs=pairs, taken=2 + base.shape[1] - 1)


def _about_weekends(days: Sequence[Daily]) -> Question:
    sides = tuple(tuple(one.mood or 0.0 for one in days if (one.day.weekday() >= 5) is off) for off in (True, False))
    return Question("weekends", "Saturdays and Sundays", sides=(sides[0], sides[1]))


def _about_evenings(felt: Sequence[Felt], record: Record) -> Question:
    by_day: dict[date, tuple[list[int], list[int]]] = {}
    for one in felt:
        hour = record.hour_of(one.fragment)
        if one.activity != SLEEP and (hour >= EVENING or hour < MORNING):
            by_day.setdefault(one.day, ([], []))[hour >= EVENING].append(one.valence)
    both = [(float(np.mean(late)), float(np.mean(early))) for early, late in by_day.values() if early and late]
    return Question("evenings", "Evenings", differences=tuple(late - early for late, early in both))


OTHERS: Mapping[str, str] = {
    "sleep": "than usual",
    "weekends": "than other days",
    "evenings": "than the same days' mornings",
}


def _card(question: Question, found: Interval) -> Card:
    low, high, others = round(found.low), round(found.high), OTHERS.get(question.title, "than the same days' other hours")
    rests = f"{low:+d} to {high:+d} points of 100, {question.n} days"
    if found.is_clear:
        way = "better" if found.value > 0 else "less good"
        sentence = f"{question.words} felt about {_points(found.value)} {way} {others} ({rests})."
    else:
        sentence = f"{question.words} felt neither clearly better nor worse {others} ({rests})."
    state: State = "clear" if found.is_clear else "open"
    return Card(question.title, sentence, state, question.n, found.value, found.low, found.high)


def _points(value: float) -> str:
    points = max(1, round(abs(value)))
    return "1 point" if points == 1 else f"{points} points"


def _waiting(question: Question) -> Card:
    sentence = f"Not enough yet about {question.title}: {question.n} of {MIN_DAYS} days that say something."
    return Card(question.title, sentence, "not yet", question.n, 0.0, -math.inf, math.inf)


def _of_uplift(found: Uplift) -> Card:
    is_clear = found.enough and (found.low > 0 or found.high < 0)
    state: State = "clear" if is_clear else "open" if found.enough else "not yet"
    n = found.n_with + found.n_without
    return Card("suggestions", found.sentence, state, n, found.value, found.low, found.high)
