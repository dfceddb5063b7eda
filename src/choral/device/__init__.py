"""One person's device: consent, budget, journal, outbox and the one door out.

Knows: what this person allows and what has happened here. Must not know: any server code, mechanisms by name, the clock.
Interface: `Agent` (record, tick, latest, forget), `Signal`, `Event`, `Budget`, `Conditions`, `Transport`.
Add here: a transport, or a source of conditions for another system; a store goes to storage, a mechanism to mechanisms.
Tested in: tests/device, tests/contracts, tests/world.
"""

from choral.device.agent import Agent
from choral.device.conditions import Conditions, FixedConditions, LinuxConditions
from choral.device.http import HttpTransport, SharedHttpTransport
from choral.device.ledger import Budget, BudgetLedger
from choral.device.offer import Offer
from choral.device.outbox import SentReport
from choral.device.signal import Event, Signal
from choral.device.steps import Step
from choral.device.transport import InProcessTransport, Transport, Unreachable

__all__ = [
    "Agent",
    "Budget",
    "BudgetLedger",
    "Conditions",
    "Event",
    "FixedConditions",
    "HttpTransport",
    "InProcessTransport",
    "LinuxConditions",
    "Offer",
    "SentReport",
    "SharedHttpTransport",
    "Signal",
    "Step",
    "Transport",
    "Unreachable",
]
