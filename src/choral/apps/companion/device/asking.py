"""When to ask how somebody feels: a few times a day, at moments nobody can foresee, never at night, never twice in two hours.

All plans that keep that distance are equally likely, so that the moods that are said are a fair sample of the waking day.
Draw the plan once a day and keep it. Device half.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, tzinfo
from typing import Any

from choral.apps.companion.device.slots import bounds
from choral.numerics import Entropy

MOST_TIMES = 6
LEAST_GAP, MOST_GAP = 120, 360  # minutes
MINUTE = 60
GRACE_SECONDS = 45 * MINUTE  # after its moment a question is let go
FOLLOW_UP = (125 * MINUTE, 175 * MINUTE)  # after a moment at which something may have been suggested
QUESTION = "How do you feel right now?"


@dataclass(frozen=True, slots=True)
class Asking:
    """The person's wishes. times: questions a day, 0 for none; quiet_from, quiet_to: hours of the clock; gap_minutes: at least

    Quiet hours may lie over midnight; equal hours mean that there are none.
    """

    times: int = 3
    quiet_from: int = 22
    quiet_to: int = 8
    gap_minutes: int = LEAST_GAP

    def __post_init__(self) -> None:
        if not 0 <= self.times <= MOST_TIMES:
            raise ValueError(f"questions a day: 0 to {MOST_TIMES}, got {self.times}")
        if not (0 <= self.quiet_from < 24 and 0 <= self.quiet_to < 24):
            raise ValueError(f"quiet hours lie between 0 and 23, got {self.quiet_from} and {self.quiet_to}")
        if not LEAST_GAP <= self.gap_minutes <= MOST_GAP:
            raise ValueError(f"between two questions lie {LEAST_GAP} to {MOST_GAP} minutes, got {self.gap_minutes}")

    @classmethod
    def from_note(cls, note: Any) -> "Asking":
        """The wishes as they were kept; the usual ones where that is nothing that can be read."""
        names = {field.name for field in fields(cls)}
        try:
            return cls(**{name: int(value) for name, value in dict(note or {}).items() if name in names})
        except (ValueError, TypeError):
            return cls()

    def as_note(self) -> Mapping[str, int]:
        """Fit for the diary."""
        return asdict(self)

    def is_quiet(self, hour: int) -> bool:
        """Whether that hour of the clock is one to be left alone in."""
        if self.quiet_from <= self.quiet_to:
            return self.quiet_from <= hour < self.quiet_to
        return hour >= self.quiet_from or hour < self.quiet_to


@dataclass(frozen=True, slots=True)
class Ask:
    """A question that is due. at: its planned moment, seconds since 1970."""

    at: int
    sentence: str = QUESTION


def plan(asking: Asking, day: date, zone: tzinfo, entropy: Entropy) -> tuple[int, ...]:
    """The day's moments, seconds since 1970, in order; fewer than wished for where the waking day is short."""
    awake = _awake(asking, day, zone)
    gap = asking.gap_minutes
    times = min(asking.times, 1 + (len(awake) - 1) // gap) if awake else 0
    if times == 0:
        return ()
    slack = len(awake) - 1 - (times - 1) * gap
    draws = sorted(int(entropy.below(1, slack + 1)[0]) for _ in range(times))
    return tuple(awake[draw + number * gap] for number, draw in enumerate(draws))


def due(
    asking: Asking, planned: Sequence[int], *, asked: Sequence[int], said: Sequence[int], now: datetime, zone: tzinfo
) -> Ask | None:
    """The question that is due now, if one is.

    asked, said: when questions were shown, and moods said, in seconds since 1970. A clock that was set back changes
    nothing but that: times in the future are not taken for recent.
    """
    second = int(now.timestamp())
    local = now.astimezone(zone)
    waiting = [at for at in planned if at <= second < at + GRACE_SECONDS]
    if not waiting or asking.is_quiet(local.hour):
        return None
    start, end = bounds(local.date(), zone)
    today = [at for at in asked if start <= at < end]
    recent = any(0 <= second - at < asking.gap_minutes * MINUTE for at in (*asked, *said))
    if recent or len(today) >= max(asking.times, len(planned)):
        return None
    return Ask(waiting[-1])


def follow_up(at: int, entropy: Entropy) -> int:
    """When to ask again after the moment `at`, whether or not something was suggested then: two to three hours later."""
    first, last = FOLLOW_UP
    return at + first + int(entropy.below(1, last - first + 1)[0])


def _awake(asking: Asking, day: date, zone: tzinfo) -> list[int]:
    """The day's minutes outside quiet hours, in real time."""
    first, last = bounds(day, zone)
    hours = {at: datetime.fromtimestamp(at, zone).hour for at in range(first, last, 15 * MINUTE)}
    quarters = [at for at, hour in hours.items() if not asking.is_quiet(hour)]
    return [at + minute * MINUTE for at in quarters for minute in range(15)]
