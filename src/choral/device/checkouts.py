"""The check-outs that a device holds: the latest of each task, never an older one than it has seen before."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from choral.device import records
from choral.device.offer import NEWER, Offer, clock, open_offer
from choral.device.rows import Table
from choral.device.signal import Signal
from choral.device.steps import Step, refusal
from choral.errors import TaskRefused
from choral.protocol import Signed
from choral.protocol.codec import Nested, Wire
from choral.protocol.task import SECONDS
from choral.protocol.wire import Fixed, Flag, Integer, Text
from choral.storage.device import DeviceTransaction

MOST_OPENED = 256


@dataclass(frozen=True, slots=True)
class Held:
    """A check-out as it came. Kept until its task expires, so that no older one can follow; `live`: still on offer."""

    KIND: ClassVar[int] = 68
    WIRE: ClassVar[Wire] = (
        ("signal", Text(64)),
        ("signed", Nested(Signed)),
        ("question", Fixed(32)),
        ("round", Integer("I")),
        ("issued", SECONDS),
        ("expires", SECONDS),
        ("live", Flag()),
    )
    signal: str
    signed: Signed
    question: bytes
    round: int
    issued: int
    expires: int
    live: bool


CHECKOUTS = Table("checkouts", Held, public=True)


@dataclass(slots=True, kw_only=True, eq=False)
class CheckoutBook:
    """Opens signed check-outs against this program's names and trusted operators, each one once.

    It remembers public things only: agents of one process may share one.
    """

    names: Mapping[str, type[Any]]
    operators: Collection[bytes]
    _opened: dict[tuple[Signed, Signal], Offer] = field(default_factory=dict, init=False, repr=False)

    def live(self, tx: DeviceTransaction, signals: Sequence[Signal]) -> Iterator[tuple[Signal, Offer]]:
        """What is on offer about these signals and still passes every check of this program."""
        for _, held in CHECKOUTS.scan(tx):
            signal = next((one for one in signals if one.name == held.signal), None)
            if held.live and signal is not None:
                try:
                    yield signal, self._open(held.signed, signal)
                except TaskRefused:
                    continue  # held by an earlier program, with other names or operators

    def take(self, tx: DeviceTransaction, items: Sequence[Signed], signal: Signal, *, second: int) -> list[Step]:
        """Hold the signal's latest check-outs; a step for each that may not be let in. Tasks that are gone are retired."""
        steps, seen = list[Step](), set[bytes]()
        for signed in items:
            try:
                offer = self._open(signed, signal)
                _hold(tx, offer, second)
                seen.add(offer.task_hash)
            except TaskRefused as error:
                steps.append(refusal(error, signal=signal.name))
        if not steps:
            _retire(tx, signal.name, seen)
        return steps

    def _open(self, signed: Signed, signal: Signal) -> Offer:
        offer = self._opened.get((signed, signal))
        if offer is None:
            offer = open_offer(signed, signal, names=self.names, operators=self.operators)
            if len(self._opened) >= MOST_OPENED:
                self._opened.clear()
            self._opened[signed, signal] = offer
        return offer


def purge(tx: DeviceTransaction, second: int) -> list[bytes]:
    """Delete what is held of expired tasks, which are refused from now on for their expiry; their hashes."""
    over = [task for task, held in CHECKOUTS.scan(tx) if held.expires <= second]
    for task in over:
        CHECKOUTS.delete(tx, task)
    return over


def _hold(tx: DeviceTransaction, offer: Offer, second: int) -> None:
    """Keep the check-out; TaskRefused if its task is over, or if it is older than what this device has seen of it."""
    if offer.task.expires <= second:
        raise TaskRefused(f"the task expired at {clock(offer.task.expires)}; it does nothing any more")
    held, fresh = CHECKOUTS.get(tx, offer.task_hash), offer.checkout
    if held is not None and (fresh.issued < held.issued or fresh.round < held.round):
        raise TaskRefused(
            f"the check-out of round {fresh.round}, issued at {clock(fresh.issued)}, is older than the one held (round "
            f"{held.round}, {clock(held.issued)}): someone replays old ones, or the server went back; {NEWER}"
        )
    if held is not None and held.question != offer.question:
        records.drop(tx, offer.task_hash)  # they answer another question
    row = Held(offer.terms.signal, offer.signed, offer.question, fresh.round, fresh.issued, offer.task.expires, live=True)
    if row != held:
        CHECKOUTS.put(tx, offer.task_hash, row)


def _retire(tx: DeviceTransaction, signal: str, seen: Collection[bytes]) -> None:
    """Tasks of the signal that the server does not offer any more; what was seen of them stays."""
    for task, held in CHECKOUTS.scan(tx):
        if held.signal == signal and held.live and task not in seen:
            CHECKOUTS.put(tx, task, replace(held, live=False))
