"""The story of `choral trace companion`: one day in a diary, one dense upload, one sum, the next version."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from choral.apps.companion.device.activities import NUMBERS
from choral.apps.companion.device.diary import Diary, Label, Mood
from choral.apps.companion.device.fragments import Fragments
from choral.apps.companion.device.lifts import Shared, lifts
from choral.apps.companion.device.record import read
from choral.apps.companion.device.signals import clustered, companion_signals, rated
from choral.apps.companion.device.tasks import Desk, ratings_task
from choral.cli.trace.companion_words import Words
from choral.cli.trace.stage import NAMES, Stage
from choral.cli.trace.tracing import numbered, watching
from choral.device import Agent, Budget, Conditions, InProcessTransport
from choral.learning.alternating_least_squares import AlternatingLeastSquares
from choral.numerics import Entropy, SeededEntropy
from choral.storage import MemoryDeviceStore

EVENING = datetime(2026, 1, 5, 21, 30, tzinfo=UTC)
NIGHT, MORNING = EVENING + timedelta(hours=1), EVENING + timedelta(hours=10)
DAWN = EVENING.replace(hour=0, minute=0)
OTHERS = 39  # people whose devices report in the same night
RANK, EPSILON = 1, 8.0
CENTRES = ("sleeping", "working", "a walk", "reading a book")  # a public catalogue of four clusters, instead of 64 items
ITEMS = clustered(Fragments(), np.array([[NUMBERS[name]] * 6 for name in CENTRES], np.uint8))
CHARGING = Conditions(idle=True, charging=True, unmetered=True)
IN_USE = Conditions(idle=False, charging=True, unmetered=True)
Hours = Sequence[tuple[int, str, int, bool]]
DAY: Hours = ((6, "sleeping", 60, False), (9, "working", 45, False), (14, "working", 5, True), (18, "a walk", 85, False))
OTHERS_DAY: Hours = (DAY[0], DAY[1], DAY[3], (20, "reading a book", 70, False))


@dataclass(frozen=True, slots=True)
class Device:
    """One person's diary and agent, over one store."""

    diary: Diary
    agent: Agent

    @classmethod
    def new(cls, stage: Stage, transport: InProcessTransport, entropy: Entropy) -> "Device":
        """A device whose person has allowed the trust in a sum."""
        store = MemoryDeviceStore()
        agent = Agent(
            store=store,
            signals=companion_signals(ITEMS),
            names=NAMES,
            operators=stage.operators,
            transport=transport,
            entropy=entropy,
            budget=Budget.nats(day=8, year=32, life=32, trusts=("nobody", "shuffler", "sum")),
        )
        return cls(Diary(store), agent)

    def agree(self) -> None:
        """See what is on offer, and say yes to it."""
        self.agent.refresh(EVENING)
        self.agent.agree(self.agent.offers()[0].terms_hash, EVENING)

    def rate(self, hours: Hours) -> None:
        """Say what hours were spent on and how they felt: to the diary, and what may teach something to the agent."""
        day, at = EVENING.date(), int(EVENING.timestamp())
        self.diary.label(day, {hour: Label(name, "person") for hour, name, _, _ in hours})
        moods = {hour: Mood(valence, 50, external, at) for hour, _, valence, external in hours}
        self.diary.feel(day, moods)
        for hour, name, _, _ in hours:
            event = rated(name, hour=hour, mood=moods[hour], at=EVENING)
            if event is not None:
                self.agent.record(event, EVENING)


def lines() -> Iterator[str]:
    """The lines of the trace."""
    stage, told, words = Stage(DAWN), list[str](), Words(CENTRES)
    desk = Desk(DAWN, DAWN + timedelta(days=30), stage.shuffler_key, stage.server_key, reviewer="trace")
    stage.publish(
        ratings_task(
            desk, epsilon=EPSILON, items=ITEMS.count, rank=RANK, minimum=OTHERS + 1, goal=OTHERS + 1, reports_for_life=1
        )
    )
    stage.now = EVENING
    with stage.transport() as transport:
        _others(stage, transport)
        device = Device.new(stage, transport, SeededEntropy(1, OTHERS))
        with watching(told, words.watched()):
            _evening(device, told)
            told.append("On the device, then at the server: the report leaves at its random time")
            stage.now = datetime.fromtimestamp(device.agent.waiting()[0].due, UTC)
            device.agent.tick(stage.now, IN_USE)
            told.append(f"At the server: shuffle; {OTHERS} other devices have reported in the same night")
            stage.shuffle()
            told.append("At the server: the sum, and from it the next version; the reports are erased")
            stage.release()
            _morning(device, stage, told)
    return iter(numbered(told))


def _evening(device: Device, told: list[str]) -> None:
    told.append("On the device: a check-out with the model comes down, and the person, who allows the trust `sum`, agrees")
    device.agree()
    told.append("On the device: in the evening the person rates a few hours of the day, one of them bad for another reason")
    device.rate(DAY)
    told.append("On the device: at night, idle and charging")
    device.agent.tick(NIGHT, CHARGING)


def _morning(device: Device, stage: Stage, told: list[str]) -> None:
    told.append("On the device: the next morning version 1 comes down, and is weighed against the person's own record")
    stage.now = MORNING
    device.agent.refresh(MORNING)
    offer = device.agent.offers()[0]
    assert isinstance(offer.algorithm, AlternatingLeastSquares)  # as the task above says
    record = read(device.diary, today=EVENING.date(), zone=UTC, days=1)
    lifts(record, Shared(offer.algorithm, offer.checkout.params, ITEMS))


def _others(stage: Stage, transport: InProcessTransport) -> None:
    """Others, whose hours are drawn from written-down randomness, report before."""
    for number in range(OTHERS):
        entropy = SeededEntropy(1, number)
        device = Device.new(stage, transport, entropy)
        device.agree()
        level, *chances = entropy.below(1 + len(OTHERS_DAY), 21).tolist()
        hours = zip(OTHERS_DAY, chances, strict=True)
        device.rate([(hour, name, usual + level + chance - 25, False) for (hour, name, usual, _), chance in hours])
        device.agent.tick(NIGHT, CHARGING)
        device.agent.tick(NIGHT + timedelta(hours=7), IN_USE)
