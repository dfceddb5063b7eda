"""From a person's examples to private answers, whatever the examples are: outside every transaction, after all was judged.

Data can refuse nothing here. What fails on them, or answers with what the mechanism does not take, is "nothing": randomized
like any other value, so that nobody can tell, and paid by whoever asks for it.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from choral.device.capped import contribute
from choral.device.journal import Entry
from choral.device.offer import Offer
from choral.device.signal import Event, Signal
from choral.numerics import Entropy

Values = NDArray[Any]
T = TypeVar("T")


def values_of(offer: Offer, signal: Signal, events: Sequence[Event]) -> list[Values]:
    """What the events say to this task, a row each; "nothing", one row, if they cannot be read or answered at all."""
    rows = _guarded(lambda: contribute(offer.algorithm, offer.checkout.params, signal.examples(events)))
    if (
        rows is None
        or rows.shape[1:] != offer.nothing.shape[1:]
        or rows.dtype.kind != offer.nothing.dtype.kind
        or not len(rows)
    ):
        return [offer.nothing]
    return [rows[row : row + 1] for row in range(len(rows))]


def randomize(offer: Offer, value: Values, entropy: Entropy) -> bytes:
    """The payload of one row; of "nothing", if it is not finite or lies outside what the mechanism takes.

    A mechanism refuses before it draws, so that what is refused costs no randomness.
    """
    is_number = value.dtype.kind != "f" or bool(np.isfinite(value).all())
    payload = _guarded(lambda: offer.mechanism.randomize(value, entropy)) if is_number else None
    if payload is None:
        payload = offer.mechanism.randomize(offer.nothing, entropy)
    return bytes(payload[0].tobytes())


def payloads(offer: Offer, values: Sequence[Values], count: int, entropy: Entropy) -> list[bytes]:
    """Exactly `count` payloads: of the first rows, and of "nothing", each randomized by itself, where there are too few."""
    rows = [*values[:count], *[offer.nothing] * (count - len(values))]
    return [randomize(offer, row, entropy) for row in rows]


def events_of(entries: Sequence[Entry]) -> Sequence[Event]:
    """The events in journal entries; none, if one cannot be read."""
    return _guarded(lambda: [entry.content for entry in entries]) or []


def uses(signal: Signal, events: Sequence[Event]) -> Sequence[bool]:
    """Which events a contribution uses; none, if the app cannot say."""
    found = _guarded(lambda: signal.uses(events))
    return [False] * len(events) if found is None else found


def _guarded(made: Callable[[], T]) -> T | None:
    try:
        return made()
    except Exception:  # noqa: BLE001  # whatever a person's data made of an app's or an algorithm's code must not show
        return None
