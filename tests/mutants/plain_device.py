"""A device's week, as lists of what happened: consent, words, silence, lost answers, clocks, an older store."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from choral.device import Agent, Conditions, Unreachable
from choral.device.judging import MOST_OPERATIONS
from choral.device.keys import KeyFile
from choral.device.signal import Asks
from choral.errors import PeerError
from choral.learning import Count
from choral.learning.schema import Work
from choral.mechanisms import RandomizedResponse
from choral.numerics import SeededEntropy
from choral.protocol import Bundle, Openings, Spec, encode, sign
from choral.storage.device_memory import MemoryDeviceStore
from choral.storage.device_sqlite import SqliteDeviceStore
from tests.device import setting as device
from tests.mutants.telling import tried

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


def consent() -> Iterator[str]:
    """Events before a yes, a yes, a no."""
    for immediate in (True, False):
        desk = device.Desk(device.task())
        one = device.agent(desk, device.signal(immediate=immediate))
        one.refresh(device.NOW)
        yield tried(lambda one=one: one.record(device.typed("hello"), device.NOW))
        yield _rows(one)
        one.agree(desk.tasks[0].terms.hash, device.NOW)
        one.record(device.typed("hello"), device.NOW)
        yield from _turn(one, desk, device.NOW)
        with one.store.transaction() as tx:
            old = [(name, *row) for name in ("consents", "outbox") for row in tx.scan(name)]
        one.withdraw(desk.tasks[0].terms.hash)
        yield _rows(one)
        with one.store.transaction() as tx:
            for row in old:
                tx.put(*row)
        yield from _turn(device.agent(desk, store=one.store), desk, device.NOW + 8 * HOUR)
        one.forget()
        yield _rows(one)
    yield from _a_no_meanwhile()


def _a_no_meanwhile() -> Iterator[str]:
    """A no while a report is made, and one while it is about to be sent."""
    for late in (False, True):
        desk = device.Desk(device.task())
        one = device.agreed(desk, device.signal(immediate=False))
        other = device.agent(desk, store=one.store)
        words = one.signals[0].examples

        def examples(events: Any, late: bool = late, other: Agent = other, words: Any = words) -> Any:
            if events and not late:
                other.withdraw(device.task().terms.hash)
            return words(events)

        object.__setattr__(one.signals[0], "examples", examples)
        one.record(device.typed("hello"), device.NOW)
        yield from _turn(one, desk, device.NOW)
        if late:
            with other._store.transaction() as tx:
                for key, _ in list(tx.scan("consents")):
                    tx.delete("consents", key)
        yield from _turn(one, desk, device.NOW + 8 * HOUR)


def week() -> Iterator[str]:
    """Statistics and training, with some words each day but one, with a day on battery and one of a full budget."""
    tasks = (device.task(reports_per_day=2, reports_for_life=8), device.task("other", retention_days=2))
    desk = device.Desk(*tasks)
    release = device.task("model", advance="release", rounds_open=100, chance=2**31)
    desk.tasks.append(release)
    signals = (device.signal(limit=2), device.signal("other", immediate=False), device.signal("model", immediate=False))
    one = device.agreed(desk, *signals, budget=device.Budget.nats(day=100, year=100, life=26))
    for day in range(7):
        desk.now = device.NOW + day * DAY
        for name in ("words", "other", "model"):
            for length in range(0 if day == 3 else 4):
                one.record(device.typed("x" * length, name), desk.now)
        yield from _turn(one, desk, desk.now)
        yield from _turn(one, desk, desk.now + 8 * HOUR, ON_BATTERY if day == 1 else device.READY)
    one.tick(device.NOW + 40 * DAY, device.BUSY)
    yield _rows(one)


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
        yield from _turn(one, desk, device.NOW)
    store, busy = Watched(), list[bool]()

    def watching(events: Any) -> Any:
        busy.append(store._open)
        return {"category": np.array([device.NOTHING])}

    desk = device.Desk(device.task(sending_is_visible=True))
    one = device.agreed(desk, replace(device.signal(immediate=False), examples=watching), store=store)
    one.record(device.typed("hello"), device.NOW)
    yield from _turn(one, desk, device.NOW)
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
        yield from _turn(one, desk, device.NOW)


def lost_answers() -> Iterator[str]:
    """Answers that are lost for a day, then a refusal for good."""
    desk = device.Desk(device.task())
    one = device.agreed(desk)
    one.record(device.typed("hello"), device.NOW)
    one.tick(device.NOW, device.READY)
    desk.down, desk.lose_answers = Unreachable("the answer was lost"), True
    for hours in range(7, 20):
        one.tick(device.NOW + hours * HOUR, device.BUSY)
    yield f"{len(set(desk.received))} reports, {_rows(one)}"
    desk.down = PeerError("round-closed", "too late")
    one.tick(device.NOW + 30 * HOUR, device.BUSY)
    yield f"{_rows(one)}, paid {_paid(one)}"


def clocks() -> Iterator[str]:
    """A clock set back, a server a round and many rounds ahead, a round whose check-out is a day old."""
    desk = device.Desk(device.task())
    one = device.agreed(desk, device.signal(), device.signal("other"))
    for days in (2, 1, 0, 3):
        desk.now = device.NOW + days * DAY
        yield from _turn(one, desk, desk.now)
        desk.tasks = [device.task(), device.task("other")]
        one.refresh(desk.now)
        one.agree(desk.tasks[1].terms.hash, desk.now)
    for ahead in (1, 5):
        desk = device.Desk(device.task())
        desk.now = device.NOW + ahead * DAY
        one = device.agreed(desk)
        yield from _turn(one, desk, device.NOW)


def older_store() -> Iterator[str]:
    """A backup put back; a store forgotten."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vault = KeyFile(folder / "key")
        first = vault.key()
        store = SqliteDeviceStore(folder / "s", first, renew=vault.renew)
        desk = device.Desk(device.task())
        one = device.agreed(desk, store=store, witness=vault)
        store.close()
        copy = (folder / "s").read_bytes()
        store = SqliteDeviceStore(folder / "s", vault.key(), renew=vault.renew)
        one = device.agent(desk, store=store, witness=vault)
        yield from _turn(one, desk, device.NOW)
        store.close()
        for path in folder.glob("s*"):
            path.unlink()
        (folder / "s").write_bytes(copy)
        store = SqliteDeviceStore(folder / "s", vault.key(), renew=vault.renew)
        one = device.agent(desk, store=store, witness=vault)
        yield from _turn(one, desk, device.NOW)
        yield f"paid {_paid(one)}"
        one.forget()
        store.close()
        yield f"paid {_paid_of(folder, vault)}, opens with its old key: {_opens(folder / 's', first)}"


def _turn(one: Agent, desk: Any, now: Any, conditions: Conditions = device.READY) -> Iterator[str]:
    yield f"{now:%d %H:%M} {[(step.kind, step.code, step.signal) for step in one.tick(now, conditions)]}"
    said = [(row.payload.hex(), row.due) for row in one.waiting()]
    yield f"{len(desk.received)} received, {said} wait, paid {_paid(one)}, {_rows(one)}"


def _paid(one: Agent) -> str:
    ledger = one.ledger()
    return str([(row.trust, row.life_micro, dict(row.days)) for row in ledger.accounts])


def _paid_of(folder: Path, vault: KeyFile) -> str:
    store = SqliteDeviceStore(folder / "s", vault.key())
    try:
        return _paid(device.agent(device.Desk(), store=store))
    finally:
        store.close()


def _opens(path: Path, key: bytes) -> str:
    return tried(lambda: SqliteDeviceStore(path, key).close())


def _rows(one: Agent) -> str:
    return str({name: len(rows) for name, rows in device.dump(one.store).items() if rows})
