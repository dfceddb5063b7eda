"""What this device can tell its person about itself: what left it, what that cost, what could be allowed, and what was.

It is read from the agent, which is the one door out; without a server nothing has left, and the answer is empty.
"""

from dataclasses import dataclass
from datetime import datetime

from choral.device.agent import Agent
from choral.device.offer import Offer
from choral.device.outbox import Outgoing
from choral.privacy import MICRO, Guarantee


@dataclass(frozen=True, slots=True)
class Upload:
    """One report. time: unix seconds, when it was sent, or will be; outcome: what became of it

    epsilon: its price in nats; report: the exact bytes; payload: the randomized answer that is sealed in them
    """

    signal: str
    time: int
    outcome: str
    meaning: str
    epsilon: float
    report: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Account:
    """What was paid under a trust, in nats: that day, that year and in all."""

    trust: str
    day: float
    year: float
    life: float


@dataclass(frozen=True, slots=True)
class Left:
    """Everything that left, the latest first, and what waits, the next first. made: reports in this device's life"""

    sent: tuple[Upload, ...]
    waiting: tuple[Upload, ...]
    accounts: tuple[Account, ...]
    made: int

    @property
    def size(self) -> int:
        """Bytes of all reports that left and are remembered."""
        return sum(len(one.report) for one in self.sent)

    @property
    def forgotten(self) -> int:
        """Reports sent longer ago than their Terms keep them here, of which only the price is left."""
        return max(0, self.made - len(self.sent) - len(self.waiting))

    @property
    def is_nothing(self) -> bool:
        """Whether nothing has ever left, nor waits to."""
        return not (self.sent or self.waiting or self.forgotten)

    @property
    def paid(self) -> float:
        """What everything together cost in nats, if nobody is trusted."""
        return sum(one.life for one in self.accounts if one.trust == "nobody")


@dataclass(frozen=True, slots=True)
class Purpose:
    """One thing that could be agreed to.

    terms: hash of its Terms, in hexadecimal; left: reports that they still allow
    may_be_silent: whether nothing is sent when there is nothing to say, so that a report shows that there was something
    """

    terms: str
    purpose: str
    signal: str
    unit: str
    trust: str
    epsilon: float
    a_day: int
    left: int
    for_life: int
    agreed: bool
    may_be_silent: bool
    guarantees: tuple[Guarantee, ...]


def what_left(agent: Agent) -> Left:
    """Of this device, so far."""
    ledger = agent.ledger()
    day = ledger.mark // 86_400
    sent = tuple(_upload(row.outgoing, row.sent, row.outcome) for row in reversed(agent.sent()))
    waiting = tuple(_upload(row, row.due, "waits for its random time") for row in agent.waiting())
    accounts = tuple(
        Account(one.trust, one.on(day) / MICRO, one.year_to(day) / MICRO, one.life_micro / MICRO) for one in ledger.accounts
    )
    return Left(sent, waiting, accounts, sum(use.life_reports for use in ledger.uses))


def purposes(agent: Agent) -> tuple[Purpose, ...]:
    """What is on offer, as far as this device knows."""
    ledger = agent.ledger()
    return tuple(_purpose(offer, ledger.use(offer.terms_hash).life_reports) for offer in agent.offers())


def answer(agent: Agent, terms: bytes, *, agreed: bool, now: datetime) -> str:
    """Yes or no to the Terms of a hash; what comes of it, in words."""
    if agreed:
        agent.agree(terms, now)
        return "You said yes. You can take it back here at any time."
    agent.withdraw(terms)
    return "You said no. What waited for these reports is deleted; what was sent cannot be found again by anyone."


def _upload(row: Outgoing, time: int, outcome: str) -> Upload:
    return Upload(row.signal, time, outcome, row.meaning, row.price_micro / MICRO, row.report, row.payload)


def _purpose(offer: Offer, used: int) -> Purpose:
    terms = offer.terms
    return Purpose(
        terms=offer.terms_hash.hex(),
        purpose=terms.purpose,
        signal=terms.signal,
        unit=terms.unit,
        trust=terms.trust,
        epsilon=terms.epsilon,
        a_day=terms.reports_per_day,
        left=max(terms.reports_for_life - used, 0),
        for_life=terms.reports_for_life,
        agreed=offer.agreed,
        may_be_silent=terms.sending_is_visible,
        guarantees=offer.guarantees,
    )
