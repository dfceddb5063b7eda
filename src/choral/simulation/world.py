"""The whole system in one process: real agents, the real application, a clock that only ops move, and faults on demand.

Knows both halves and what they stand on. Leaves to story.py what happens, to invariants.py what must hold.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from choral.device import Agent, InProcessTransport
from choral.device.checkouts import CheckoutBook
from choral.device.ledger import DAY
from choral.numerics import SeededEntropy
from choral.protocol import Report, Task, sign, unseal
from choral.server import application, publish_release, publish_task
from choral.server.tasks import Known, known
from choral.simulation.faults import CrashingDeviceStore, CrashingStore, FaultyTransport, Wire
from choral.simulation.memory import Memory
from choral.simulation.setting import NAMES, Setting, shuffler_key, signing_key
from choral.simulation.training import START, InProcessIssuer
from choral.storage import MemoryDeviceStore, MemoryServerStore, ServerStore

SERVER_STREAM = 1_000_000  # the server's entropy, far from the devices'
OPERATOR = signing_key("operator").public_key().public_bytes_raw()


def _book() -> CheckoutBook:
    return CheckoutBook(names=NAMES, operators=frozenset({OPERATOR}))


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

    def agree(self, now: datetime) -> None:
        """This person says yes to everything on offer."""
        self.agent.refresh(self.clock(now))
        for offer in self.agent.offers():
            self.agent.agree(offer.terms_hash, self.clock(now))


@dataclass(slots=True)
class World:
    """Everything there is: `World.begin(...)`, then `run` a story in it, then `close`.

    open_store: opens the server's store, again after each crash: what it holds then is what was durable
    asked: the tasks that the devices are asked, the count first; terms: hashes of their Terms, by theirs
    book: opened check-outs, which agents of one process may share
    """

    setting: Setting
    open_store: Callable[[], ServerStore]
    asked: tuple[Known, ...]
    terms: Mapping[bytes, bytes]
    faults: CrashingStore
    entropy: SeededEntropy
    now: datetime = START + timedelta(days=3)
    book: CheckoutBook = field(default_factory=_book)
    road: InProcessTransport | None = None
    devices: list[Device] = field(default_factory=list)
    wire: Wire = field(default_factory=Wire)
    memory: Memory = field(default_factory=Memory)
    serial: int = 0

    @property
    def store(self) -> ServerStore:
        """The server's store as the server sees it, with its faults."""
        return cast(ServerStore, self.faults)

    @property
    def task(self) -> Task:
        """The count."""
        return self.asked[0].task

    @classmethod
    def begin(
        cls, setting: Setting | None = None, open_store: Callable[[], ServerStore] | None = None, *, agreed: bool = True
    ) -> "World":
        """A World whose devices have all agreed, unless told otherwise; without `open_store` its server remembers in memory."""
        setting = setting or Setting()
        reopen = open_store or _always(MemoryServerStore())
        entropy = SeededEntropy(setting.seed, stream=SERVER_STREAM)
        asked = tuple(known(sign(task, signing_key("operator")), NAMES) for task in setting.tasks)
        terms = {one.hash: one.task.terms.hash for one in asked}
        world = cls(setting, reopen, asked, terms, CrashingStore(reopen()), entropy)
        for release in setting.public:
            publish_release(world.faults.inner, sign(release, signing_key("operator")), operators={OPERATOR})
        for task in setting.tasks:
            world.publish(task, world.faults.inner)
        for number in range(setting.devices):
            world.devices.append(world._new_device(number))
            if agreed:
                world.devices[number].agree(world.now)
        return world

    def publish(self, task: Task, store: ServerStore) -> bytes:
        """The task's hash, once it is published."""
        signed = sign(task, signing_key("operator"))
        return publish_task(store, signed, operators={OPERATOR}, names=NAMES, server_key=task.server_key, now=self.now)

    def payload(self, name: bytes) -> bytes:
        """What a report says, unsealed once."""
        if name not in self.memory.payloads:
            report = Report.from_bytes(self.wire.sent[name])
            size = next(one.payload_size for one in self.asked if one.hash == report.task)
            self.memory.payloads[name] = unseal(report, size, shuffler_key())
        return self.memory.payloads[name]

    def open_road(self) -> InProcessTransport:
        """The road to the server as it runs now."""
        if self.road is None:
            app = application(
                self.store,
                server_key=signing_key("server"),
                operators={OPERATOR},
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

    def _new_device(self, number: int) -> Device:
        store = CrashingDeviceStore(MemoryDeviceStore())
        transport = FaultyTransport(self.open_road, self.wire, number)
        entropy, key = SeededEntropy(self.setting.seed, stream=number), self.setting.issuer
        agent = Agent(
            store=store,
            signals=self.setting.signals,
            names=NAMES,
            operators=frozenset({OPERATOR}),
            transport=transport,
            entropy=entropy,
            budget=self.setting.budget,
            issuer=None if key is None else InProcessIssuer(key, entropy),
            book=self.book,
        )
        return Device(agent, store, transport, int(self.now.timestamp()) // DAY, self.now)


def _always(store: ServerStore) -> Callable[[], ServerStore]:
    return lambda: store
