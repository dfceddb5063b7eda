"""The story of `choral trace keyboard`: one emoji, from the keystroke to the signed release."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from choral.apps.keyboard import signals, task, typed
from choral.cli.trace.keyboard_words import WATCHED
from choral.cli.trace.stage import NAMES, Stage
from choral.cli.trace.tracing import numbered, script, secret, watching
from choral.device import Agent, Budget, Conditions, InProcessTransport
from choral.mechanisms import CountMeanSketch
from choral.privacy import micro
from choral.protocol import BatchRule, Spec, Task
from choral.storage import MemoryDeviceStore

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
EMOJI = "🍙"


def lines() -> Iterator[str]:
    """The lines of the trace."""
    stage, told = Stage(NOW - timedelta(1)), list[str]()
    stage.publish(_question(stage.server_key, stage.shuffler_key))
    stage.now = NOW
    with stage.transport() as transport, watching(told, WATCHED):
        _on_the_device(transport, stage, told)
        told.append("At the server: shuffle")
        stage.shuffle()
        told.append("At the server: release")
        stage.release()
    return iter(numbered(told))


def _on_the_device(transport: InProcessTransport, stage: Stage, told: list[str]) -> None:
    """Agree, type, contribute at night, and send when the random time has come."""
    agent = Agent(
        store=MemoryDeviceStore(),
        signals=signals(["ja"]),
        names=NAMES,
        operators=stage.operators,
        transport=transport,
        entropy=script(),
        budget=Budget.nats(day=4, year=28, life=28),
    )
    told.append("On the device: a check-out comes, and the person agrees to its Terms")
    agent.refresh(NOW)
    agent.agree(agent.offers()[0].terms_hash, NOW)
    told.append("On the device: an emoji is typed")
    agent.record(typed("ja", EMOJI, NOW), NOW)
    told.append("On the device: at night, idle and charging")
    agent.tick(NOW + timedelta(hours=14), Conditions(idle=True, charging=True, unmetered=True))
    told.append("On the device, then at the server: the report leaves at its random time")
    due = datetime.fromtimestamp(agent.waiting()[0].due, UTC)
    agent.tick(due, Conditions(idle=False, charging=True, unmetered=True))


def _question(server_key: bytes, shuffler_key: bytes) -> Task:
    """The keyboard's task with a sketch small enough to be read, and a batch of one, which trust `nobody` allows."""
    whole = task(
        "ja",
        start=NOW - timedelta(hours=9),
        expires=NOW + timedelta(days=30),
        minimum=1,
        goal=1,
        shuffler_key=shuffler_key,
        server_key=server_key,
        reviewer="trace",
    )
    domain = int(whole.mechanism.parameters["domain"])
    sketch = CountMeanSketch.for_epsilon(4.0, domain, seed=secret("hashes"), width=16, rows=4)
    return replace(
        whole,
        terms=replace(whole.terms.unbound, price_micro=micro(sketch.epsilon)),
        mechanism=Spec.of(sketch),
        rule=BatchRule(1, 1, rounds_open=2, round_seconds=7 * 86_400, advance="time"),
    )
