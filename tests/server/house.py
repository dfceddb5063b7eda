"""A small server's world: keys, a store, a clock that is set by hand, tasks and reports made as devices make them."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from choral.engines import Serial
from choral.learning import ALGORITHMS, Count
from choral.mechanisms import MECHANISMS, RandomizedResponse
from choral.numerics import SeededEntropy
from choral.protocol import BatchRule, Spec, Task, Terms, encode, seal, sign
from choral.server import TaskBook, application, close_once, ingest, publish_task, release_once, shuffle_once
from choral.storage import MemoryServerStore, ServerStore

NAMES = {**MECHANISMS, **ALGORITHMS}
START = 1_800_000_000
DAY = 86_400
TOKEN = "the operator's token"
OPERATOR = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
SERVER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
SHUFFLER = X25519PrivateKey.from_private_bytes(b"x" * 32)
RESPONSE = RandomizedResponse.for_epsilon(2.0, 50)


def at(second: float) -> datetime:
    """The time so many seconds after the task's start."""
    return datetime.fromtimestamp(START + second, UTC)


def make_task(**changes: Any) -> Task:
    """A task of days, one report a device and day; `changes` go to wherever a field of that name is."""
    terms = Terms("To know", "emoji", "one emoji", "nobody", 2_000_001, 1, 7, 3, 30)
    rule = BatchRule(minimum=3, goal=100, rounds_open=2, round_seconds=DAY, advance="time")
    parts: dict[str, Any] = {}
    for name, part in (("terms", terms), ("rule", rule)):
        mine = {key: changes.pop(key) for key in list(changes) if hasattr(part, key) and key != "minimum"}
        if "minimum" in changes:
            mine["minimum"] = changes["minimum"]
        parts[name] = replace(part, **mine)
    changes.pop("minimum", None)
    task = Task(
        terms,
        Spec.of(RESPONSE),
        Spec.of(Count()),
        rule,
        revision=0,
        start=START,
        expires=START + 10 * DAY,
        delay_seconds=3_600,
        chance=2**32,
        shuffler_key=SHUFFLER.public_key().public_bytes_raw(),
        server_key=SERVER.public_key().public_bytes_raw(),
        reviewer="nobody yet",
    )
    return replace(task, **parts, **changes)


@dataclass
class House:
    """A server in this process, its duties called by hand."""

    store: ServerStore = field(default_factory=MemoryServerStore)
    second: float = 0.0

    @property
    def now(self) -> datetime:
        return at(self.second)

    @property
    def book(self) -> TaskBook:
        return TaskBook(self.store, NAMES)

    def publish(self, task: Task, key: Ed25519PrivateKey = OPERATOR) -> bytes:
        return publish_task(
            self.store,
            sign(task, key),
            operators={OPERATOR.public_key().public_bytes_raw()},
            names=NAMES,
            server_key=SERVER.public_key().public_bytes_raw(),
            now=self.now,
        )

    def ingest(self, bodies: Iterable[bytes]) -> None:
        book = self.book
        for body in bodies:
            ingest(book, body, self.now)

    def shuffle(self, seed: int = 1) -> Any:
        return shuffle_once(self.store, SHUFFLER, names=NAMES, entropy=SeededEntropy(seed), now=self.now)

    def release(self) -> Any:
        return release_once(self.store, SERVER, names=NAMES, engine=Serial(), entropy=SeededEntropy(2), now=self.now)

    def close(self) -> Any:
        return close_once(self.store, now=self.now)

    def application(self) -> Any:
        return application(
            self.store,
            server_key=SERVER,
            operators={OPERATOR.public_key().public_bytes_raw()},
            operator_token=TOKEN,
            names=NAMES,
            clock=lambda: self.now,
            entropy=SeededEntropy(3),
        )

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.converse(lambda client: client.request(method, path, **more))

    def converse(self, talk: Callable[[httpx.AsyncClient], Any]) -> Any:
        async def run() -> Any:
            transport = httpx.ASGITransport(self.application(), client=("203.0.113.7", 4711))
            async with httpx.AsyncClient(transport=transport, base_url="http://choral.test") as client:
                return await talk(client)

        return asyncio.run(run())


def report(task: Task, number: int, round_: int = 0, category: int | None = None) -> bytes:
    """A sealed report; its randomized answer is seeded by `number`, or is `category` itself."""
    if category is None:
        payload = RESPONSE.randomize(np.array([number % 7]), SeededEntropy(number))
    else:
        payload = np.array([(category,)], RESPONSE.payload)
    return seal(payload.tobytes(), task.hash, round_, task.shuffler_key).to_bytes()


def garbage(task: Task, number: int, round_: int = 0) -> bytes:
    """A report of the right size that no seal fits."""
    body = bytearray(report(task, number, round_))
    body[-1] ^= 1
    return bytes(body)


def posted(task: Task, key: Ed25519PrivateKey = OPERATOR) -> bytes:
    """A task as it is posted."""
    return encode(sign(task, key))
