"""A story happens in a World, one op after the other; after each, every promise is checked.

What breaks one is a story to keep.
"""

from collections.abc import Iterable
from typing import Any

from choral.simulation.deeds import DEEDS
from choral.simulation.duties import DUTIES
from choral.simulation.invariants import check
from choral.simulation.memory import require
from choral.simulation.ops import Kind, Op
from choral.simulation.world import World

HAPPENS = {**DEEDS, **DUTIES}
OF_ONE_TASK = (Kind.SHUFFLE, Kind.STREAM, Kind.RELEASE, Kind.CLOSE, Kind.ROLL_BACK)


def run(world: World, ops: Iterable[Op]) -> None:
    """All of a story; Broken at the first op after which a promise does not hold."""
    for op in ops:
        step(world, op)


def step(world: World, op: Op) -> None:
    """One thing happens; Broken if a promise does not hold after it."""
    device = world.devices[op.device % len(world.devices)]
    alone = op.kind in OF_ONE_TASK and world.faults.meanwhile is None
    before = _ledgers(world) if alone else {}
    device.store.running = True
    HAPPENS[op.kind](world, device, op.amount)
    device.store.running = False
    if world.faults.died:
        world.memory.deaths.append(world.faults.died)
        world.restart_server()
    device.latest = max(device.latest, device.clock(world.now))
    if alone:
        changed = [task for task, ledger in _ledgers(world).items() if ledger != before[task]]
        require(len(changed) <= 1, f"{op.kind.value} touched {len(changed)} tasks")
    check(world)


def _ledgers(world: World) -> dict[bytes, Any]:
    """Everything that the server's ledger says, by task."""
    store = world.faults.inner
    tasks = [one.hash for one in world.asked]
    return {task: (store.head(task), store.batches(task), store.versions(task), store.audit(task)) for task in tasks}
