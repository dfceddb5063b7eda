"""The story of `choral trace stickers`: one message, one choice, one update, one step of the model."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from choral.apps.stickers.device.messages import Candidates, Preference
from choral.apps.stickers.device.personal import CANDIDATES, PREFERENCE, Download
from choral.apps.stickers.device.phone import Phone
from choral.apps.stickers.device.tasks import Desk, Head, choice_task
from choral.cli.trace.stage import NAMES, Stage
from choral.cli.trace.stickers_words import WATCHED
from choral.cli.trace.tracing import numbered, script, watching
from choral.device import Budget, Conditions, InProcessTransport
from choral.mechanisms.priv_unit import PrivUnit
from choral.privacy import micro
from choral.protocol import Spec, Task, encode
from choral.storage import MemoryDeviceStore

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
NIGHT = NOW + timedelta(hours=14)
HEAD = Head(personal=2, item=3)
PAIRS = 8  # on the list of directions, instead of thousands: then it can be read
TEXT = "おはよう、みんな"


class Catalogue:
    """What the catalogue service answers this person, who likes quiet mornings: four stickers and one number of taste."""

    def fetch(self, path: str, tag: str) -> Download | None:
        """Preference or candidates."""
        return Download(path, BODIES[path])


BODIES: Mapping[str, bytes] = {
    PREFERENCE: encode(Preference(np.array([-24], np.int8))),
    CANDIDATES: encode(
        Candidates(
            stickers=np.array([3, 14, 15, 92], np.int32),
            held=np.array([True, True, True, False]),
            popularity=np.array([700, -200, 100, -300], np.int16),
            features=np.array([[127, 0], [0, 127], [90, 90], [-90, 90]], np.int8),
            symbols=("🌞", "🥱", "🐓", "🙏"),
            names=("sun", "yawn", "rooster", "thanks"),
            keywords_en=("good morning|sun", "tired|good morning", "early|good morning", "thank you"),
            keywords_ja=("おはよう", "おはよう|眠い", "おはよう|朝", "ありがとう"),
        )
    ),
}


def lines() -> Iterator[str]:
    """The lines of the trace."""
    stage, told = Stage(NOW - timedelta(1)), list[str]()
    stage.publish(_question(stage))
    stage.now = NOW
    with stage.transport() as transport, watching(told, WATCHED):
        _on_the_phone(transport, stage, told)
        told.append("At the server: shuffle")
        stage.shuffle()
        told.append("At the server: release, which is the next version of the model")
        stage.release()
    return iter(numbered(told))


def _on_the_phone(transport: InProcessTransport, stage: Stage, told: list[str]) -> None:
    """Download, agree, type, choose, train at night, and send when the random time has come."""
    phone = Phone.opened(
        store=MemoryDeviceStore(),
        names=NAMES,
        operators=stage.operators,
        transport=transport,
        entropy=script(4096),
        budget=Budget.nats(day=4, year=28, life=28),
    )
    told.append("On the phone: what the catalogue service knows comes down, by its own road and with the person's account")
    phone.download(Catalogue())
    told.append("On the phone: a check-out with the model comes down, by the report road, where nobody has an account")
    phone.refresh(NOW)
    phone.agent.agree(phone.agent.offers()[0].terms_hash, NOW)
    told.append(f"On the phone: the person types {TEXT!r}, sees stickers, and takes one")
    shown = phone.suggest(TEXT)
    phone.choose(shown.number, len(shown.ids) - 1, NOW)
    told.append("On the phone: at night, idle and charging")
    phone.train(NIGHT, Conditions(idle=True, charging=True, unmetered=True))
    told.append("On the phone, then at the server: the report leaves at its random time")
    stage.now = datetime.fromtimestamp(phone.agent.waiting()[0].due, UTC)
    phone.agent.tick(stage.now, Conditions(idle=False, charging=True, unmetered=True))


def _question(stage: Stage) -> Task:
    """The app's task with a list of directions short enough to be read, and a batch of one, which trust `nobody` allows."""
    desk = Desk(NOW - timedelta(hours=9), NOW + timedelta(days=30), stage.shuffler_key, stage.server_key, reviewer="trace")
    whole = choice_task(desk, head=HEAD, epsilon=4.0, minimum=1, goal=1)
    mechanism = PrivUnit.for_epsilon(4.0, HEAD.size, clip_norm=HEAD.clip_norm, pairs=PAIRS)
    terms = replace(whole.terms.unbound, price_micro=micro(mechanism.epsilon))
    return replace(whole, terms=terms, mechanism=Spec.of(mechanism))
