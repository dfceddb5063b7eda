"""What apps, people, networks and strangers do in a World: by the same calls that they would make."""

# ruff: noqa: ARG001  # all deeds have one signature: the world, the op's device, the op's amount
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from choral.device import Conditions, Event
from choral.device.outbox import OUTBOX
from choral.errors import ChoralError, PeerError
from choral.protocol import seal
from choral.server.rounds import current_round, seconds
from choral.server.tasks import Known
from choral.simulation.faults import Crash
from choral.simulation.invariants import require_welcome
from choral.simulation.memory import require
from choral.simulation.ops import Kind
from choral.simulation.setting import NOTHING
from choral.simulation.training import SERIAL
from choral.simulation.world import Device, World

LEISURE = Conditions(idle=True, charging=True, unmetered=True)


def _record(world: World, device: Device, amount: int) -> None:
    if world.serial < NOTHING:
        event = Event(SERIAL, device.clock(world.now), {"serial": world.serial})
        world.serial += 1
        with suppress(ChoralError):
            device.agent.record(event, device.clock(world.now))


def _tick(world: World, device: Device, amount: int) -> None:
    try:
        device.agent.tick(device.clock(world.now), LEISURE)
    except Crash:
        _restart_device(world, device, 0)


def _advance(world: World, device: Device, amount: int) -> None:
    world.now += timedelta(seconds=max(amount, 0))


def _clock_back(world: World, device: Device, amount: int) -> None:
    device.behind += amount


def _agree(world: World, device: Device, amount: int) -> None:
    with suppress(ChoralError):
        device.agree(world.now)


def _withdraw(world: World, device: Device, amount: int) -> None:
    terms = world.terms[world.asked[amount % len(world.asked)].hash]
    others = _waiting_beside(device, terms)
    with suppress(Crash):
        device.agent.withdraw(terms)
    require(_waiting_beside(device, terms) == others, "a withdrawal from one task touched what waits for another")


def _waiting_beside(device: Device, terms: bytes) -> list[bytes]:
    """Reports under other Terms; a look that is none of the device's own transactions."""
    with device.store.inner.transaction() as tx:
        return [one.report for _, one in OUTBOX.scan(tx) if one.terms != terms]


def _drop_request(world: World, device: Device, amount: int) -> None:
    device.transport.drop_request = True


def _drop_response(world: World, device: Device, amount: int) -> None:
    device.transport.drop_response = True


def _crash_device(world: World, device: Device, amount: int) -> None:
    device.store.countdown = max(amount, 0)


def _restart_device(world: World, device: Device, amount: int) -> None:
    device.agent = replace(device.agent)


def _replay(world: World, device: Device, amount: int) -> None:
    captured = list(world.wire.sent.items())
    if not captured:
        return
    name, report = captured[amount % len(captured)]
    world.wire.delivered.add(name)
    try:
        world.open_road().send(report, world.wire.tokens[name])
        world.wire.acknowledged.add(name)
    except PeerError as error:
        require_welcome(world, name, error)


def _forge(world: World, device: Device, amount: int) -> None:
    known = world.asked[amount % len(world.asked)]
    row = world.faults.inner.head(known.hash)
    report = _forged(known, current_round(known.task, row.round if row else 0, seconds(world.now)))
    captured = [name for name, token in world.wire.tokens.items() if token and world.wire.places[name][0] == known.hash]
    name = captured[amount % len(captured)] if captured else b""
    world.wire.forged.add(world.wire.note(report))
    with suppress(PeerError):
        world.open_road().send(report, world.wire.tokens.get(name, b""))
        require(name not in world.wire.acknowledged, "a token was spent twice")


def _forged(known: Known, round_: int) -> bytes:
    """A report of the right size whose seal does not open."""
    sealed = seal(bytes(known.payload_size), known.hash, round_, known.task.shuffler_key).to_bytes()
    return sealed[:-1] + bytes([sealed[-1] ^ 1])


DEEDS: dict[Kind, Callable[[World, Device, int], None]] = {
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
    Kind.FORGE: _forge,
}
