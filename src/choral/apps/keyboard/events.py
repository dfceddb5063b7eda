"""What a keyboard tells the agent on its own device: an emoji was typed.

Device half: no server, no simulation.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from choral.apps.keyboard.dictionary import DICTIONARY, NOTHING, category, dictionary, dictionary_release
from choral.device import Event, Signal
from choral.device.signal import counted
from choral.errors import UsageError
from choral.learning import Arrays

LOCALES = {
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "nl": "Dutch",
    "pt": "Portuguese",
    "ru": "Russian",
}


def typed(locale: str, emoji: str, at: datetime) -> Event:
    """The event that `emoji` was typed on the keyboard of `locale`."""
    return Event(signal_name(locale), at, {"emoji": emoji})


def signals(locales: Iterable[str] = LOCALES) -> tuple[Signal, ...]:
    """One signal a locale: what a task about that keyboard may read. Events are randomized when they happen."""
    return tuple(_signal(signal_name(locale)) for locale in locales)


def signal_name(locale: str) -> str:
    """`keyboard.emoji.LOCALE`, the name of the signal and the kind of its events; UsageError for an unknown locale."""
    if locale not in LOCALES:
        raise UsageError(f"there are no emoji data for the locale {locale!r}; choose one of {', '.join(sorted(LOCALES))}")
    return f"keyboard.emoji.{locale}"


def examples(events: Sequence[Event]) -> Arrays:
    """`category` int64[n], one an event; the category "nothing" if there is no event."""
    categories = [category(str(event.data["emoji"])) for event in events]
    return {"category": np.array(categories or [dictionary().index(NOTHING)], np.int64)}


def _signal(name: str) -> Signal:
    return Signal(
        name=name,
        kinds=frozenset({name}),
        examples=examples,
        limit=1,  # records kept: one report a day needs one, sampled among all of the day
        immediate=True,
        dictionary=dictionary_release().hash,
        asks=counted(len(dictionary())),
        dictionary_name=DICTIONARY,
    )
