"""Private records: events of statistics, randomized the moment they happen. Nothing raw is ever written.

Of all events since the last report each is kept with equal chance, up to a fixed number a task (a reservoir, Vitter's
algorithm R); an event that is not kept is not even randomized.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from choral.device.ledger import DAY
from choral.device.offer import Offer
from choral.device.rows import Table
from choral.device.signal import Arrays, Event, Signal
from choral.errors import TaskRefused
from choral.numerics import Entropy
from choral.protocol.codec import Wire
from choral.protocol.task import SECONDS
from choral.protocol.wire import Blob, Fixed, Integer
from choral.storage.device import DeviceTransaction

SLOT = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Reservoir:
    """The state of one task's records: its Terms' hash, how many values came since the last report, how many are kept."""

    KIND: ClassVar[int] = 69
    WIRE: ClassVar[Wire] = (("terms", Fixed(32)), ("seen", Integer("Q")), ("kept", Integer("I")), ("expires", SECONDS))
    terms: bytes
    seen: int
    kept: int
    expires: int


@dataclass(frozen=True, slots=True)
class PrivateRecord:
    """One randomized answer, ready to be sealed."""

    KIND: ClassVar[int] = 70
    WIRE: ClassVar[Wire] = (("payload", Blob(65_536)),)
    payload: bytes


RESERVOIRS = Table("reservoirs", Reservoir)
RECORDS = Table("records", PrivateRecord)


def add(tx: DeviceTransaction, offer: Offer, signal: Signal, event: Event, *, entropy: Entropy, now: datetime) -> None:
    """Randomize what the event says and keep it among as many records as the signal's limit, or a day's reports, allow.

    Draws for each value: if that many came before, its place; then, if it is kept, its randomization.
    """
    size = max(signal.limit, offer.terms.reports_per_day)
    expires = int(now.timestamp()) + offer.terms.retention_days * DAY
    reservoir = RESERVOIRS.get(tx, offer.task_hash) or Reservoir(offer.terms_hash, 0, 0, expires)
    values = contributed(offer, signal.examples((event,)))
    for row in range(len(values)):
        place = reservoir.seen if reservoir.seen < size else int(entropy.below(1, reservoir.seen + 1)[0])
        if place < size:
            (payload,) = randomized(offer, values[row : row + 1], entropy)
            RECORDS.put(tx, offer.task_hash + SLOT.pack(place), PrivateRecord(payload))
        reservoir = replace(reservoir, seen=reservoir.seen + 1, kept=min(reservoir.seen + 1, size))
    RESERVOIRS.put(tx, offer.task_hash, reservoir)


def contributed(offer: Offer, examples: Arrays) -> NDArray[Any]:
    """The values to randomize; TaskRefused if the check-out's parameters are not what the algorithm asks for.

    Where training left all bounds, 0 stands: were it refused, silence would tell, unpaid, what the data did to a model.
    """
    try:
        values: NDArray[Any] = offer.algorithm.contribute(offer.checkout.params, examples)
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise TaskRefused(
            f"the check-out of {offer.terms.signal!r} does not fit its algorithm ({type(error).__name__}); "
            "nothing was spent; tell its operator"
        ) from error
    return np.where(np.isfinite(values), values, 0.0) if values.dtype.kind == "f" else values


def randomized(offer: Offer, values: NDArray[Any], entropy: Entropy) -> list[bytes]:
    """One payload a value; TaskRefused if the task's mechanism cannot take what the app says."""
    try:
        payloads = offer.mechanism.randomize(values, entropy)
    except ValueError as error:
        raise TaskRefused(f"the task does not fit the app's signal {offer.terms.signal!r}: {error}; nothing spent") from error
    return [payload.tobytes() for payload in payloads]


def is_empty(tx: DeviceTransaction, task: bytes) -> bool:
    """Whether no record of this task waits."""
    return not RESERVOIRS.has(tx, task)


def take(tx: DeviceTransaction, task: bytes, count: int, entropy: Entropy) -> Sequence[bytes]:
    """Up to `count` records, each set of them equally likely; all records of the task are deleted. One draw a record."""
    reservoir = RESERVOIRS.get(tx, task)
    if reservoir is None:
        return []
    places = list(range(reservoir.kept))
    for first in range(min(count, len(places))):
        other = first + int(entropy.below(1, len(places) - first)[0])
        places[first], places[other] = places[other], places[first]
    chosen = [RECORDS.get(tx, task + SLOT.pack(place)) for place in places[:count]]
    drop(tx, task)
    return [record.payload for record in chosen if record is not None]


def drop(tx: DeviceTransaction, task: bytes) -> None:
    """Delete all records of the task."""
    reservoir = RESERVOIRS.get(tx, task)
    if reservoir is not None:
        for place in range(reservoir.kept):
            RECORDS.delete(tx, task + SLOT.pack(place))
        RESERVOIRS.delete(tx, task)


def drop_terms(tx: DeviceTransaction, terms: bytes) -> None:
    """Delete all records under these Terms."""
    for task, reservoir in RESERVOIRS.scan(tx):
        if reservoir.terms == terms:
            drop(tx, task)


def purge(tx: DeviceTransaction, now: datetime) -> int:
    """Delete records older than their Terms allow; how many tasks had such."""
    over = [task for task, reservoir in RESERVOIRS.scan(tx) if reservoir.expires <= now.timestamp()]
    for task in over:
        drop(tx, task)
    return len(over)
