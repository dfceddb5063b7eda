"""What a browser tells the agent on its own device: a page was heavy, or media should have played.

Device half: no server, no simulation. An event holds a domain of the public list, never an address. Memory and energy are
two signals with consents, tasks and reports of their own: no report of the one can be joined to a report of the other.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import numpy as np

from choral.apps.browser.play import PLAYS, STAYS, play_category, play_names, play_release
from choral.apps.browser.sites import DICTIONARY, NOTHING, PLAYS_DICTIONARY, Sites, sites
from choral.device import Event, Signal
from choral.device.signal import counted
from choral.learning import Arrays

MEMORY, ENERGY, PLAY = "browser.memory", "browser.energy", "browser.autoplay"  # names of signals, and kinds of their events
REPORTS = 2  # records kept: two reports a day need two, sampled among all of the day


def heavy_memory(address: str, at: datetime, known: Sites | None = None) -> Event:
    """The event that a page at `address` needed exceptionally much memory."""
    return Event(MEMORY, at, {"domain": (known or sites()).domain(address)})


def heavy_energy(address: str, at: datetime, known: Sites | None = None) -> Event:
    """The event that a page at `address` drained exceptionally much energy."""
    return Event(ENERGY, at, {"domain": (known or sites()).domain(address)})


def auto_play(address: str, at: datetime, *, wanted: bool, known: Sites | None = None) -> Event:
    """The event that a person let media play that had been held back (`wanted`), or stopped what played by itself."""
    return Event(PLAY, at, {"domain": (known or sites()).domain(address), "wish": PLAYS if wanted else STAYS})


def signals(known: Sites | None = None) -> tuple[Signal, ...]:
    """Memory, energy, auto-play: each mapped to `known` (else the shipped list) and randomized when it happens."""
    listed = known or sites()
    heavy = partial(domain_examples, listed)
    return (
        _signal(MEMORY, heavy, DICTIONARY, listed.release().hash, len(listed.names)),
        _signal(ENERGY, heavy, DICTIONARY, listed.release().hash, len(listed.names)),
        _signal(PLAY, partial(play_examples, listed), PLAYS_DICTIONARY, play_release(listed).hash, len(play_names(listed))),
    )


def domain_examples(known: Sites, events: Sequence[Event]) -> Arrays:
    """`category` int64[n], one an event; the category "nothing" if there is no event."""
    categories = [known.category(str(event.data["domain"])) for event in events]
    return {"category": np.array(categories or [known.places[NOTHING]], np.int64)}


def play_examples(known: Sites, events: Sequence[Event]) -> Arrays:
    """`category` int64[n] of domain and wish, one an event; the category "nothing" if there is no event."""
    categories = [play_category(known, str(event.data["domain"]), plays=event.data["wish"] == PLAYS) for event in events]
    return {"category": np.array(categories or [len(play_names(known)) - 1], np.int64)}


def _signal(name: str, examples: Callable[[Sequence[Event]], Arrays], listed: str, dictionary: bytes, size: int) -> Signal:
    return Signal(
        name=name,
        kinds=frozenset({name}),
        examples=examples,
        limit=REPORTS,
        immediate=True,
        dictionary=dictionary,
        asks=counted(size),
        dictionary_name=listed,
    )
