"""The check-outs that a device holds: one of each task, of the round that its own clock says, if it was given one."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from choral.device import clock, records
from choral.device.binding import BoundStore
from choral.device.judging import judge
from choral.device.offer import NEWER, Offer
from choral.device.published import Published
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
    """A check-out as it came. Kept until its task expires; `live`: still on offer."""

    KIND: ClassVar[int] = 68
    WIRE: ClassVar[Wire] = (
        ("signal", Text(64)),
        ("signed", Nested(Signed)),
        ("question", Fixed(32)),
        ("round", Integer("I")),
        ("expires", SECONDS),
        ("live", Flag()),
    )
    signal: str
    signed: Signed
    question: bytes
    round: int
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

    def live(self, store: BoundStore, signals: Sequence[Signal]) -> Iterator[tuple[Signal, Offer]]:
        """What is on offer about these signals and still passes every check of this program; judged with no store open."""
        with store.transaction() as tx:
            rows = [held for _, held in CHECKOUTS.scan(tx)]
        for held in rows:
            signal = next((one for one in signals if one.name == held.signal), None)
            if held.live and signal is not None:
                try:
                    yield signal, self._open(held.signed, signal)
                except TaskRefused:
                    continue  # held by an earlier program, with other names or operators

    def judge(self, items: Sequence[Signed], signal: Signal, published: Published) -> tuple[list[Offer], list[Step]]:
        """Those of a signal's check-outs that may be let in, and a step for each that may not; opens no store."""
        offers, steps = list[Offer](), list[Step]()
        for signed in items:
            try:
                offer = self._open(signed, signal)
                published.require_same(offer)
                offers.append(offer)
            except TaskRefused as error:
                steps.append(refusal(error, signal=signal.name))
        return offers, steps

    def _open(self, signed: Signed, signal: Signal) -> Offer:
        offer = self._opened.get((signed, signal))
        if offer is None:
            offer = judge(signed, signal, names=self.names, operators=self.operators)
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


def take(tx: DeviceTransaction, offers: Sequence[Offer], signal: str, *, second: int, mark: int) -> list[Step]:
    """Hold the check-outs of a signal that were let in; a step for each that this device's clock speaks against.

    second: by this device's clock; mark: the latest second at which it ever paid
    """
    steps = list[Step]()
    for offer in offers:
        try:
            _hold(tx, offer, second, mark)
        except TaskRefused as error:
            steps.append(refusal(error, signal=signal, task=offer.task_hash))
    return steps


def _hold(tx: DeviceTransaction, offer: Offer, second: int, mark: int) -> None:
    """Keep the check-out, unless the one held is of the very round that is now; TaskRefused if its task or round is over.

    None of another round displaces that one, and none that is refused displaces any: a server's dates lock nobody out.
    """
    if offer.task.expires <= max(second, mark):
        raise TaskRefused(f"the task expired at {clock.clock(offer.task.expires)}; it does nothing any more", code="expired")
    problem = clock.clock_problem(offer.task, offer.checkout, second, mark=mark)
    if problem:
        raise TaskRefused(f"the check-out is not taken: {problem}; {NEWER}; nothing was paid", code="clocks-differ")
    held = CHECKOUTS.get(tx, offer.task_hash)
    if held is not None and held.live and not offer.is_now(second) and offer.is_now(second, held.round):
        return
    if held is not None and held.question != offer.question:
        records.drop_answers(tx, offer.task_hash)  # they answer another question
    row = Held(offer.terms.signal, offer.signed, offer.question, offer.checkout.round, offer.task.expires, live=True)
    if row != held:
        CHECKOUTS.put(tx, offer.task_hash, row)


def retire(tx: DeviceTransaction, signal: str, seen: Collection[bytes]) -> None:
    """Tasks of the signal that the server does not offer any more; what was seen of them stays."""
    for task, held in CHECKOUTS.scan(tx):
        if held.signal == signal and held.live and task not in seen:
            CHECKOUTS.put(tx, task, replace(held, live=False))
