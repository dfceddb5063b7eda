"""The cohort's rows are what real agents, each with its own stream, put into their outboxes."""

from datetime import UTC, datetime, timedelta

import pytest

from choral.apps.keyboard import dictionary, oracle, signals, task, typed
from choral.apps.keyboard.population import population
from choral.device import Agent, Budget, Conditions, InProcessTransport
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.numerics import SeededEntropy
from choral.protocol import sign
from choral.server import application, publish_task
from choral.simulation import Cohort, Shard
from choral.simulation.setting import shuffler_key, signing_key
from choral.storage import MemoryDeviceStore, MemoryServerStore

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
NAMES = {**MECHANISMS, **ALGORITHMS}
FIRST, DEVICES, SEED = 70, 20, 4
LEISURE = Conditions(idle=True, charging=True, unmetered=True)


@pytest.fixture(params=["cms", "rr"])
def question(request):
    return task(
        "ja",
        start=NOW - timedelta(days=1),
        expires=NOW + timedelta(days=30),
        minimum=2,
        goal=100,
        shuffler_key=shuffler_key().public_key().public_bytes_raw(),
        server_key=signing_key("server").public_key().public_bytes_raw(),
        mechanism=request.param,
    )


@pytest.fixture
def road(question):
    store, operator = MemoryServerStore(), signing_key("operator")
    operators = {operator.public_key().public_bytes_raw()}
    publish_task(store, sign(question, operator), operators=operators, names=NAMES, server_key=question.server_key, now=NOW)
    app = application(
        store,
        server_key=signing_key("server"),
        operators=operators,
        operator_token="none",
        names=NAMES,
        clock=lambda: NOW,
        entropy=SeededEntropy(0),
    )
    with InProcessTransport(app) as transport:
        yield transport


def test_the_cohorts_rows_equal_the_agents_payloads_byte_for_byte(question, road):
    """Each agent records the event that its day's sample is, or none; "nothing" is among them."""
    people = population("ja", seed=8)
    mechanism = oracle({"count-mean-sketch/1": "cms", "randomized-response/1": "rr"}[question.mechanism.name])
    rows = Cohort(mechanism, people, SEED)(Shard(FIRST, DEVICES))
    sampled = people.events(FIRST, DEVICES, days=1).sampled[:, 0].tolist()
    assert people.nothing in sampled
    for device, category in enumerate(sampled):
        emoji = None if category == people.nothing else dictionary()[category]
        payload = _payload(FIRST + device, emoji, road)
        assert payload == rows.payloads[device].tobytes()


def _payload(number, emoji, road):
    """What a real agent of this number seals after a day with this emoji."""
    agent = Agent(
        store=MemoryDeviceStore(),
        signals=signals(["ja"]),
        names=NAMES,
        operators=frozenset({signing_key("operator").public_key().public_bytes_raw()}),
        transport=road,
        entropy=SeededEntropy(SEED, stream=number),
        budget=Budget.nats(day=4, year=400, life=400),
    )
    agent.refresh(NOW)
    (offer,) = agent.offers()
    agent.agree(offer.terms_hash, NOW)
    if emoji is not None:
        agent.record(typed("ja", emoji, NOW), NOW)
    agent.tick(NOW, LEISURE)
    (outgoing,) = agent.waiting()
    return outgoing.payload
