"""What a health app tells the agent on its own device: data of some type were edited. No value is ever part of it.

Device half: no server, no simulation.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from choral.apps.health.types import DICTIONARY, NOTHING, category, dictionary, dictionary_release
from choral.device import Event, Signal
from choral.device.signal import counted
from choral.learning import Arrays

TYPES = "health.types"  # the signal's name, and the kind of its events


def edited(name: str, at: datetime) -> Event:
    """The event that data of the type `name` were edited; an unlisted name becomes "other" at once."""
    return Event(TYPES, at, {"type": dictionary()[category(name)]})


def signals() -> tuple[Signal, ...]:
    """The one signal: which types are edited. Events are randomized when they happen."""
    return (
        Signal(
            name=TYPES,
            kinds=frozenset({TYPES}),
            examples=examples,
            limit=1,  # records kept: one report a day needs one, sampled among all of the day
            immediate=True,
            dictionary=dictionary_release().hash,
            asks=counted(len(dictionary())),
            dictionary_name=DICTIONARY,
        ),
    )


def examples(events: Sequence[Event]) -> Arrays:
    """`category` int64[n], one an event; the category "nothing" if there is no event."""
    categories = [category(str(event.data["type"])) for event in events]
    return {"category": np.array(categories or [dictionary().index(NOTHING)], np.int64)}
