"""What left this device: every upload, byte for byte, with what it means and what it cost. Device half.

It is read from the agent, which is the one door out; without a server nothing has left, and the answer is empty.
"""

from dataclasses import dataclass

from choral.device import Agent
from choral.device.outbox import Outgoing
from choral.privacy import MICRO


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
    """Everything that left, and what waits: the latest first. size: bytes that left; forgotten: reports sent longer ago
    than their Terms keep them here, of which only the price is left
    """

    sent: tuple[Upload, ...]
    waiting: tuple[Upload, ...]
    accounts: tuple[Account, ...]
    forgotten: int

    @property
    def size(self) -> int:
        """Bytes of all reports that left and are remembered."""
        return sum(len(one.report) for one in self.sent)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing has ever left, nor waits to."""
        return not (self.sent or self.waiting or self.forgotten)


def what_left(agent: Agent) -> Left:
    """Of this device, so far."""
    ledger = agent.ledger()
    day = ledger.mark // 86_400
    sent = tuple(_upload(row.outgoing, row.sent, row.outcome) for row in reversed(agent.sent()))
    waiting = tuple(_upload(row, row.due, "waits for its time") for row in agent.waiting())
    accounts = tuple(
        Account(one.trust, one.on(day) / MICRO, one.year_to(day) / MICRO, one.life_micro / MICRO) for one in ledger.accounts
    )
    paid = sum(use.life_reports for use in ledger.uses)
    return Left(sent, waiting, accounts, max(0, paid - len(sent) - len(waiting)))


def _upload(row: Outgoing, time: int, outcome: str) -> Upload:
    return Upload(row.signal, time, outcome, row.meaning, row.price_micro / MICRO, row.report, row.payload)
