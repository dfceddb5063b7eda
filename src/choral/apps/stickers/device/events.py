"""What a chat tells the agent on its own device: stickers were displayed and one was chosen. Never a text, never a keyword.

Device half: no server, no simulation. One event serves two signals, each with a consent of its own:
`stickers.choice` (training) waits in the encrypted journal until it is used; `stickers.rank` (statistics) is randomized when
it happens: at which place people found what they chose while which version of the public model was in use, so that an
operator sees whether suggestions get better.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache

import numpy as np

from choral.apps.stickers.device.suggestion import CHOICES, SHOWN, Choice
from choral.device import Event, Signal
from choral.device.signal import Arrays, Asks, counted
from choral.learning import BufferedGradient, FederatedAveraging
from choral.learning.bilinear_ranking import BilinearRanking
from choral.protocol import Release

KIND = "stickers.chosen"
CHOICE, RANK = "stickers.choice", "stickers.rank"
RANKS = "stickers.ranks"  # name of the dictionary of ranks
TRAINING = Asks(  # by gradients of the one model that the examples are made for
    algorithms=frozenset({BufferedGradient.NAME, FederatedAveraging.NAME}), exact=(("model", BilinearRanking.NAME),)
)
VERSIONS = 4  # of the model that are told apart at a time: the version modulo 4
SLOTS = SHOWN + 1  # ranks 1 to 10, and lower
NOTHING = "nothing"  # a day without a choice


def chosen(choice: Choice, at: datetime, *, version: int) -> Event:
    """The event that one of the displayed stickers was chosen. version: of the public model in use"""
    displayed = " ".join(map(str, choice.displayed))
    return Event(KIND, at, {"displayed": displayed, "chosen": choice.chosen, "version": version})


def choice_of(event: Event) -> Choice:
    """What was displayed and chosen."""
    return Choice(tuple(map(int, str(event.data["displayed"]).split())), int(event.data["chosen"]))


def signals(examples: Callable[[Sequence[Choice]], Arrays]) -> tuple[Signal, Signal]:
    """Training and quality. examples: of choices, as this person's holdings make them; no choice is weight 0 throughout."""

    def trained(events: Sequence[Event]) -> Arrays:
        return examples([choice_of(event) for event in events])

    kinds = frozenset({KIND})
    return (
        Signal(CHOICE, kinds, trained, limit=CHOICES, immediate=False, asks=TRAINING, is_personal=True),
        Signal(
            RANK,
            kinds,
            rank_examples,
            limit=1,
            immediate=True,
            dictionary=rank_dictionary().hash,
            asks=counted(len(rank_names())),
            dictionary_name=RANKS,
        ),
    )


def rank_examples(events: Sequence[Event]) -> Arrays:
    """`category` int64[n], one an event; "nothing" if there is none."""
    found = [category(int(event.data["version"]), int(event.data["chosen"]) + 1) for event in events]
    return {"category": np.array(found or [VERSIONS * SLOTS], np.int64)}


def category(version: int, rank: int) -> int:
    """Where a rank, 1 the first place, is counted for a version of the model.

    >>> category(0, 1), category(5, 10), category(5, 11), rank_names()[category(5, 99)]
    (0, 20, 21, 'version 1 of 4, lower')
    """
    return version % VERSIONS * SLOTS + min(max(rank, 1), SLOTS) - 1


@lru_cache(maxsize=1)
def rank_names() -> tuple[str, ...]:
    """Names of the 45 categories, the last of them "nothing"."""
    slots = (*(f"rank {rank}" for rank in range(1, SLOTS)), "lower")
    return (*(f"version {version} of {VERSIONS}, {slot}" for version in range(VERSIONS) for slot in slots), NOTHING)


@lru_cache(maxsize=1)
def rank_dictionary() -> Release:
    """The names as public data, for an operator to sign."""
    return Release(bytes(32), 0, "dictionary", 0, 0, (), {"names": np.frombuffer("\n".join(rank_names()).encode(), np.uint8)})
