"""The one door: how something leaves a device. Looked at, made, kept: two short transactions with all computing between them.

What a turn starts from is read as of one moment. What is made of it is kept only if consent, ledger, turn and check-out are
still what they were, whatever the journal holds by then; else it is thrown away, unpaid. Paid, sealed, put into the outbox,
deleted what was used: all or nothing. Whether, when, how many and how long does not depend on the data, but for the silence
that Terms name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from choral.device import answers, consent, journal, outbox, records, tokens
from choral.device.checkouts import CHECKOUTS
from choral.device.consent import CONSENTS
from choral.device.journal import Entry
from choral.device.ledger import Budget, BudgetLedger
from choral.device.offer import Offer
from choral.device.outbox import Outgoing
from choral.device.rows import Table
from choral.device.signal import Signal
from choral.device.steps import Step, refusal
from choral.errors import Refused
from choral.numerics import UNIT, Entropy
from choral.protocol import seal
from choral.protocol.codec import Nested, Wire
from choral.protocol.containers import Many
from choral.protocol.task import CHANCE_UNIT
from choral.protocol.wire import Flag, Integer
from choral.storage.device import DeviceTransaction

LEDGER_KEY = b"ledger"
LEDGER = Table("ledger", BudgetLedger)
MOST_ROUNDS = 64  # whose turns are remembered of one task
SILENT = "there is nothing to say, and its Terms allow to stay silent"
CHANGED = "consent, ledger, turn or check-out changed meanwhile: what was made is thrown away, unpaid; the next turn is soon"


@dataclass(frozen=True, slots=True)
class Turn:
    """A task's turn in one round on this device: the round's coin, how many reports were made for it, the day of the latest."""

    KIND: ClassVar[int] = 78
    WIRE: ClassVar[Wire] = (("round", Integer("I")), ("coin", Flag()), ("reports", Integer("I")), ("day", Integer("I")))
    round: int
    coin: bool
    reports: int = 0
    day: int = 0


@dataclass(frozen=True, slots=True)
class Turns:
    """A task's turns in its latest rounds, the one drawn first coming first."""

    KIND: ClassVar[int] = 81
    WIRE: ClassVar[Wire] = (("turns", Many(Nested(Turn), MOST_ROUNDS)),)
    turns: tuple[Turn, ...] = ()

    @property
    def day(self) -> int:
        """The latest day on which a report was made."""
        return max((one.day for one in self.turns), default=0)

    def of(self, round_: int) -> Turn | None:
        """The turn of that round, if its coin was drawn."""
        return next((one for one in self.turns if one.round == round_), None)

    def put(self, turn: Turn) -> "Turns":
        """With this turn in place of the one of its round, else as the newest; the oldest goes if there are too many."""
        if self.of(turn.round) is None:
            return Turns((*self.turns, turn)[-MOST_ROUNDS:])
        return Turns(tuple(turn if one.round == turn.round else one for one in self.turns))


TURNS = Table("turns", Turns)


@dataclass(frozen=True, slots=True)
class Look:
    """What a turn starts from, as of one moment, and how many reports are due.

    rests_on: rows of consent, ledger, turns and check-out, which must still be so when the reports are kept
    entries: of the journal; chosen: private records of the day; is_empty: whether none came; second, day: when it was
    """

    offer: Offer
    signal: Signal
    rests_on: tuple[bytes | None, ...]
    account: BudgetLedger
    turns: Turns
    count: int
    entries: Sequence[Entry]
    chosen: Sequence[bytes]
    is_empty: bool
    second: int
    day: int


@dataclass(frozen=True, slots=True)
class Made:
    """Sealed reports that nobody has paid for yet, and the journal entries that go with them."""

    look: Look
    reports: Sequence[Outgoing]
    used: Sequence[Entry]


def ledger(tx: DeviceTransaction) -> BudgetLedger:
    """What was paid so far."""
    return LEDGER.get(tx, LEDGER_KEY) or BudgetLedger()


def look(
    tx: DeviceTransaction, offer: Offer, signal: Signal, *, budget: Budget, entropy: Entropy, now: datetime
) -> Look | Step:
    """What this turn starts from, or why nothing is due; the coin of the round is drawn, and stays drawn."""
    if not consent.has_agreed(tx, offer.terms_hash):
        return Step("skipped", f"{signal.name}: the consent was taken back", signal.name, offer.task_hash)
    account, second = ledger(tx), int(now.timestamp())
    held = CHECKOUTS.get(tx, offer.task_hash)
    if held is None or not held.live or held.signed != offer.signed:
        return Step("skipped", f"{signal.name}: {CHANGED}", signal.name, offer.task_hash, code="changed")
    try:
        offer.require_live(second, account.mark)
        waits = offer.waits(second)
        if waits:
            return Step("waiting", f"{signal.name}: {waits}", signal.name, offer.task_hash, code="clocks-differ")
        turns = draw_coin(tx, offer, entropy)
        count, why_not = _due(tx, offer, signal, turns, account, budget=budget, now=now)
    except Refused as error:
        return refusal(error, signal=signal.name, task=offer.task_hash)
    if why_not:
        return Step("skipped", f"{signal.name}: {why_not}", signal.name, offer.task_hash)
    chosen = records.choose(tx, offer.task_hash, count, entropy) if signal.immediate else ()
    entries = () if signal.immediate else journal.entries(tx, signal.name)
    is_empty = signal.immediate and records.is_empty(tx, offer.task_hash)
    moment = account.second(now), account.day(now)
    return Look(offer, signal, _rests_on(tx, offer), account, turns, count, entries, chosen, is_empty, *moment)


def make(seen: Look, entropy: Entropy) -> Made | Step:
    """The reports of this turn, sealed; or silence, where its Terms name it. No store is open meanwhile."""
    offer, signal = seen.offer, seen.signal
    events = answers.events_of(seen.entries)
    flags = answers.uses(signal, events)
    if offer.terms.sending_is_visible and (seen.is_empty if signal.immediate else not any(flags)):
        return Step("skipped", f"{signal.name}: {SILENT}", signal.name, offer.task_hash)
    if signal.immediate:
        payloads = [*seen.chosen, *answers.payloads(offer, (), seen.count - len(seen.chosen), entropy)]
    else:
        payloads = answers.payloads(offer, answers.values_of(offer, signal, events), seen.count, entropy)
    used = [entry for entry, flag in zip(seen.entries, flags, strict=False) if flag]
    return Made(seen, [_sealed(seen, payload, entropy) for payload in payloads], used)


def keep(tx: DeviceTransaction, made: Made, *, budget: Budget, now: datetime) -> Step:
    """Pay for the reports and let them wait for their time, if what they rest on is still so."""
    seen, offer = made.look, made.look.offer
    if _rests_on(tx, offer) != seen.rests_on:
        return Step("skipped", f"{seen.signal.name}: {CHANGED}", seen.signal.name, offer.task_hash, code="changed")
    number = len(made.reports)
    tokens_ = tokens.take(tx, offer, number)
    LEDGER.put(tx, LEDGER_KEY, seen.account.spend(offer.terms, budget, now, reports=number))
    for sealed, token in zip(made.reports, tokens_, strict=True):
        outbox.put(tx, replace(sealed, token=token))
    turn = _turn(seen.turns, offer)
    TURNS.put(tx, offer.task_hash, seen.turns.put(replace(turn, reports=turn.reports + number, day=seen.day)))
    if seen.signal.immediate:
        records.drop(tx, offer.task_hash)
    else:
        journal.drop_used(tx, seen.signal.name, made.used)
    what = "1 report waits" if number == 1 else f"{number} reports wait"
    text = f"{seen.signal.name}: {what} to be sent, paid with epsilon {offer.terms.epsilon * number:g}"
    return Step("contributed", text, seen.signal.name, offer.task_hash)


def _rests_on(tx: DeviceTransaction, offer: Offer) -> tuple[bytes | None, ...]:
    """The rows that decide whether this turn's reports may be kept, as they lie in the store."""
    rows = (
        (CONSENTS.name, offer.terms_hash),
        (LEDGER.name, LEDGER_KEY),
        (TURNS.name, offer.task_hash),
        (CHECKOUTS.name, offer.task_hash),
    )
    return tuple(tx.get(*row) for row in rows)


def draw_coin(tx: DeviceTransaction, offer: Offer, entropy: Entropy) -> Turns:
    """Decide once a round whether to take part, against the public chance; the answer is kept. Certainty draws nothing."""
    turns = TURNS.get(tx, offer.task_hash) or Turns()
    if turns.of(offer.checkout.round) is None:
        chance = offer.checkout.chance
        coin = chance == CHANCE_UNIT or bool(entropy.chance(1, chance * (UNIT // CHANCE_UNIT))[0])
        turns = turns.put(Turn(offer.checkout.round, coin))
        TURNS.put(tx, offer.task_hash, turns)
    return turns


def _turn(turns: Turns, offer: Offer) -> Turn:
    """The turn of the check-out's round."""
    turn = turns.of(offer.checkout.round)
    if turn is None:
        raise ValueError("the coin of this round was not drawn; call draw_coin first")
    return turn


def _due(
    tx: DeviceTransaction, offer: Offer, signal: Signal, turns: Turns, account: BudgetLedger, *, budget: Budget, now: datetime
) -> tuple[int, str]:
    """How many reports are due, or why none is. Statistics are due once a day, training once a round, and no round gets
    more of one device than its batch's guarantee covers.
    """
    day, terms, turn = account.day(now), offer.terms, _turn(turns, offer)
    room = offer.task.reports_per_device - turn.reports
    if not turn.coin:
        return 0, "the coin of this round says not to take part"
    if signal.immediate and turns.day >= day:
        return 0, "today's turn is taken; the next is tomorrow (UTC)"
    if not signal.immediate and turn.reports:
        return 0, "this round's turn is taken; the next comes with the next round"
    if room < 1:
        return 0, "this round has as many reports of this device as it may hold"
    affordable = account.affordable(terms, budget, now)
    if affordable < 1:
        account.require(terms, budget, now)  # which says what is used up
    most = 1 if offer.trains else min(terms.reports_per_day, room)  # all that a device holds makes one update
    count = min(most, affordable)
    tokens.require(tx, offer, count)
    return count, ""


def _sealed(seen: Look, payload: bytes, entropy: Entropy) -> Outgoing:
    """The report, to be sent at a random time within the task's delay and before its round closes."""
    offer, task, terms = seen.offer, seen.offer.task, seen.offer.terms
    report = seal(payload, offer.task_hash, offer.checkout.round, task.shuffler_key)
    delay = min(task.delay_seconds, offer.deadline - 1 - seen.second)
    wait = int(entropy.below(1, delay + 1)[0]) if delay > 0 else 0
    return Outgoing(
        report=report.to_bytes(),
        token=b"",
        payload=payload,
        task=offer.task_hash,
        terms=offer.terms_hash,
        signal=terms.signal,
        meaning=meaning(offer),
        price_micro=terms.price_micro,
        retention_days=terms.retention_days,
        made=seen.second,
        due=seen.second + wait,
        deadline=offer.deadline,
        delay_seconds=task.delay_seconds,
    )


def meaning(offer: Offer) -> str:
    """What one report says and what can be concluded from it, in words."""
    terms = offer.terms
    about = f"One randomized answer about {terms.signal!r} ({terms.unit}), to this end: {terms.purpose.rstrip('.')}."
    return " ".join((about, *offer.sentences))
