"""What the companion declares to the agent: how hours of an activity felt, as ratings for the shared model. Device half.

Off until the person agrees. The person's own numbers are solved here and stay here; the report is dense, one number for
each of all items, so that nobody sees which hours were lived; of its content only a noisy sum is ever read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.activities import ACTIVITIES, NUMBERS
from choral.apps.companion.device.diary import SCALE, Mood
from choral.apps.companion.device.fragments import Fragments
from choral.device import Event, Signal
from choral.device.signal import Asks
from choral.learning import Arrays
from choral.learning.alternating_least_squares import AlternatingLeastSquares

RATINGS, RATED = "companion.ratings", "companion.rated"
ITEMS = 64  # of the shared model: one for each activity, and room for new ones
MOST_RATINGS = 1_000  # kept in the journal until a round takes them
HOURS = 24


@dataclass(frozen=True, slots=True)
class Items:
    """Which item of the shared model an hour of each activity is. count: how many items there are"""

    of_activity: tuple[int, ...]
    count: int

    def of(self, activity: str) -> int | None:
        """The item of an hour of it; None for what is not in the list."""
        number = NUMBERS.get(activity)
        return None if number is None else self.of_activity[number]


PLAIN = Items(tuple(range(len(ACTIVITIES))), ITEMS)


def clustered(fragments: Fragments, centres: NDArray[np.uint8]) -> Items:
    """Items are the clusters of a public catalogue, uint8[k, slots]: an hour of an activity lies in the nearest one."""
    codes = fragments.codes(centres)
    even = fragments.codes(np.repeat(np.arange(len(ACTIVITIES), dtype=np.uint8)[:, None], fragments.slots, axis=1))
    return Items(tuple(int(fragments.differences(one, codes).argmin()) for one in even), len(centres))


def rated(activity: str, *, hour: int, mood: Mood, at: datetime) -> Event | None:
    """The event that an hour felt like that; None where it may teach nothing: another cause, or no known activity."""
    if mood.external or activity not in NUMBERS or not 0 <= hour < HOURS:
        return None
    return Event(RATED, at, {"activity": NUMBERS[activity], "hour": hour, "valence": mood.valence})


def companion_signals(items: Items = PLAIN) -> tuple[Signal, ...]:
    """All that a task may ever ask of the companion: one door."""

    def examples(events: Sequence[Event]) -> Arrays:
        return ratings_of(events, items)

    asks = Asks(frozenset({AlternatingLeastSquares.NAME}), exact=(("items", items.count),))
    return (Signal(RATINGS, frozenset({RATED}), examples, limit=MOST_RATINGS, immediate=False, asks=asks),)


def ratings_of(events: Sequence[Event], items: Items = PLAIN) -> Arrays:
    """Item int64[n], hour int64[n], rating float64[n] from 0 to 1, weight float64[n]; one row of weight 0 for no events."""
    rows = [_row(event, items) for event in events] or [(0, 0, 0.0, 0.0)]
    item, hour, rating, weight = (list(column) for column in zip(*rows, strict=True))
    return {
        "item": np.array(item, np.int64),
        "hour": np.array(hour, np.int64),
        "rating": np.array(rating, np.float64),
        "weight": np.array(weight, np.float64),
    }


def _row(event: Event, items: Items) -> tuple[int, int, float, float]:
    """One rating; weight 0 for what lies outside the lists."""
    number, hour, valence = (int(event.data[name]) for name in ("activity", "hour", "valence"))
    if not (0 <= number < len(items.of_activity) and 0 <= valence <= SCALE):
        return 0, 0, 0.0, 0.0
    return items.of_activity[number], hour, valence / SCALE, 1.0
