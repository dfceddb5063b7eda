"""How plain runs tell what an act came to."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from choral.device import Agent, Conditions
from choral.device.keys import KeyFile
from choral.errors import ChoralError
from choral.storage.device_sqlite import SqliteDeviceStore
from tests.device import setting as device


def tried(act: Callable[[], Any]) -> str:
    """What it answers, or what refused it."""
    try:
        return str(act())
    except ChoralError as error:
        return type(error).__name__


def turn(one: Agent, desk: Any, now: Any, conditions: Conditions = device.READY) -> Iterator[str]:
    """One turn of the device: its steps, what waits, what is paid, which rows there are."""
    yield f"{now:%d %H:%M} {[(step.kind, step.code, step.signal) for step in one.tick(now, conditions)]}"
    said = [(row.payload.hex(), row.due) for row in one.waiting()]
    yield f"{len(desk.received)} received, {said} wait, paid {paid_by(one)}, {rows_of(one)}"


def paid_by(one: Agent) -> str:
    """What its accounts were charged, for life and by day."""
    ledger = one.ledger()
    return str([(row.trust, row.life_micro, dict(row.days)) for row in ledger.accounts])


def paid_of(folder: Path, vault: KeyFile) -> str:
    """The same of a store in a folder."""
    store = SqliteDeviceStore(folder / "s", vault.key())
    try:
        return paid_by(device.agent(device.Desk(), store=store))
    finally:
        store.close()


def opens(path: Path, key: bytes) -> str:
    """Whether a store opens with this key."""
    return tried(lambda: SqliteDeviceStore(path, key).close())


def rows_of(one: Agent) -> str:
    """How many rows each of its tables has."""
    return str({name: len(rows) for name, rows in device.dump(one.store).items() if rows})
