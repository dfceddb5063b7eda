"""What a chat tells the agent on its own device: a link came, perhaps its page was seen. Never the link itself.

Device half: no server, no simulation. An event holds features by name and hash prefixes by which a label finds it later.
It waits in the encrypted journal, under one signal a scale: once `window` links came a device contributes, whether anybody
has labelled them or not, and the whole window is deleted with the report. Labels decide what is learnt of a window, never
whether it is reported: whoever signs a feed chooses labels, and silence that depended on them would answer, unpaid and
exactly, which links came here.
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
WINDOW = 20  # links of which one report is made, with a label or without
ROWS = 5  # of them that are learnt from, at most: the newest that have a label
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


def signals(labels: Labels, *, window: int = WINDOW, rows: int = ROWS) -> tuple[Signal, Signal, Signal]:
    """Training on standardized public features, on those within [0, 1], and on all features.

    A contribution is made of the `window` oldest links, which had the most time to get a label; it has exactly `rows` rows,
    of weight 0 where fewer are labelled. Both numbers are constants of the app, public and the same for all.
    """
    if not 1 <= rows <= window <= MOST_RECORDS:
        raise ValueError(
            f"a window of at most {MOST_RECORDS} links holds the rows that are learnt from, got {window=}, {rows=}"
        )
    scales = constants()
    layouts = ((LINKS, scales.public), (UNIT_LINKS, scales.in_unit), (WIDE_LINKS, scales.wide))
    made = [_signal(name, layout, labels, window, rows) for name, layout in layouts]
    return made[0], made[1], made[2]


def _signal(name: str, layout: Layout, labels: Labels, window: int, rows: int) -> Signal:
    def used(events: Sequence[Event]) -> Sequence[bool]:
        """By their number alone: no label, no feature and no check-out has a say."""
        count = window if len(events) >= window else 0
        return [place < count for place in range(len(events))]

    def examples(events: Sequence[Event]) -> Arrays:
        marked = [(event, labels(marks_of(event))) for event, is_used in zip(events, used(events), strict=True) if is_used]
        known = [(event, label) for event, label in marked if label is not None][-rows:]
        return examples_of(layout, [event for event, _ in known], [label for _, label in known], rows=rows)

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
