"""A shift in mood is noticed, and what changed with it is named: which need not have caused it, and that is said.

A shift is the one split of the last weeks that is least like luck, all splits being counted. A cause is named if its
hours changed with the shift beyond luck, all groups being counted; and of those the first is the one whose ups and downs
went with the mood on other days too. Moods "because of something else" take no part. Device half.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.daily import GROUPS, SAID, Daily, daily
from choral.apps.companion.device.intervals import Interval, holm, of_difference, of_slope
from choral.apps.companion.device.record import Record

BACK_DAYS = 42
LEAST_BEFORE, LEAST_SINCE = 7, 5  # days with a mood
LUCK = 0.03  # chance that a shift is seen where there is none, all splits counted
CAUSE_LUCK = 0.05
LEAST_POINTS = 5.0
LEAST_HOURS = 0.4  # a day
LEAST_EVIDENCE = 2.5  # of a cause: how clearly the mood went with it from day to day, as a value of Student's t
MOST_CAUSES = 2
CERTAINTY = 0.95
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cause:
    """What changed with the mood. name: a group of activities; hours: more a day, or less; evidence: the larger the likelier"""

    name: str
    hours: float
    evidence: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Shift:
    """The mood before and since a day, in points of 100; days: with a mood, before and since."""

    since: date
    before: float
    after: float
    interval: Interval
    days: tuple[int, int]
    causes: tuple[Cause, ...]
    sentence: str


def shift(record: Record, today: date) -> Shift | None:
    """The shift of the last six weeks, if there is one."""
    first = today - timedelta(days=BACK_DAYS)
    days = [one for one in daily(record) if first <= one.day <= today and one.mood is not None]
    moods = _without_weekend(days)
    splits = range(LEAST_BEFORE, len(days) - LEAST_SINCE + 1)
    if not splits:
        return None
    found = {place: of_difference(moods[place:], moods[:place], certainty=CERTAINTY) for place in splits}
    place = min(found, key=lambda one: (found[one].chance, one))
    best = found[place]
    if best.chance * len(splits) > LUCK or abs(best.value) < LEAST_POINTS:
        return None
    before, after = float(moods[:place].mean()), float(moods[place:].mean())
    causes = _causes(days, moods, place)
    counts = (place, len(days) - place)
    return Shift(days[place].day, before, after, best, counts, causes, _sentence(days[place].day, before, after, counts, best))


def _causes(days: Sequence[Daily], moods: Floats, place: int) -> tuple[Cause, ...]:
    """The likeliest first."""
    changes = {name: _change(days, name, place) for name in GROUPS}
    names = [name for name in GROUPS if math.isfinite(changes[name].high)]
    held = holm([changes[name].chance for name in names], CAUSE_LUCK)
    way = float(np.sign(moods[place:].mean() - moods[:place].mean()))
    found = []
    for name, holds in zip(names, held, strict=True):
        change = changes[name]
        evidence = _evidence(days, moods, name, place) * float(np.sign(change.value)) * way
        if holds and abs(change.value) >= LEAST_HOURS and evidence >= LEAST_EVIDENCE:
            found.append(Cause(name, change.value, evidence, _cause_sentence(name, change)))
    found.sort(key=lambda cause: (-cause.evidence, cause.name))
    return tuple(found[:MOST_CAUSES])


def _change(days: Sequence[Daily], name: str, place: int) -> Interval:
    """Hours a day since, less before."""
    sides = [[one.hours[name] for one in side if one.hours] for side in (days[place:], days[:place])]
    return of_difference(*sides, certainty=CERTAINTY)


def _evidence(days: Sequence[Daily], moods: Floats, name: str, place: int) -> float:
    """How the mood went with those hours from day to day on either side of the shift: Student's t, of either sign."""
    x, y = [], []
    for side in (range(place), range(place, len(days))):
        known = [number for number in side if days[number].hours]
        hours = np.array([days[number].hours[name] for number in known])
        x += list(hours - hours.mean()) if known else []
        y += list(moods[known] - moods[known].mean()) if known else []
    slope = of_slope(x, y, certainty=CERTAINTY)
    reach = slope.high - slope.value
    return 2 * slope.value / reach if 0 < reach < math.inf else 0.0


def _without_weekend(days: Sequence[Daily]) -> Floats:
    """Moods with what weekends usually add taken off, where there are enough of both."""
    moods = np.array([one.mood for one in days], np.float64)
    weekend = np.array([one.day.weekday() >= 5 for one in days], np.bool_)
    if weekend.sum() < 4 or (~weekend).sum() < 4:
        return moods
    added = float(moods[weekend].mean() - moods[~weekend].mean())
    return np.asarray(moods - added * (weekend - weekend.mean()))


def _sentence(since: date, before: float, after: float, days: tuple[int, int], found: Interval) -> str:
    way = "lower" if after < before else "higher"
    low, high = sorted((abs(round(found.low)), abs(round(found.high))))
    return (
        f"Since {since.day} {since:%B} your mood has been {way}: about {round(after)} of 100, before about {round(before)}. "
        f"The difference is between {low} and {high} points; {days[1]} days since, {days[0]} before."
    )


def _cause_sentence(name: str, change: Interval) -> str:
    said = SAID[name][change.value > 0]
    hours = f"{abs(change.value):.1f}".removesuffix(".0")
    return f"In the same days you {said}, by about {hours} hours a day. One may have to do with the other, or not."
