"""What a chat tells the agent on its own device: a link came, perhaps its page was seen. Never the link itself.

Device half: no server, no simulation. An event holds features by name and hash prefixes by which a label finds it later.
It waits in the encrypted journal, under one signal a scale: with enough labelled records a device contributes, and those
that it used are deleted with the report. Records without a label stay until their time is over.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import numpy as np

from choral.apps.phishing.device.canonical import PREFIX_BYTES, marks
from choral.apps.phishing.device.features import PUBLIC, Layout, Seen, constants
from choral.device import Event, Signal
from choral.device.signal import Arrays, Asks
from choral.learning import BufferedGradient, DrawAndDiscard
from choral.learning.generalized_linear import LogisticRegression

KIND = "phishing.link"
LINKS, UNIT_LINKS, WIDE_LINKS = "phishing.links", "phishing.links.unit", "phishing.links.wide"
RECORDS_NEEDED = 5
MOST_RECORDS = 200  # kept, with a label or without
MARKS = "marks"
DIGITS = 2 * PREFIX_BYTES
Labels = Callable[[Sequence[int]], bool | None]  # marks of a link, the most exact first -> phishing, not, or not known


def received(seen: Seen, at: datetime) -> Event:
    """The event that a link was received."""
    return recorded(seen.features, marks(seen.link.text), at)


def recorded(features: Mapping[str, float], of_link: Sequence[int], at: datetime) -> Event:
    """The event, from features by name and the link's marks."""
    return Event(KIND, at, {MARKS: "".join(f"{number:0{DIGITS}x}" for number in of_link), **features})


def marks_of(event: Event) -> tuple[int, ...]:
    """The marks in an event."""
    text = str(event.data[MARKS])
    return tuple(int(text[place : place + DIGITS], 16) for place in range(0, len(text), DIGITS))


def features_of(event: Event) -> dict[str, float]:
    """The features in an event."""
    return {name: float(value) for name, value in event.data.items() if name != MARKS}


def is_same(one: Event, other: Event) -> bool:
    """Whether two events are of the same link and page, whenever they came."""
    return all(one.data.get(name) == other.data.get(name) for name in (MARKS, *PUBLIC))


def signals(labels: Labels, *, needed: int = RECORDS_NEEDED) -> tuple[Signal, Signal, Signal]:
    """Training on standardized public features, on those within [0, 1], and on all features.

    A contribution is made of exactly the `needed` newest labelled records: a public number, so that what one record can
    change is public too.
    """
    scales = constants()
    layouts = ((LINKS, scales.public), (UNIT_LINKS, scales.in_unit), (WIDE_LINKS, scales.wide))
    made = [_signal(name, layout, labels, needed) for name, layout in layouts]
    return made[0], made[1], made[2]


def _signal(name: str, layout: Layout, labels: Labels, needed: int) -> Signal:
    def used(events: Sequence[Event]) -> Sequence[bool]:
        places = _chosen(events, labels, needed)
        return [place in places for place in range(len(events))]

    def examples(events: Sequence[Event]) -> Arrays:
        chosen = [events[place] for place in _chosen(events, labels, needed)]
        return examples_of(layout, chosen, [bool(labels(marks_of(event))) for event in chosen], rows=needed)

    model = (("model", LogisticRegression.NAME), ("shape", str(len(layout.names))))
    asks = Asks(frozenset({BufferedGradient.NAME, DrawAndDiscard.NAME}), exact=model)
    return Signal(name, frozenset({KIND}), examples, limit=MOST_RECORDS, immediate=False, used=used, asks=asks)


def examples_of(layout: Layout, events: Sequence[Event], phishing: Sequence[bool], *, rows: int) -> Arrays:
    """`inputs` float64[rows, f], `label` and `weight` float64[rows]; rows beyond the events have weight 0."""
    inputs, label, weight = np.zeros((rows, len(layout.names))), np.zeros(rows), np.zeros(rows)
    count = len(events)
    inputs[:count] = layout.rows([features_of(event) for event in events])
    label[:count], weight[:count] = phishing, 1.0
    return {"inputs": inputs, "label": label, "weight": weight}


def _chosen(events: Sequence[Event], labels: Labels, needed: int) -> tuple[int, ...]:
    """Places of the newest labelled events, `needed` of them or none."""
    labelled = [place for place, event in enumerate(events) if labels(marks_of(event)) is not None]
    return tuple(labelled[-needed:]) if len(labelled) >= needed else ()
