"""What the companion says of moods, tried on generated lives: planted causes, planted help, and nothing planted at all.

Knows generated records. The figures of the experiment and of the tests, each with its standard error.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.daily import GROUP_OF, daily
from choral.apps.companion.device.diary import Label, Mood
from choral.apps.companion.device.insights import cards
from choral.apps.companion.device.record import Record
from choral.apps.companion.device.shifts import shift
from choral.apps.companion.device.suggestions import MADE_CHANCE
from choral.apps.companion.device.turns import Turn
from choral.apps.companion.device.uplift import uplift
from choral.apps.companion.study.generator import Generator
from choral.apps.companion.study.logs import generated_record
from choral.numerics import SeededEntropy

PLANT_KEY, SAID_KEY, NIGHT_KEY, TURN_KEY = 21, 22, 23, 24
SAID_A_DAY = 4  # moods
LOST_HOURS, SINCE_DAYS = 3, 12  # of the cause each day, for the last so many days
USUAL_SHARE = 0.3  # of earlier days on which some of it is lost too
DAY_SPREAD = 4.0  # points by which whole days differ for no reason
LEAST_HOURS = 2  # a day, for a group to be a cause
CAUSES = ("sleep", "people", "exercise", "quiet")
OTHERS = ("television", "tidying", "homework", "bills and letters", "the news", "cleaning", "social media", "eating")
BYSTANDER, BYSTANDER_HOURS = "screens", 2
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Planted:
    """A life with a cause. cause: the group that is lost, "" for none; since: from which day on"""

    record: Record
    cause: str
    since: date


def planted(generator: Generator, person: int, days: int, *, points: float) -> Planted:
    """From some day on, hours of one group give way to this and that; each lost hour costs `points` of that day's mood.

    On some days before, an hour or more is lost as well. From the same day on something else changes too, which does
    nothing to the mood: hours of leisure give way to a longer way to work. `points` 0 plants nothing at all.
    """
    whole = generated_record(generator, person, days, logged=False)
    words = SeededEntropy(generator.seed, (PLANT_KEY << 48) + person).words(1, 1 + 3 * days)[0].tolist()
    causes = _frequent(whole)
    cause = causes[words[0] % len(causes)]
    since = min(whole.labels) + timedelta(days=days - SINCE_DAYS)
    labels, lost = {}, {}
    for day, luck in zip(sorted(whole.labels), zip(words[1::3], words[2::3], words[3::3], strict=True), strict=True):
        often = LOST_HOURS if day >= since else (1 + luck[0] % LOST_HOURS if luck[1] % 100 < 100 * USUAL_SHARE else 0)
        fill = [OTHERS[(luck[2] >> 8 * step) % len(OTHERS)] for step in range(LOST_HOURS)]
        labels[day], hours = _changed(whole.labels[day], cause, fill[: often if points else 0])
        lost[day] = points * hours
        if points and day >= since:
            labels[day], _ = _changed(labels[day], BYSTANDER, ["commuting"] * BYSTANDER_HOURS)
    return Planted(
        replace(whole, labels=labels, moods=_said(whole, generator.seed, person, lost)), cause if points else "", since
    )


def cause_precision(seed: int, people: int, days: int = 60, *, points: float = 5.0) -> dict[str, float]:
    """Planted causes: how many shifts were noticed, and how often the first cause that was named is the planted one.

    noticed: share of planted shifts; named: share of those with a cause named; precision, precision_stderr: of the first
    named; any_precision: of all named; false_shifts, false_shifts_stderr: share of lives without a plant with a shift
    """
    generator = Generator(seed)
    noticed, firsts, every = 0, [], []
    for one in (planted(generator, person, days, points=points) for person in range(people)):
        found = shift(one.record, max(one.record.labels))
        noticed += found is not None
        names = [cause.name for cause in found.causes] if found else []
        firsts += [name == one.cause for name in names[:1]]
        every += [name == one.cause for name in names]
    calm = (planted(generator, person, days, points=0.0) for person in range(people, 2 * people))
    false = [shift(one.record, max(one.record.labels)) is not None for one in calm]
    precision, precision_stderr = _share(firsts)
    false_shifts, false_stderr = _share(false)
    return {
        "noticed": noticed / people,
        "named": len(firsts) / max(1, noticed),
        "precision": precision,
        "precision_stderr": precision_stderr,
        "any_precision": _share(every)[0],
        "false_shifts": false_shifts,
        "false_shifts_stderr": false_stderr,
    }


def uplift_coverage(seed: int, people: int, moments: int, *, points: float = 5.0) -> dict[str, float]:
    """How often the 95 % interval of the uplift holds the truth, on drawn moments with lasting moods and moods unsaid.

    coverage, coverage_stderr: of those that have enough; enough: their share; bias, bias_stderr: mean of value - truth;
    false_alarms: share of intervals off zero where suggestions do nothing
    """
    found = [uplift(_turns(seed, person, moments, points)) for person in range(people)]
    ready = [one for one in found if one.enough]
    coverage, coverage_stderr = _share([one.low <= points <= one.high for one in ready])
    values = np.array([one.value - points for one in ready])
    nothing = [uplift(_turns(seed, people + person, moments, 0.0)) for person in range(people)]
    alarms, alarms_stderr = _share([one.low > 0 or one.high < 0 for one in nothing if one.enough])
    return {
        "coverage": coverage,
        "coverage_stderr": coverage_stderr,
        "enough": len(ready) / people,
        "bias": float(values.mean()) if len(values) else math.nan,
        "bias_stderr": float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan,
        "width": float(np.mean([one.high - one.low for one in ready])) if ready else math.nan,
        "false_alarms": alarms,
        "false_alarms_stderr": alarms_stderr,
    }


def insight_alarms(seed: int, people: int, days: int) -> dict[str, float]:
    """Share of people who see any clear card although no mood has to do with anything; and its standard error."""
    generator = Generator(seed)
    seen = []
    for person in range(people):
        whole = generated_record(generator, person, days, logged=False)
        luck = _normal(SeededEntropy(seed, (NIGHT_KEY << 48) + person).words(1, 48 * days)[0])
        level = luck[:days] * DAY_SPREAD
        moods = {
            day: {place: _mood(55 + level[row] + 10 * luck[days + row * 20 + place % 20], mood) for place, mood in said.items()}
            for row, (day, said) in enumerate(_thinned(whole, seed, person).items())
        }
        seen.append(any(card.state == "clear" for card in cards(replace(whole, moods=moods), ())))
    share, error = _share(seen)
    return {"alarms": share, "alarms_stderr": error}


def _frequent(record: Record) -> list[str]:
    """Of CAUSES, those that take two hours a day or more."""
    days = daily(record)
    return [name for name in CAUSES if sum(one.hours[name] for one in days) >= LEAST_HOURS * len(days)]


def _changed(labels: Mapping[int, Label], group: str, fill: Sequence[str]) -> tuple[dict[int, Label], int]:
    """The day's labels with the last hours of a group, one for each of `fill`, spent on that; and how many there were."""
    mine = [place for place, label in sorted(labels.items()) if GROUP_OF.get(label.activity) == group]
    changed = {place: Label(name, "person") for place, name in zip(reversed(mine), fill, strict=False)}
    return {**labels, **changed}, len(changed)


def _said(record: Record, seed: int, person: int, lost: Mapping[date, float]) -> dict[date, dict[int, Mood]]:
    """A few moods a day, lowered by what was lost that day and by the day's own luck."""
    luck = _normal(SeededEntropy(seed, (NIGHT_KEY << 48) + person).words(1, 2 * len(lost))[0]).tolist()
    thin = _thinned(record, seed, person)
    return {
        day: {place: _mood(mood.valence - lost[day] + DAY_SPREAD * one, mood) for place, mood in said.items()}
        for one, (day, said) in zip(luck, thin.items(), strict=True)
    }


def _thinned(record: Record, seed: int, person: int) -> dict[date, dict[int, Mood]]:
    """SAID_A_DAY moods of each day's waking hours."""
    words = SeededEntropy(seed, (SAID_KEY << 48) + person).words(1, 24 * len(record.moods))[0].reshape(-1, 24)
    kept = {}
    for order, (day, moods) in zip(words.argsort(axis=1).tolist(), sorted(record.moods.items()), strict=True):
        awake = [place for place in order if record.label(day, place) != "sleeping"]
        kept[day] = {place: moods[place] for place in sorted(awake[:SAID_A_DAY])}
    return kept


def _turns(seed: int, person: int, moments: int, points: float) -> tuple[Turn, ...]:
    """Drawn moments of a person whose moods come back to a level, last, and are said three times of four."""
    entropy = SeededEntropy(seed, (TURN_KEY << 48) + person)
    luck, draws = _normal(entropy.words(1, 6 * moments)[0]).reshape(3, -1), entropy.words(1, 2 * moments)[0].reshape(2, -1)
    made = draws[0].astype(np.float64) / 2**64 < MADE_CHANCE
    before = np.clip(np.rint(35 + 8 * luck[0]), 0, 100)
    after = np.clip(np.rint(50 + 0.4 * (before - 35) + 10 * luck[1] + 4 * luck[2] * made + points * made), 0, 100)
    said = draws[1] % np.uint64(4) > 0
    return tuple(_turn(number, one) for number, one in enumerate(zip(made, before, after, said, strict=True)))


def _turn(number: int, one: tuple[np.bool_, np.float64, np.float64, np.bool_]) -> Turn:
    made, before, after, said = one
    chance = MADE_CHANCE if made else 1 - MADE_CHANCE
    arm, activity = ("best", "a walk") if made else ("none", "")
    felt = int(after) if said else None
    return Turn(number * 10_000, arm, activity, chance, MADE_CHANCE, int(before), after=felt)  # type: ignore[arg-type]


def _mood(valence: float, like: Mood) -> Mood:
    return replace(like, valence=min(100, max(0, round(float(valence)))))


def _share(held: list[bool]) -> tuple[float, float]:
    """A share, and its standard error with one more of each kind, so that it is never zero."""
    if not held:
        return math.nan, math.nan
    share = sum(held) / len(held)
    drawn = (sum(held) + 1) / (len(held) + 2)
    return share, math.sqrt(drawn * (1 - drawn) / len(held))


def _normal(words: NDArray[np.uint64]) -> Floats:
    """Half as many standard normal numbers as words."""
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53
    half = len(words) // 2
    return np.asarray(np.sqrt(-2 * np.log(uniform[:half])) * np.cos(2 * np.pi * uniform[half : 2 * half]))
