"""Private records: events of statistics, randomized the moment they happen. Nothing raw is ever written.

Of all events since the last report each is kept with equal chance, up to a fixed number a task (a reservoir, Vitter's
algorithm R); an event that is not kept is not even randomized.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from choral.device.ledger import DAY
from choral.device.offer import Offer
from choral.device.rows import Table
from choral.device.signal import Signal
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


def size_of(offer: Offer, signal: Signal) -> int:
    """How many records of a task are kept: as the signal's limit, or a day's reports, ask for."""
    return max(signal.limit, offer.terms.reports_per_day)


def seen(tx: DeviceTransaction, task: bytes) -> int:
    """How many values came since the task's last report."""
    reservoir = RESERVOIRS.get(tx, task)
    return reservoir.seen if reservoir else 0


def place(number: int, size: int, entropy: Entropy) -> int:
    """Where a new value is kept, after `number` before it; at or beyond `size` it is not. One draw if all places are taken."""
    return number if number < size else int(entropy.below(1, number + 1)[0])


def add(tx: DeviceTransaction, offer: Offer, payloads: Mapping[int, bytes], *, values: int, size: int, now: datetime) -> None:
    """Keep records at their places, and count all `values` that came with them, kept or not."""
    expires = int(now.timestamp()) + offer.terms.retention_days * DAY
    reservoir = RESERVOIRS.get(tx, offer.task_hash) or Reservoir(offer.terms_hash, 0, 0, expires)
    for place, payload in payloads.items():
        RECORDS.put(tx, offer.task_hash + SLOT.pack(place), PrivateRecord(payload))
    count = reservoir.seen + values
    RESERVOIRS.put(tx, offer.task_hash, replace(reservoir, seen=count, kept=min(count, size)))


def is_empty(tx: DeviceTransaction, task: bytes) -> bool:
    """Whether no record of this task waits."""
    return not RESERVOIRS.has(tx, task)


def choose(tx: DeviceTransaction, task: bytes, count: int, entropy: Entropy) -> Sequence[bytes]:
    """Up to `count` records, each set of them equally likely; they stay until `drop`. One draw a record."""
    reservoir = RESERVOIRS.get(tx, task)
    if reservoir is None:
        return []
    slots = list(range(reservoir.kept))
    for first in range(min(count, len(slots))):
        other = first + int(entropy.below(1, len(slots) - first)[0])
        slots[first], slots[other] = slots[other], slots[first]
    chosen = [RECORDS.get(tx, task + SLOT.pack(slot)) for slot in slots[:count]]
    return [record.payload for record in chosen if record is not None]


def drop_answers(tx: DeviceTransaction, task: bytes) -> None:
    """Delete all records of a task, and remember that there were some: where Terms allow silence, a server that asks
    another question must not make a device silent.
    """
    reservoir = RESERVOIRS.get(tx, task)
    if reservoir is not None:
        drop(tx, task)
        RESERVOIRS.put(tx, task, replace(reservoir, seen=0, kept=0))


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
