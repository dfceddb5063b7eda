"""The one guarded door between a person and all servers: nothing leaves a device but by `Agent.tick`.

An agent belongs to one thread. Two programs may share a store: each operation is one or more whole transactions.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from datetime import datetime
from typing import Any

from choral.device import consent, contribution, journal, news, outbox, records, tokens, upkeep
from choral.device.binding import BoundStore
from choral.device.checkouts import CheckoutBook
from choral.device.conditions import Conditions
from choral.device.contribution import LEDGER, LEDGER_KEY, ledger
from choral.device.export import export
from choral.device.keys import Witness
from choral.device.ledger import Budget, BudgetLedger
from choral.device.noting import note
from choral.device.offer import Offer
from choral.device.outbox import Outgoing, SentReport
from choral.device.signal import Event, Signal
from choral.device.steps import Step, refusal
from choral.device.tokens import IssuerRoad
from choral.device.transport import Transport, Unreachable
from choral.errors import ConsentMissing, Refused, StoreError, TaskRefused
from choral.numerics import Entropy
from choral.protocol import Checkout
from choral.storage.device import DeviceStore

SEND_NEEDS = ("charging", "unmetered")  # a report takes milliseconds: it may leave while the device is in use


@dataclass(slots=True, kw_only=True, eq=False)
class Agent:
    """One person's device.

    signals: what the installed apps declare; names: allow-list of mechanisms and algorithms
    operators: Ed25519 public keys whose tasks are let in; budget: what this person allows for each account
    witness: keeps the ledger's totals apart from the store, so that an older copy of the store refunds nothing
    issuer: the road to who issues anonymous tokens, for tasks whose reports need one
    book: opened check-outs, if agents of one process share them
    send_needs: which conditions a due report waits for, some of idle, charging and unmetered
    """

    store: DeviceStore
    signals: Sequence[Signal]
    names: Mapping[str, type[Any]]
    operators: Collection[bytes]
    transport: Transport
    entropy: Entropy
    budget: Budget
    witness: Witness | None = None
    issuer: IssuerRoad | None = None
    book: InitVar[CheckoutBook | None] = None
    send_needs: Collection[str] = SEND_NEEDS
    _book: CheckoutBook = field(init=False, repr=False)
    _store: BoundStore = field(init=False, repr=False)

    def __post_init__(self, book: CheckoutBook | None) -> None:
        self._book = book or CheckoutBook(names=self.names, operators=self.operators)
        self._store = upkeep.bind(self.store)

    def record(self, event: Event, now: datetime) -> int:
        """Take note of an event; how many tasks or journals took it. ConsentMissing if nobody agreed to its kind.

        Statistics are randomized at once, and only the private record is kept; without a live task nothing is. What goes wrong
        with one signal is told once all others have taken the event.
        """
        taken, wrong = list[int | None](), list[Exception]()
        for signal in self.signals:
            if event.kind in signal.kinds:
                try:
                    taken.append(note(self._store, self._book, signal, event, entropy=self.entropy, now=now))
                except (ValueError, TypeError, StoreError) as error:
                    wrong.append(error)
        if wrong:
            raise wrong[0]
        if all(count is None for count in taken):
            raise ConsentMissing(f"nobody agreed that events of kind {event.kind!r} are used; nothing was kept; see the offers")
        return sum(count or 0 for count in taken)

    def retract(self, is_gone: Callable[[Event], bool]) -> int:
        """Delete what was noted of events that the person takes back and no report was made of yet; how many.

        Statistics keep no events: what is randomized cannot be told apart any more.
        """
        with self._store.transaction() as tx:
            return sum(journal.retract(tx, signal.name, is_gone) for signal in self.signals if not signal.immediate)

    def tick(self, now: datetime, conditions: Conditions) -> tuple[Step, ...]:
        """One turn: delete what is over; if the device has leisure, refresh and contribute; send what is due."""
        steps = [*self._settled(), *upkeep.purge(self._store, now)]
        if conditions.missing:
            steps.append(Step("waiting", f"no contribution now: {', '.join(conditions.missing)}"))
        else:
            steps += self.refresh(now)
            steps += [self._turn(offer, now) for offer in self.offers() if offer.agreed]
            steps += self._settled()  # what is paid is witnessed before it can leave
            steps += self._restock()
        if not conditions.lacking(self.send_needs):
            steps += outbox.send_due(self._store, self.transport, entropy=self.entropy, now=now)
        return tuple(steps)

    def refresh(self, now: datetime) -> tuple[Step, ...]:
        """Download the latest check-outs of all signals, then what everyone is told of their rounds, and keep those that may
        be let in; a step for each that may not.
        """
        try:
            fresh = news.fetch(self.transport, self.signals)
        except Unreachable as error:
            return (Step("unreachable", f"no news from the server: {error}"),)
        steps = list(fresh.steps)
        for signal in self.signals:
            steps += news.take(self._store, self._book, signal, fresh, now)
        return tuple(steps)

    def offers(self) -> tuple[Offer, ...]:
        """What could be agreed to, as far as this device knows, and whether it is."""
        live = [offer for _, offer in self._book.live(self._store, self.signals)]
        with self._store.transaction() as tx:
            return tuple(replace(offer, agreed=consent.has_agreed(tx, offer.terms_hash)) for offer in live)

    def latest(self, signal: str) -> Checkout | None:
        """The newest check-out held for this signal: public parameters that its app may use."""
        found = [offer.checkout for offer in self.offers() if offer.terms.signal == signal]
        return max(found, key=lambda checkout: checkout.issued, default=None)

    def agree(self, terms_hash: bytes, now: datetime) -> None:
        """Say yes to the Terms of this hash, and to no others; TaskRefused if they are not on offer, ConsentMissing if
        they rest on a trust that the budget does not allow.
        """
        self._settled()
        terms = next((offer.terms for offer in self.offers() if offer.terms_hash == terms_hash), None)
        if terms is None:
            raise TaskRefused(f"no Terms {terms_hash.hex()[:16]} are on offer; refresh, then look at the offers again")
        self.budget.require_trust(terms)
        with self._store.transaction() as tx:
            consent.agree(tx, terms, now)
            LEDGER.put(tx, LEDGER_KEY, ledger(tx).turned())
        self._settled()

    def withdraw(self, terms_hash: bytes) -> None:
        """Say no, at once: journal, records and outbox under these Terms are emptied. Saying no twice is no error."""
        self._settled()
        with self._store.transaction() as tx:
            signal = consent.withdraw(tx, terms_hash)
            outbox.drop(tx, terms_hash)
            records.drop_terms(tx, terms_hash)
            if signal is not None and not consent.agreed_terms(tx, signal):
                journal.drop(tx, signal)
            LEDGER.put(tx, LEDGER_KEY, ledger(tx).turned())
        self._settled()

    def lost(self) -> int:
        """How many paid reports were never sent: what they waited for did not hold before their round closed."""
        with self._store.transaction() as tx:
            return sum(row.reports for _, row in outbox.LOST.scan(tx))

    def sent(self) -> tuple[SentReport, ...]:
        """What left this device and is still remembered: exact bytes, meaning, price, time, oldest first."""
        with self._store.transaction() as tx:
            return tuple(sorted((row for _, row in outbox.SENT.scan(tx)), key=lambda row: row.sent))

    def waiting(self) -> tuple[Outgoing, ...]:
        """What is paid and sealed and waits for its time, the next first."""
        with self._store.transaction() as tx:
            return tuple(sorted((row for _, row in outbox.OUTBOX.scan(tx)), key=lambda row: row.due))

    def ledger(self) -> BudgetLedger:
        """What was paid so far."""
        with self._store.transaction() as tx:
            return ledger(tx)

    def export(self) -> dict[str, Any]:
        """Everything this device keeps about its person, as plain values fit for JSON."""
        with self._store.transaction() as tx:
            return export(tx)

    def forget(self) -> None:
        """Delete everything and shred the store and its key; every consent ends. The ledger stays: forgetting never refunds."""
        self._settled()
        with self._store.transaction() as tx:
            upkeep.forget(tx)
            LEDGER.put(tx, LEDGER_KEY, ledger(tx).turned())
        self._settled()
        self._store.shred()

    def _turn(self, offer: Offer, now: datetime) -> Step:
        """What became of this task's turn; whatever is refused changes nothing and stops no other task."""
        signal = next(one for one in self.signals if one.name == offer.terms.signal)
        try:
            with self._store.transaction() as tx:
                seen = contribution.look(tx, offer, signal, budget=self.budget, entropy=self.entropy, now=now)
            made = seen if isinstance(seen, Step) else contribution.make(seen, self.entropy)
            if isinstance(made, Step):
                return made
            with self._store.transaction() as tx:
                return contribution.keep(tx, made, budget=self.budget, now=now)
        except Refused as error:
            return refusal(error, signal=signal.name, task=offer.task_hash)

    def _restock(self) -> list[Step]:
        """Ask for the tokens of the next turn, where this device has an issuer to ask."""
        if self.issuer is None:
            return []
        roads = (self.transport, self.issuer)
        steps: list[Step] = []
        for one in self.offers():
            if one.agreed:
                left = one.terms.reports_for_life - self.ledger().use(one.terms_hash).life_reports
                steps += tokens.restock(self._store, one, left=left, roads=roads, entropy=self.entropy)
        return steps

    def _settled(self) -> list[Step]:
        return upkeep.settle(self._store, self.witness)
