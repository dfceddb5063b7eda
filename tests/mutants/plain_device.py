"""A device's week, as lists of what happened: consent, words, silence, lost answers, clocks, an older store."""

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from choral.device import Agent, Conditions, Unreachable
from choral.device.keys import KeyFile
from choral.errors import PeerError
from choral.storage.device_sqlite import SqliteDeviceStore
from tests.device import setting as device
from tests.mutants.telling import opens, paid_by, paid_of, rows_of, tried, turn

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ON_BATTERY = Conditions(idle=True, charging=False, unmetered=True)


def consent() -> Iterator[str]:
    """Events before a yes, a yes, a no."""
    for immediate in (True, False):
        desk = device.Desk(device.task())
        one = device.agent(desk, device.signal(immediate=immediate))
        one.refresh(device.NOW)
        yield tried(lambda one=one: one.record(device.typed("hello"), device.NOW))
        yield rows_of(one)
        one.agree(desk.tasks[0].terms.hash, device.NOW)
        one.record(device.typed("hello"), device.NOW)
        yield from turn(one, desk, device.NOW)
        with one.store.transaction() as tx:
            old = [(name, *row) for name in ("consents", "outbox") for row in tx.scan(name)]
        one.withdraw(desk.tasks[0].terms.hash)
        yield rows_of(one)
        with one.store.transaction() as tx:
            for row in old:
                tx.put(*row)
        yield from turn(device.agent(desk, store=one.store), desk, device.NOW + 8 * HOUR)
        one.forget()
        yield rows_of(one)
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
        yield from turn(one, desk, device.NOW)
        if late:
            with other._store.transaction() as tx:
                for key, _ in list(tx.scan("consents")):
                    tx.delete("consents", key)
        yield from turn(one, desk, device.NOW + 8 * HOUR)


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
        yield from turn(one, desk, desk.now)
        yield from turn(one, desk, desk.now + 8 * HOUR, ON_BATTERY if day == 1 else device.READY)
    one.tick(device.NOW + 40 * DAY, device.BUSY)
    yield rows_of(one)


def lost_answers() -> Iterator[str]:
    """Answers that are lost for a day, then a refusal for good."""
    desk = device.Desk(device.task())
    one = device.agreed(desk)
    one.record(device.typed("hello"), device.NOW)
    one.tick(device.NOW, device.READY)
    desk.down, desk.lose_answers = Unreachable("the answer was lost"), True
    for hours in range(7, 20):
        one.tick(device.NOW + hours * HOUR, device.BUSY)
    yield f"{len(set(desk.received))} reports, {rows_of(one)}"
    desk.down = PeerError("round-closed", "too late")
    one.tick(device.NOW + 30 * HOUR, device.BUSY)
    yield f"{rows_of(one)}, paid {paid_by(one)}"


def clocks() -> Iterator[str]:
    """A clock set back, a server a round and many rounds ahead, a round whose check-out is a day old."""
    desk = device.Desk(device.task())
    one = device.agreed(desk, device.signal(), device.signal("other"))
    for days in (2, 1, 0, 3):
        desk.now = device.NOW + days * DAY
        yield from turn(one, desk, desk.now)
        desk.tasks = [device.task(), device.task("other")]
        one.refresh(desk.now)
        one.agree(desk.tasks[1].terms.hash, desk.now)
    for ahead in (1, 5):
        desk = device.Desk(device.task())
        desk.now = device.NOW + ahead * DAY
        one = device.agreed(desk)
        yield from turn(one, desk, device.NOW)


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
        yield from turn(one, desk, device.NOW)
        store.close()
        for path in folder.glob("s*"):
            path.unlink()
        (folder / "s").write_bytes(copy)
        store = SqliteDeviceStore(folder / "s", vault.key(), renew=vault.renew)
        one = device.agent(desk, store=store, witness=vault)
        yield from turn(one, desk, device.NOW)
        yield f"paid {paid_by(one)}"
        one.forget()
        store.close()
        yield f"paid {paid_of(folder, vault)}, opens with its old key: {opens(folder / 's', first)}"
