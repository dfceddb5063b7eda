"""What the server's operator does in a World: the duties of its loops, publications, roll-backs; and mishaps at them."""

# ruff: noqa: ARG001  # all deeds have one signature: the world, the op's device, the op's amount
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import numpy as np

from choral.engines import Serial
from choral.errors import PeerError
from choral.protocol import Release, sign
from choral.server import TaskBook, close_once, publish_release, release_once, shuffle_once, stream_once
from choral.server.versions import roll_back
from choral.simulation.faults import WRITES, Crash
from choral.simulation.ops import Kind
from choral.simulation.setting import NAMES, shuffler_key, signing_key
from choral.simulation.world import OPERATOR, Device, World
from choral.storage import LeaseLost

MOST_PUBLISHED = 8  # tasks of the signal that no device has


def _shuffle(world: World, device: Device, amount: int) -> None:
    with suppress(Crash, LeaseLost):
        shuffle_once(world.store, shuffler_key(), names=NAMES, entropy=world.entropy, now=world.now)


def _stream(world: World, device: Device, amount: int) -> None:
    with suppress(Crash, LeaseLost):
        stream_once(TaskBook(world.store, NAMES), shuffler_key(), entropy=world.entropy, now=world.now)


def _release(world: World, device: Device, amount: int) -> None:
    key = signing_key("server")
    with suppress(Crash, LeaseLost):
        release_once(world.store, key, names=NAMES, engine=Serial(), entropy=world.entropy, now=world.now)


def _close_round(world: World, device: Device, amount: int) -> None:
    with suppress(Crash):
        close_once(world.store, now=world.now)


def _publish(world: World, device: Device, amount: int) -> None:
    number = amount % MOST_PUBLISHED
    data = Release(bytes(32), number, "dictionary", 0, 1, (), {"names": np.arange(number + 1, dtype=np.uint8)})
    silent = replace(world.task, terms=replace(world.task.terms, signal="world.silent"), revision=number)
    with suppress(Crash, PeerError):  # an expired task is refused
        signed = sign(data, signing_key("operator"))
        world.memory.published.add(publish_release(world.store, signed, operators={OPERATOR}))
        world.memory.published.add(world.publish(silent, world.store))


def _roll_back(world: World, device: Device, amount: int) -> None:
    learnt = world.asked[1:]
    if learnt:
        task = learnt[amount % len(learnt)].hash
        versions = world.faults.inner.versions(task)
        with suppress(Crash, PeerError):  # a version that was refused, or is current
            roll_back(TaskBook(world.store, NAMES), task, amount // len(learnt) % max(len(versions), 1), now=world.now)


def _stall(world: World, device: Device, amount: int) -> None:
    world.faults.meanwhile = partial(_other_worker, world, device, amount)


def _other_worker(world: World, device: Device, amount: int) -> None:
    world.now += timedelta(seconds=max(amount, 0))
    for duty in (_shuffle, _stream, _release, _close_round):
        duty(world, device, 0)


def _roll_back_meanwhile(world: World, device: Device, amount: int) -> None:
    world.faults.meanwhile = partial(_roll_back, world, device, amount)


def _crash_before(world: World, device: Device, amount: int) -> None:
    world.faults.before = _named(amount)


def _crash_after(world: World, device: Device, amount: int) -> None:
    world.faults.after = _named(amount)


def _restart(world: World, device: Device, amount: int) -> None:
    world.restart_server()


def _named(amount: int) -> str:
    """Which write to die at; empty for the next one, whichever it is."""
    return ("", *WRITES)[amount % (len(WRITES) + 1)]


DUTIES: dict[Kind, Callable[[World, Device, int], None]] = {
    Kind.PUBLISH: _publish,
    Kind.ROLL_BACK: _roll_back,
    Kind.SHUFFLE: _shuffle,
    Kind.STREAM: _stream,
    Kind.RELEASE: _release,
    Kind.CLOSE: _close_round,
    Kind.STALL: _stall,
    Kind.ROLL_BACK_MEANWHILE: _roll_back_meanwhile,
    Kind.CRASH_BEFORE_COMMIT: _crash_before,
    Kind.CRASH_AFTER_COMMIT: _crash_after,
    Kind.RESTART_SERVER: _restart,
}
