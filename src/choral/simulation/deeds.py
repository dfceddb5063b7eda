"""How each op is done: by the same calls that an app, a person, a network or an operator's loop would make."""

# ruff: noqa: ARG001  # all deeds have one signature: the world, the op's device, the op's amount
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from choral.device import Conditions, Event
from choral.engines import Serial
from choral.errors import ChoralError, PeerError
from choral.server import close_once, release_once, shuffle_once
from choral.simulation.faults import Crash
from choral.simulation.invariants import require_welcome
from choral.simulation.ops import Kind
from choral.simulation.setting import NAMES, NOTHING, SERIAL, shuffler_key, signing_key

if TYPE_CHECKING:
    from choral.simulation.world import Device, World

LEISURE = Conditions(idle=True, charging=True, unmetered=True)


def _record(world: "World", device: "Device", amount: int) -> None:
    if world.serial < NOTHING:
        event = Event(SERIAL, device.clock(world.now), {"serial": world.serial})
        world.serial += 1
        with suppress(ChoralError):
            device.agent.record(event, device.clock(world.now))


def _tick(world: "World", device: "Device", amount: int) -> None:
    try:
        device.agent.tick(device.clock(world.now), LEISURE)
    except Crash:
        _restart_device(world, device, 0)


def _advance(world: "World", device: "Device", amount: int) -> None:
    world.now += timedelta(seconds=max(amount, 0))


def _clock_back(world: "World", device: "Device", amount: int) -> None:
    device.behind += amount


def _agree(world: "World", device: "Device", amount: int) -> None:
    with suppress(ChoralError):
        device.agent.refresh(device.clock(world.now))
        for offer in device.agent.offers():
            device.agent.agree(offer.terms_hash, device.clock(world.now))


def _withdraw(world: "World", device: "Device", amount: int) -> None:
    with suppress(Crash):
        device.agent.withdraw(world.task.terms.hash)


def _drop_request(world: "World", device: "Device", amount: int) -> None:
    device.transport.drop_request = True


def _drop_response(world: "World", device: "Device", amount: int) -> None:
    device.transport.drop_response = True


def _crash_device(world: "World", device: "Device", amount: int) -> None:
    device.store.countdown = max(amount, 0)


def _restart_device(world: "World", device: "Device", amount: int) -> None:
    device.agent = replace(device.agent)


def _replay(world: "World", device: "Device", amount: int) -> None:
    captured = list(world.wire.sent.items())
    if not captured:
        return
    name, report = captured[amount % len(captured)]
    world.wire.delivered.add(name)
    try:
        world.open_road().send(report)
        world.wire.acknowledged.add(name)
    except PeerError as error:
        require_welcome(world, name, error)


def _shuffle(world: "World", device: "Device", amount: int) -> None:
    with suppress(Crash):
        shuffle_once(world.store, shuffler_key(), names=NAMES, entropy=world.entropy, now=world.now)


def _release(world: "World", device: "Device", amount: int) -> None:
    with suppress(Crash):
        release_once(
            world.store,
            signing_key("server"),
            names=NAMES,
            engine=Serial(),
            entropy=world.entropy,
            now=world.now,
        )


def _close_round(world: "World", device: "Device", amount: int) -> None:
    with suppress(Crash):
        close_once(world.store, now=world.now)


def _crash_before(world: "World", device: "Device", amount: int) -> None:
    world.faults.before = True


def _crash_after(world: "World", device: "Device", amount: int) -> None:
    world.faults.after = True


def _restart(world: "World", device: "Device", amount: int) -> None:
    world.restart_server()


DEEDS: dict[Kind, Callable[["World", "Device", int], None]] = {
    Kind.RECORD: _record,
    Kind.TICK: _tick,
    Kind.ADVANCE: _advance,
    Kind.CLOCK_BACK: _clock_back,
    Kind.AGREE: _agree,
    Kind.WITHDRAW: _withdraw,
    Kind.DROP_REQUEST: _drop_request,
    Kind.DROP_RESPONSE: _drop_response,
    Kind.CRASH_DEVICE: _crash_device,
    Kind.RESTART_DEVICE: _restart_device,
    Kind.REPLAY: _replay,
    Kind.SHUFFLE: _shuffle,
    Kind.RELEASE: _release,
    Kind.CLOSE: _close_round,
    Kind.CRASH_BEFORE_COMMIT: _crash_before,
    Kind.CRASH_AFTER_COMMIT: _crash_after,
    Kind.RESTART_SERVER: _restart,
}
