"""The one door: how something leaves a device. Everything here happens inside one transaction of the store.

Spend, choose (statistics) or randomize (training), seal, put into the outbox, delete what was used: all or nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from choral.device import journal, outbox, records, tokens
from choral.device.ledger import Budget, BudgetLedger
from choral.device.offer import Offer
from choral.device.rows import Table
from choral.device.signal import Signal
from choral.device.steps import Step
from choral.errors import TaskRefused
from choral.numerics import UNIT, Entropy
from choral.protocol import seal
from choral.protocol.codec import Wire
from choral.protocol.task import CHANCE_UNIT
from choral.protocol.wire import Flag, Integer
from choral.storage.device import DeviceTransaction

LEDGER_KEY = b"ledger"
LEDGER = Table("ledger", BudgetLedger)


@dataclass(frozen=True, slots=True)
class Turn:
    """A task's turn on this device: this round's coin, and whether and on which day something was contributed."""

    KIND: ClassVar[int] = 75
    WIRE: ClassVar[Wire] = (("round", Integer("I")), ("coin", Flag()), ("taken", Flag()), ("day", Integer("I")))
    round: int
    coin: bool
    taken: bool
    day: int


TURNS = Table("turns", Turn)


def ledger(tx: DeviceTransaction) -> BudgetLedger:
    """What was paid so far."""
    return LEDGER.get(tx, LEDGER_KEY) or BudgetLedger()


def draw_coin(tx: DeviceTransaction, offer: Offer, entropy: Entropy) -> None:
    """Decide once a round whether to take part, against the public chance; the answer is kept. Certainty draws nothing."""
    turn = TURNS.get(tx, offer.task_hash)
    if turn is None or turn.round != offer.checkout.round:
        chance = offer.checkout.chance
        coin = chance == CHANCE_UNIT or bool(entropy.chance(1, chance * (UNIT // CHANCE_UNIT))[0])
        TURNS.put(tx, offer.task_hash, Turn(offer.checkout.round, coin, taken=False, day=turn.day if turn else 0))


def contribute(tx: DeviceTransaction, offer: Offer, signal: Signal, *, budget: Budget, entropy: Entropy, now: datetime) -> Step:
    """Pay for, make and enqueue this turn's reports; a Refused error if it may not be, which must undo the transaction."""
    account = ledger(tx)
    offer.require_live(account.second(now))
    why_not = _not_due(tx, offer, signal, account.day(now))
    if why_not:
        return Step("skipped", f"{signal.name}: {why_not}", signal.name, offer.task_hash)
    account.require(offer.terms, budget, now)
    count = min(offer.terms.reports_per_day, account.affordable(offer.terms, budget, now))
    payloads = _chosen(tx, offer, signal, count, entropy) if signal.immediate else _trained(tx, offer, signal, count, entropy)
    account = account.spend(offer.terms, budget, now, reports=len(payloads))
    LEDGER.put(tx, LEDGER_KEY, account)
    for payload, token in zip(payloads, tokens.take(tx, offer, len(payloads)), strict=True):
        sealed = _sealed(offer, payload, entropy, account.second(now))
        outbox.put(tx, replace(sealed, token=token))
    turn = Turn(offer.checkout.round, coin=True, taken=True, day=account.day(now))
    TURNS.put(tx, offer.task_hash, turn)
    number, epsilon = len(payloads), offer.terms.epsilon * len(payloads)
    what = "1 report waits" if number == 1 else f"{number} reports wait"
    text = f"{signal.name}: {what} to be sent, paid with epsilon {epsilon:g}"
    return Step("contributed", text, signal.name, offer.task_hash)


def _not_due(tx: DeviceTransaction, offer: Offer, signal: Signal, day: int) -> str:
    """Why nothing is due now; empty if something is. Statistics are due once a day, training once a round."""
    turn = TURNS.get(tx, offer.task_hash)
    if turn is None or turn.round != offer.checkout.round:
        raise ValueError("the coin of this round was not drawn; call draw_coin first")
    if not turn.coin:
        return "the coin of this round says not to take part"
    if signal.immediate and turn.day >= day:
        return "today's turn is taken; the next is tomorrow (UTC)"
    if not signal.immediate and turn.taken:
        return "this round's turn is taken; the next comes with the next round"
    if offer.terms.sending_is_visible and _has_nothing(tx, offer, signal):
        return "there is nothing to say, and its Terms allow to stay silent"
    return ""


def _has_nothing(tx: DeviceTransaction, offer: Offer, signal: Signal) -> bool:
    if signal.immediate:
        return records.is_empty(tx, offer.task_hash)
    return not any(signal.uses(journal.read(tx, signal.name)))


def _chosen(tx: DeviceTransaction, offer: Offer, signal: Signal, count: int, entropy: Entropy) -> Sequence[bytes]:
    """`count` private records of the day, uniformly chosen; where there are too few, "nothing", randomized now."""
    found = records.take(tx, offer.task_hash, count, entropy)
    nothing: list[bytes] = []
    for _ in range(count - len(found)):
        values = records.contributed(offer, signal.examples(()))
        nothing += records.randomized(offer, values[:1], entropy)
    return [*found, *nothing]


def _trained(tx: DeviceTransaction, offer: Offer, signal: Signal, count: int, entropy: Entropy) -> Sequence[bytes]:
    """At most `count` contributions from the journal, randomized now; the events that they were made of are deleted."""
    examples = signal.examples(journal.read(tx, signal.name))
    values = records.contributed(offer, examples)
    if not len(values):
        raise TaskRefused(f"the app's signal {signal.name!r} answers with no row at all; it must answer 'nothing'")
    journal.drop_used(tx, signal)
    return records.randomized(offer, values[:count], entropy)


def _sealed(offer: Offer, payload: bytes, entropy: Entropy, second: int) -> outbox.Outgoing:
    """The report, to be sent at a random time within the task's delay and before its round closes."""
    task, terms = offer.task, offer.terms
    try:
        report = seal(payload, offer.task_hash, offer.checkout.round, task.shuffler_key)
    except ValueError as error:
        raise TaskRefused(f"nothing can be sealed to the key of this task: {error}; nothing was spent") from error
    delay = min(task.delay_seconds, offer.deadline - 1 - second)
    wait = int(entropy.below(1, delay + 1)[0]) if delay > 0 else 0
    return outbox.Outgoing(
        report=report.to_bytes(),
        token=b"",
        payload=payload,
        task=offer.task_hash,
        terms=offer.terms_hash,
        signal=terms.signal,
        meaning=meaning(offer),
        price_micro=terms.price_micro,
        retention_days=terms.retention_days,
        made=second,
        due=second + wait,
        deadline=offer.deadline,
        delay_seconds=task.delay_seconds,
    )


def meaning(offer: Offer) -> str:
    """What one report says and what can be concluded from it, in words."""
    terms = offer.terms
    about = f"One randomized answer about {terms.signal!r} ({terms.unit}), to this end: {terms.purpose.rstrip('.')}."
    return " ".join((about, *offer.sentences))
