"""One small thing, with its reason, when the mood is low or will be: fitting the free time, and now and then drawn by chance.

At each such moment a coin decides whether anything is suggested, and whether it is the best guess or any that fits; its
chance is kept, so that "did my suggestions help me?" has an honest answer. Nothing here is advice of a doctor. Device half.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from choral.apps.companion.device.lifts import Lift, Shared, lifts
from choral.apps.companion.device.record import Felt, Record
from choral.apps.companion.device.slots import bounds
from choral.apps.companion.device.small_things import SMALL, Small
from choral.apps.companion.device.turns import Turn
from choral.numerics import Entropy

NONE_OF, RANDOM_OF, DRAWN_OF = 5, 3, 20  # shares of the moments: a quarter none, 15 % any that fits
MADE_CHANCE = 1 - NONE_OF / DRAWN_OF
APART_SECONDS = 3 * 3600  # between two such moments
AGAIN_SECONDS = 20 * 3600  # before the same thing is suggested again
RECENT_SECONDS = 90 * 60  # a mood is of now
MOST_FREE = 180  # minutes
USUAL_DAYS = 60
LEAST_MOODS = 8
LOW, LOWEST = 40, 30  # points: low before the usual is known; low for anybody
BELOW, SHARE_BELOW = 8.0, 0.75  # points, or standard deviations, under the usual
FORETOLD, LEAST_FORETOLD = 6.0, 5
NEAR_HOURS = 1
TOLD_HOURS = 5  # of an activity, from which on its own figure is told


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, and how many minutes are free."""

    now: datetime
    free_minutes: int = 60


@dataclass(frozen=True, slots=True)
class Low:
    """A mood below the usual: said, or only foretold from such hours of such days."""

    valence: int
    usual: int
    foretold: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What is shown."""

    activity: str
    title: str
    reason: str
    minutes: int


def turn(
    record: Record,
    moment: Moment,
    *,
    log: Sequence[Turn],
    refused: Collection[str],
    entropy: Entropy,
    shared: Shared | None = None,
) -> Turn | None:
    """The drawn choice of this moment, to be kept before it is shown; None where there is no occasion.

    log: turns so far; refused: activities never to be suggested again
    """
    second = int(moment.now.timestamp())
    low = low_mood(record, moment.now)
    fit = fitting(record, moment, log=log, refused=refused)
    if low is None or not fit or any(0 <= second - one.at < APART_SECONDS for one in log):
        return None
    drawn = int(entropy.below(1, DRAWN_OF)[0])
    if drawn < NONE_OF:
        return Turn(second, "none", "", 1 - MADE_CHANCE, MADE_CHANCE, low.valence)
    if drawn < NONE_OF + RANDOM_OF:
        one = fit[int(entropy.below(1, len(fit))[0])]
        return Turn(second, "random", one.activity, RANDOM_OF / DRAWN_OF / len(fit), MADE_CHANCE, low.valence)
    known = lifts(record, shared)
    best = max(fit, key=lambda one: (known[one.activity].points, -one.minutes))
    return Turn(second, "best", best.activity, MADE_CHANCE - RANDOM_OF / DRAWN_OF, MADE_CHANCE, low.valence)


def fitting(record: Record, moment: Moment, *, log: Sequence[Turn], refused: Collection[str]) -> tuple[Small, ...]:
    """The small things that fit the hour and the free time, and were neither refused nor suggested lately."""
    hour, second = moment.now.astimezone(record.zone).hour, int(moment.now.timestamp())
    lately = {one.activity for one in log if 0 <= second - one.at < AGAIN_SECONDS}
    gone = lately | set(refused) | {one.activity for one in log if one.answer == "never"}
    own = {label.activity for labels in record.labels.values() for label in labels.values()}
    return tuple(
        one
        for one in SMALL
        if one.minutes <= moment.free_minutes
        and one.first <= hour < one.last
        and one.activity not in gone
        and (one.activity in own or not one.only_known)
    )


def free_minutes(record: Record, now: datetime) -> int:
    """Minutes until the next thing in the calendar, three hours at most."""
    second, today = int(now.timestamp()), now.astimezone(record.zone).date()
    near = [entry for day in (today, today + timedelta(days=1)) for entry in record.entries.get(day, ())]
    planned = [entry for entry in near if entry.kind == "calendar" and entry.what != "all day"]
    if any(entry.start <= second < entry.end for entry in planned):
        return 0
    following = [entry.start for entry in planned if entry.start > second]
    return min(MOST_FREE, (min(following, default=second + MOST_FREE * 60) - second) // 60)


def low_mood(record: Record, now: datetime) -> Low | None:
    """Whether the mood is below the person's usual, or is going to be; None if it is not, or nobody can say."""
    second, today = int(now.timestamp()), now.astimezone(record.zone).date()
    felt = list(record.felt(since=today - timedelta(days=USUAL_DAYS), until=today))
    usual, spread = _usual(felt)
    recent = [one for one in felt if 0 <= second - one.at <= RECENT_SECONDS]
    if recent:
        last = max(recent, key=lambda one: one.at).valence
        is_low = last <= LOWEST or last <= (usual - max(BELOW, SHARE_BELOW * spread) if len(felt) >= LEAST_MOODS else LOW)
        return Low(last, round(usual), False, f"You said {last} of 100.") if is_low else None
    return _foretold(record, felt, now, usual)


def shown(turn: Turn, record: Record, shared: Shared | None = None) -> Suggestion | None:
    """What the person sees of a turn; None if nothing is suggested."""
    small = next((one for one in SMALL if one.activity == turn.activity), None)
    if small is None:
        return None
    lift = lifts(record, shared)[small.activity]
    return Suggestion(small.activity, small.title, _reason(turn, lift), small.minutes)


def _reason(turn: Turn, lift: Lift) -> str:
    """Why, in a sentence or two that say how sure it is."""
    if turn.arm == "random":
        return "Drawn by chance among what fits your free time, to find out what helps you."
    hours = "1 hour" if lift.n == 1 else f"{lift.n} hours"
    points = round(abs(lift.points))
    if lift.n >= TOLD_HOURS and lift.points > lift.error:
        return f"In {hours} of it you felt about {points} points better than usual, give or take {round(2 * lift.error)}."
    if lift.by_others and lift.points > 0:
        return f"It tends to feel good to people with days like yours. You yourself rated {hours} of it, so this is a guess."
    return f"Small and easy to begin. You rated {hours} of it so far: not enough yet to say more."


def _usual(felt: Sequence[Felt]) -> tuple[float, float]:
    """Mean and standard deviation."""
    if not felt:
        return 50.0, 0.0
    mean = sum(one.valence for one in felt) / len(felt)
    return mean, math.sqrt(sum((one.valence - mean) ** 2 for one in felt) / len(felt))


def _foretold(record: Record, felt: Sequence[Felt], now: datetime, usual: float) -> Low | None:
    """From moods at about this hour on such days, drawn to the usual while they are few."""
    local = now.astimezone(record.zone)
    such = [one for one in felt if abs(record.hour_of(one.fragment) - local.hour) <= NEAR_HOURS]
    such = [
        one
        for one in such
        if (one.day.weekday() >= 5) == (local.weekday() >= 5) and one.at < bounds(local.date(), record.zone)[0]
    ]
    if len(such) < LEAST_FORETOLD:
        return None
    pull = LEAST_FORETOLD
    mean = (sum(one.valence for one in such) + pull * usual) / (len(such) + pull)
    if mean > usual - FORETOLD:
        return None
    points = round(usual - mean)
    return Low(
        round(mean), round(usual), True, f"At this hour you are often about {points} points below your usual (n = {len(such)})."
    )
