"""The whole system in one process: real agents, the real application, a clock that only ops move, and faults on demand.

Knows both halves and every fault. After each op all promises are checked; what breaks one is a story to keep.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from choral.device import Agent, InProcessTransport
from choral.numerics import SeededEntropy
from choral.protocol import Task, sign
from choral.server import application, publish_task
from choral.simulation.deeds import DEEDS
from choral.simulation.faults import CrashingDeviceStore, CrashingStore, FaultyTransport, Wire
from choral.simulation.invariants import Memory, check
from choral.simulation.ops import Kind, Op
from choral.simulation.setting import DAY, NAMES, START, Setting, serial_signal, signing_key
from choral.storage import MemoryDeviceStore, MemoryServerStore, ServerStore

SERVER_STREAM = 1_000_000  # the server's entropy, far from the devices'


@dataclass(slots=True)
class Device:
    """One person's device with its faults; `behind`: seconds that its clock is behind.

    first_day: the earliest that its clock showed before its first report, days since 1970; latest: the latest ever
    """

    agent: Agent
    store: CrashingDeviceStore
    transport: FaultyTransport
    first_day: int
    latest: datetime
    behind: int = 0

    def clock(self, now: datetime) -> datetime:
        """What this device takes the time to be."""
        return now - timedelta(seconds=self.behind)


@dataclass(slots=True)
class World:
    """Everything there is: `World.begin(...)`, then `step` after `step`, then `close`.

    open_store: opens the server's store, again after each crash: what it holds then is what was durable
    """

    setting: Setting
    open_store: Callable[[], ServerStore]
    task: Task
    faults: CrashingStore
    entropy: SeededEntropy
    now: datetime = START + timedelta(days=3)
    road: InProcessTransport | None = None
    devices: list[Device] = field(default_factory=list)
    wire: Wire = field(default_factory=Wire)
    memory: Memory = field(default_factory=Memory)
    serial: int = 0

    @property
    def store(self) -> ServerStore:
        """The server's store as the server sees it, with its faults."""
        return cast(ServerStore, self.faults)

    @classmethod
    def begin(cls, setting: Setting | None = None, open_store: Callable[[], ServerStore] | None = None) -> "World":
        """A World whose devices have all agreed; without `open_store` its server remembers in memory."""
        setting = setting or Setting()
        reopen = open_store or _always(MemoryServerStore())
        entropy = SeededEntropy(setting.seed, stream=SERVER_STREAM)
        world = cls(setting, reopen, setting.task, CrashingStore(reopen()), entropy)
        operator = signing_key("operator")
        public = operator.public_key().public_bytes_raw()
        publish_task(
            world.faults.inner,
            sign(world.task, operator),
            operators={public},
            names=NAMES,
            server_key=world.task.server_key,
            now=world.now,
        )
        world.open_road()
        world.devices = [world._new_device(number, public) for number in range(setting.devices)]
        for number in range(setting.devices):
            world.step(Op(Kind.AGREE, number))
        return world

    def run(self, ops: Iterable[Op]) -> None:
        """All of a story; Broken at the first op after which a promise does not hold."""
        for op in ops:
            self.step(op)

    def step(self, op: Op) -> None:
        """One thing happens; Broken if a promise does not hold after it."""
        device = self.devices[op.device % len(self.devices)]
        device.store.running = True
        DEEDS[op.kind](self, device, op.amount)
        device.store.running = False
        if self.faults.died:
            self.restart_server()
        device.latest = max(device.latest, device.clock(self.now))
        check(self)

    def close(self) -> None:
        """Let go of the event loop and the store."""
        if self.road is not None:
            self.road.close()
            self.road = None
        self.faults.inner.close()

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _new_device(self, number: int, operator: bytes) -> Device:
        store = CrashingDeviceStore(MemoryDeviceStore())
        transport = FaultyTransport(self.open_road, self.wire, number)
        agent = Agent(
            store=store,
            signals=(serial_signal(),),
            names=NAMES,
            operators=frozenset({operator}),
            transport=transport,
            entropy=SeededEntropy(self.setting.seed, stream=number),
            budget=self.setting.budget,
        )
        return Device(agent, store, transport, int(self.now.timestamp()) // DAY, self.now)

    def open_road(self) -> InProcessTransport:
        """The road to the server as it runs now."""
        if self.road is None:
            app = application(
                self.store,
                server_key=signing_key("server"),
                operators={signing_key("operator").public_key().public_bytes_raw()},
                operator_token="world",  # noqa: S106  # nobody can reach it
                names=NAMES,
                clock=lambda: self.now,
                entropy=self.entropy,
            )
            self.road = InProcessTransport(app)
        return self.road

    def restart_server(self) -> None:
        """The server's process ends, and another one opens what the store holds."""
        self.close()
        self.faults = CrashingStore(self.open_store())


def _always(store: ServerStore) -> Callable[[], ServerStore]:
    return lambda: store
