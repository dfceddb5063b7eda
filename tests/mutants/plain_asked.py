"""What servers ask of a device, and what it answers: false claims, apps that fail, other questions."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np

from choral.device import Conditions
from choral.device.judging import MOST_OPERATIONS
from choral.device.signal import Asks
from choral.errors import PeerError
from choral.learning import Count
from choral.learning.schema import Work
from choral.mechanisms import RandomizedResponse
from choral.numerics import SeededEntropy
from choral.protocol import Bundle, Openings, Spec, encode, sign
from choral.storage.device_memory import MemoryDeviceStore
from tests.device import setting as device
from tests.mutants.telling import tried, turn

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ON_BATTERY = Conditions(idle=True, charging=False, unmetered=True)


@dataclass(frozen=True, slots=True)
class Long(Count):
    """A count that asks for more work than a device gives."""

    NAME: ClassVar[str] = "long/1"

    def device_work(self, params: Any, limit: int) -> Work:
        return Work(MOST_OPERATIONS + 1, 1)


@dataclass(frozen=True, slots=True)
class Level(Count):
    """A count that asks anew with each level."""

    NAME: ClassVar[str] = "level/1"

    def require_params(self, params: Any) -> None:
        pass


class Watched(MemoryDeviceStore):
    """A store that counts its transactions."""

    transactions = 0

    def transaction(self) -> Any:
        self.transactions += 1
        return super().transaction()


Long.__module__ = Level.__module__ = Count.__module__  # as the package's own: they need no process of their own


def judging() -> Iterator[str]:
    """Check-outs that are false in one thing each, as servers and phones with a wrong clock make them every day."""

    honest = replace(device.task(), least_chance=2**31)
    desk = device.Desk(honest)
    checkout = desk.checkout(honest)
    larger = RandomizedResponse.for_epsilon(2.0, domain=11)
    false = {
        "honest": sign(checkout, device.SERVER),
        "forged": sign(checkout, device.OPERATOR),
        "forged task": sign(replace(checkout, task=sign(honest, device.SERVER)), device.SERVER),
        "cheap": sign(desk.checkout(device.task(price_micro=1_999_000)), device.SERVER),
        "larger": sign(desk.checkout(device.task(mechanism=Spec.of(larger))), device.SERVER),
        "long": sign(replace(checkout, valid_until=checkout.valid_until + 60), device.SERVER),
        "seldom": sign(replace(checkout, chance=2**30), device.SERVER),
        "work": sign(desk.checkout(device.task(algorithm=Spec.of(Long()))), device.SERVER),
    }
    words = replace(device.signal(), asks=Asks(exact=(("domain", 10),)))
    for name, signed in false.items():
        desk.bundles["words"] = encode(Bundle((signed,)))
        one = device.agreed(desk, words, names={**device.NAMES, Long.NAME: Long})
        yield f"{name}: {[step.code for step in one.refresh(device.NOW)]}, {len(one.offers())} on offer"
    desk.bundles.clear()
    opening = device.opening_of(sign(checkout, device.SERVER))
    desk.openings = encode(Openings((sign(replace(opening, chance=2**31), device.SERVER),)))
    yield str([step.code for step in device.agent(desk).refresh(device.NOW)])
    desk.down = PeerError("unavailable", "\u202ewait \x1b[31m")
    yield from (repr(step.text) for step in device.agent(desk).refresh(device.NOW))


def silence() -> Iterator[str]:
    """Apps that cannot read their own events; Terms that allow silence; where the store is while one computes."""

    def raising(events: Any) -> Any:
        if events:
            raise KeyError("word")
        return {"category": np.array([device.NOTHING])}

    for immediate in (True, False):
        desk = device.Desk(device.task())
        one = device.agreed(desk, replace(device.signal(immediate=immediate), examples=raising))
        yield tried(lambda one=one: one.record(device.typed("hello"), device.NOW))
        yield from turn(one, desk, device.NOW)
    desk = device.Desk(device.task(reports_per_day=4))
    yield from turn(device.agreed(desk), desk, device.NOW)  # a day without a word
    store, busy = Watched(), list[bool]()

    def watching(events: Any) -> Any:
        busy.append(store._open)
        return {"category": np.array([device.NOTHING])}

    desk = device.Desk(device.task(sending_is_visible=True))
    one = device.agreed(desk, replace(device.signal(immediate=False), examples=watching), store=store)
    one.record(device.typed("hello"), device.NOW)
    yield from turn(one, desk, device.NOW)
    yield f"{busy}, {store.transactions} transactions"
    yield from _other_questions()


def _other_questions() -> Iterator[str]:
    """A question that changes while records wait."""

    for level in (1, 2):
        desk = device.Desk(device.task(algorithm=Spec.of(Level())))
        ask = desk.checkout
        desk.checkout = lambda one, ask=ask: ask(one, params={"level": np.array([1])})
        one = device.agreed(desk, names={**device.NAMES, Level.NAME: Level}, entropy=SeededEntropy(4))
        one.record(device.typed("hello"), device.NOW)
        desk.checkout = lambda one, ask=ask, level=level: ask(one, params={"level": np.array([level])})
        yield from turn(one, desk, device.NOW)
