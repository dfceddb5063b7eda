"""One phone through a whole year of one question, by the production agent and server: until its ledger says no.

Study half: devices never import it. Real: everything that the agent does. Modelled: what is typed, which is each week the
week of another phone of the population.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from choral.apps.keyboard.events import signals
from choral.apps.keyboard.population import population, week
from choral.apps.keyboard.tasks import task
from choral.device import Agent, Budget, Conditions, InProcessTransport
from choral.errors import BudgetExhausted
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.numerics import SeededEntropy
from choral.privacy import MICRO
from choral.protocol import Task, sign
from choral.server import application, publish_task
from choral.simulation import Population
from choral.storage import MemoryDeviceStore, MemoryServerStore

NAMES = {**MECHANISMS, **ALGORITHMS}
START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 365


@dataclass(frozen=True, slots=True)
class Day:
    """What was typed on one day, what the phone has paid until its end, and why it said no, if it did."""

    typed: int
    spent: float
    reports: int
    refusal: str


@dataclass(slots=True)
class Clock:
    """The server's time, which only the year moves."""

    now: datetime = START

    def __call__(self) -> datetime:
        """The time."""
        return self.now


def live(budget: Budget, *, locale: str = "en", seed: int = 1, days: int = DAYS) -> tuple[Day, ...]:
    """The days of one phone whose person allows `budget`, for a task whose Terms would allow a report on every day."""
    clock, store, people = Clock(), MemoryServerStore(), population(locale, seed)
    operator, server = (Ed25519PrivateKey.from_private_bytes(_key(name, seed)) for name in ("operator", "server"))
    operators = frozenset({operator.public_key().public_bytes_raw()})
    question = _question(locale, server, seed, days)
    signed, key = sign(question, operator), question.server_key
    publish_task(store, signed, operators=operators, names=NAMES, server_key=key, now=START - timedelta(1))
    face = application(
        store,
        server_key=server,
        operators=operators,
        operator_token="",
        names=NAMES,
        clock=clock,
        entropy=SeededEntropy(seed, stream=1),
    )
    with InProcessTransport(face) as transport:
        agent = Agent(
            store=MemoryDeviceStore(),
            signals=signals([locale]),
            names=NAMES,
            operators=operators,
            transport=transport,
            entropy=SeededEntropy(seed),
            budget=budget,
        )
        agent.refresh(START)
        agent.agree(agent.offers()[0].terms_hash, START)
        return tuple(_day(agent, clock, people, number, locale) for number in range(days))


def _day(agent: Agent, clock: Clock, people: Population, number: int, locale: str) -> Day:
    """Typing, then a night on the charger, then the morning on which the report leaves."""
    monday = START + timedelta(days=number - number % 7)
    events = week(people, number // 7, locale, monday)[number % 7]
    for event in events:
        clock.now = event.at
        agent.record(event, event.at)
    refusal = ""
    for hour, at_rest in ((23, True), (33, False)):
        clock.now = START + timedelta(days=number, hours=hour)
        steps = agent.tick(clock.now, Conditions(idle=at_rest, charging=at_rest, unmetered=at_rest))
        refusal = refusal or next((step.text for step in steps if isinstance(step.error, BudgetExhausted)), "")
    ledger = agent.ledger()
    spent = ledger.account("nobody").life_micro / MICRO
    return Day(len(events), spent, sum(use.life_reports for use in ledger.uses), refusal)


def _question(locale: str, server: Ed25519PrivateKey, seed: int, days: int) -> Task:
    """Apple's question and price, asked every day."""
    shuffler = X25519PrivateKey.from_private_bytes(_key("shuffler", seed))
    return task(
        locale,
        start=START,
        expires=START + timedelta(days=days + 7),
        minimum=1,
        goal=2**20,
        shuffler_key=shuffler.public_key().public_bytes_raw(),
        server_key=server.public_key().public_bytes_raw(),
        reports_for_life=days,
        reviewer="an experiment",
    )


def _key(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"choral/year/{seed}/{name}".encode()).digest()
