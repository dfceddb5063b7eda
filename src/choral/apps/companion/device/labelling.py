"""Guesses for hours that nobody labelled, from the person's own labelled, similar hours; and how often such guesses are right.

Nearest labelled neighbours vote by how alike they are; hours that look the same and follow each other are one segment and
vote together. How sure a guess is, is measured on the person's own labels, each guessed from other days' labels. Only
what the person confirmed teaches. Guesses fill gaps and never change a label. Device half.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.activities import ACTIVITIES, NUMBERS
from choral.apps.companion.device.calibration import Calibration
from choral.apps.companion.device.diary import Label
from choral.apps.companion.device.record import Record
from choral.apps.companion.device.similarity import Classes, Rows
from choral.apps.companion.device.slots import DaySlots, bounds, slots_of
from choral.apps.companion.device.voting import ENOUGH, Voters

MOST_LABELS = 1_500  # the latest, that vote
LIKELIEST = 3
PREFILLED = 50  # percent from which on a guess is filled in
KEPT = 60  # percent from which on a guess is used for looking back
SAME = 0.75  # affinity with the hour before from which on both are one segment
DOUBT = 0.6  # is left of all doubt by each day on which the activity was labelled: hours of one day are no witnesses apart
NEAR = 1.0  # hours of the clock from a label: an hour of which nothing was logged is guessed from such labels alone
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Labeller:
    """What was learnt from the person's labels: the classes that their days know, and the labelled hours."""

    per_day: int
    classes: Classes
    voters: Voters


@dataclass(frozen=True, slots=True)
class Guess:
    """What a fragment was probably spent on.

    confidence: in percent; others: the likeliest with their percents, the guess first
    first, last: fragments of the segment that it belongs to; prefilled: sure enough to be filled in
    """

    fragment: int
    activity: str
    confidence: int
    others: tuple[tuple[str, int], ...]
    first: int
    last: int
    reason: str
    prefilled: bool


@dataclass(frozen=True, slots=True)
class Guesses:
    """Of one day's gaps, and a sentence about what they rest on."""

    of: tuple[Guess, ...]
    sentence: str


def learned(record: Record) -> Labeller | None:
    """What the person's labels teach; None if there is none yet."""
    wanted = [(day, place) for day, labels in sorted(record.labels.items()) for place in sorted(labels)]
    wanted = [(day, place) for day, place in wanted if _teaches(record, day, place)][-MOST_LABELS:]
    if not wanted:
        return None
    days = [day_slots(record, day) for day in sorted({day for day, _ in wanted})]
    classes = Classes.of(days)
    rows = classes.rows(days, wanted, record.per_day)
    activity = np.array([NUMBERS[record.labels[day][place].activity] for day, place in wanted], np.int64)
    return Labeller(record.per_day, classes, Voters.of(rows, activity))


def day_slots(record: Record, day: date) -> DaySlots:
    """The record's day in slots."""
    near = (day + timedelta(days=step) for step in (-1, 0, 1))
    entries = [entry for one in near for entry in record.entries.get(one, ())]
    return slots_of(entries, day, record.zone, per_day=record.per_day)


def guesses(labeller: Labeller | None, record: Record, day: date, *, until: datetime) -> Guesses:
    """For each fragment of the day that is over by `until` and has no label of the person's."""
    slots = day_slots(record, day)
    gaps = [place for place in slots.fragments if _is_gap(record, day, place) and _is_over(slots, place, until)]
    if labeller is None:
        return Guesses((), "Label a few hours, and guesses begin.")
    if not gaps:
        return Guesses((), "Nothing is left to label here." if bounds(day, record.zone)[0] <= until.timestamp() else "")
    every = list(slots.fragments)
    rows = labeller.classes.rows([slots], [(day, place) for place in every], labeller.per_day)
    segments = _segments(rows)
    voters = labeller.voters
    shares = voters.shares(_together(voters.votes(rows), segments))
    curve = voters.begun if day.toordinal() in voters.rows.day else voters.fresh
    found = [
        _guess(voters, shares[place], curve, fragment=fragment, segment=_named(every, segments[place]))
        for place, fragment in enumerate(every)
        if fragment in gaps and (is_logged(slots, fragment) or voters.near(float(rows.hour[place]), NEAR))
    ]
    return Guesses(tuple(found), _sentence(len(voters.activity)))


def chosen(activity: str) -> Label:
    """What the person said; ValueError for what is not in the list of activities."""
    if activity not in NUMBERS:
        raise ValueError(f"there is no activity {activity!r}; choose one of the list")
    return Label(activity, "person")


def filled(labeller: Labeller | None, record: Record, *, until: datetime) -> Record:
    """The record with sure guesses in its gaps, for looking back; they teach nothing."""
    labels = {day: dict(known) for day, known in record.labels.items()}
    for day in sorted({*record.entries, *record.labels}):
        for guess in guesses(labeller, record, day, until=until).of:
            if guess.confidence >= KEPT:
                labels.setdefault(day, {})[guess.fragment] = Label(guess.activity, "guess", guess.confidence)
    return replace(record, labels=labels)


def is_logged(slots: DaySlots, fragment: int) -> bool:
    """Whether anything was logged of a fragment."""
    return any(slot.doing or slot.place or slot.planned for slot in slots.of(fragment))


def _teaches(record: Record, day: date, fragment: int) -> bool:
    label = record.labels[day][fragment]
    return label.by == "person" and label.activity in NUMBERS and 0 <= fragment < record.per_day


def _is_gap(record: Record, day: date, fragment: int) -> bool:
    label = record.labels.get(day, {}).get(fragment)
    return label is None or label.by == "guess"


def _is_over(slots: DaySlots, fragment: int, until: datetime) -> bool:
    return slots.of(fragment)[-1].start + 600 <= until.timestamp()


def _segments(rows: Rows) -> list[tuple[int, int]]:
    """For each fragment of a day in order, the first and the last one of its run of hours that look alike."""
    like = (rows.parts["doing"][1:] * rows.parts["doing"][:-1]).sum(axis=1)
    like = np.minimum(like, (rows.parts["place"][1:] * rows.parts["place"][:-1]).sum(axis=1))
    cuts = [0, *(place + 1 for place in range(len(like)) if like[place] < SAME), len(rows)]
    return [(first, last - 1) for first, last in pairwise(cuts) for _ in range(first, last)]


def _together(votes: Floats, segments: Sequence[tuple[int, int]]) -> Floats:
    """Half a fragment's own votes, half those of the hours beside it in its segment."""
    shared = votes.copy()
    for place, (first, last) in enumerate(segments):
        beside = votes[max(first, place - 1) : min(last, place + 1) + 1]
        shared[place] = 0.5 * votes[place] + 0.5 * beside.mean(axis=0)
    return shared


def _named(every: Sequence[int], segment: tuple[int, int]) -> tuple[int, int]:
    return every[segment[0]], every[segment[1]]


def _guess(voters: Voters, shares: Floats, curve: Calibration, *, fragment: int, segment: tuple[int, int]) -> Guess:
    order = [int(place) for place in np.argsort(-shares, kind="stable")[:LIKELIEST]]
    known = voters.known(order[0])
    sure = min(curve(float(shares[order[0]]), known), 1 - DOUBT ** voters.days(order[0]))
    chances = _chances(shares[order], sure)
    others = tuple((ACTIVITIES[one].name, round(100 * chance)) for one, chance in zip(order, chances, strict=True))
    others = tuple((name, percent) for name, percent in others if percent > 0)
    name, confidence = others[0]
    reason = f"It looks like {_hours(known)} that you called {name}."
    return Guess(fragment, name, confidence, others, *segment, reason, confidence >= PREFILLED)


def _chances(shares: Floats, sure: float) -> list[float]:
    """Of the likeliest: the first as sure as that, the others by what is left."""
    scale = (1 - sure) / max(1 - float(shares[0]), 1e-9)
    return [sure, *(min(float(share) * scale, sure) for share in shares[1:])]


def _hours(known: int) -> str:
    return "the only one" if known == 1 else f"some of the {known}"


def _sentence(labels: int) -> str:
    rest = "1 label" if labels == 1 else f"{labels:,} labels"
    if labels < ENOUGH:
        return f"Guesses rest on only {rest} of yours so far, so they will often be wrong."
    return f"Guesses rest on {rest} of yours; the percentage says how often such a guess was right."
