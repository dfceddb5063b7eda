"""The story of `choral trace phishing`: one link, a label that comes later, one report by draw and discard."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from choral.apps.phishing.device.context import Context
from choral.apps.phishing.device.features import PUBLIC
from choral.apps.phishing.device.labels import LabelFeed, entry_for, today
from choral.apps.phishing.device.tasks import Desk, drawn_task
from choral.apps.phishing.device.watch import LinkWatch
from choral.cli.trace.phishing_words import WATCHED
from choral.cli.trace.stage import NAMES, Stage
from choral.cli.trace.tracing import numbered, script, watching
from choral.device import Budget, Conditions, InProcessTransport
from choral.protocol import Release
from choral.protocol.task import NOBODY
from choral.storage import MemoryDeviceStore

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
NEXT_DAY = NOW + timedelta(hours=26)
ROUND_SECONDS = 3600
INSTANCES = 3
EPSILON = 8.0
LINK = "http://paypal.example-login.com/signin.php?account=7"
PAGE = b"""<!doctype html><title>Log in</title>
<form action="http://203.0.113.9/take.php"><input type="email"><input type="password"></form>
<a href="#">Help</a> <a href="https://www.paypal.com/">PayPal</a>"""


def lines() -> Iterator[str]:
    """The lines of the trace."""
    stage, told = Stage(NOW - timedelta(1)), list[str]()
    start = Release(NOBODY, 0, "start", 0, 0, (), {"params": np.zeros(len(PUBLIC) + 1)})
    desk = Desk(
        NOW - timedelta(hours=9), NOW + timedelta(30), stage.shuffler_key, stage.server_key, reviewer="trace", first=start.hash
    )
    stage.publish(start)
    stage.publish(drawn_task(desk, epsilon=EPSILON, instances=INSTANCES, version_seconds=ROUND_SECONDS, window=1))
    stage.now = NOW
    with stage.transport() as transport, watching(told, WATCHED):
        _on_the_device(transport, stage, told)
        told.append("At the server: the report is a batch of its own, folded as it comes")
        stage.stream()
        told.append("At the server: at the end of the round, the next version of the model")
        stage.now += timedelta(seconds=2 * ROUND_SECONDS)
        stage.release()
    return iter(numbered(told))


def _on_the_device(transport: InProcessTransport, stage: Stage, told: list[str]) -> None:
    """Agree, receive a link, learn what it is, and report."""
    watch = LinkWatch.opened(
        store=MemoryDeviceStore(),
        names=NAMES,
        operators=stage.operators,
        transport=transport,
        entropy=script(4096),
        budget=Budget.nats(day=8, year=32, life=32),
        window=1,
        rows=1,
    )
    told.append("On the device: a check-out comes, with one of the instances, and the person agrees to its Terms")
    watch.refresh(NOW)
    watch.agent.agree(watch.agent.offers()[0].terms_hash, NOW)
    told.append(f"On the device: a link comes, {LINK}, and its page")
    watch.receive(LINK, PAGE, Context("en", "GB", NOW), NOW)
    told.append("On the device, the next day: a signed feed of labels comes, the same for all, and is matched here")
    stage.now = NEXT_DAY
    entry = entry_for(LINK, phishing=True, day=today(NEXT_DAY), source="list", place="line 1")
    stage.publish(LabelFeed.built([entry], NEXT_DAY).release())
    watch.refresh(NEXT_DAY)
    told.append("On the device, then at the server: idle and charging, one report, without delay")
    watch.agent.tick(NEXT_DAY, Conditions(idle=True, charging=True, unmetered=True))
