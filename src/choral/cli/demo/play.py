"""What the agents of the emoji demo do; runs in processes of its own, a shard of devices at a time."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choral.apps.keyboard import dictionary, signals
from choral.apps.keyboard.population import population, week
from choral.device import Agent, Budget, Conditions, Event, SharedHttpTransport
from choral.device.checkouts import CheckoutBook
from choral.device.keys import KeyFile
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.numerics import Entropy, SystemEntropy
from choral.privacy import MICRO
from choral.storage import MemoryDeviceStore, SqliteDeviceStore

DAYS = 7
DAY = timedelta(days=1)
EPSILON = 4.0
TICK, LAST_TICK = timedelta(hours=17), timedelta(hours=23, minutes=59)
THREADS = 4  # agents of a shard that live at once, each waiting for the server's disk most of the time
LEISURE = Conditions(idle=True, charging=True, unmetered=True)


@dataclass(slots=True)
class Witness:
    """What only a demo may know: the truth behind each private record, kept by its randomized bytes."""

    truths: dict[bytes, int] = field(default_factory=dict)

    def mechanism(self, kind: type[Any]) -> Callable[..., Any]:
        """`kind`, with `randomize` telling this witness what it was given."""
        return lambda **parameters: Witnessed(kind(**parameters), self)


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A mechanism as it is, under the eyes of a witness."""

    inner: Any
    witness: Witness

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def randomize(self, values: NDArray[Any], entropy: Entropy) -> NDArray[Any]:
        """What the mechanism answers."""
        payloads: NDArray[Any] = self.inner.randomize(values, entropy)
        self.witness.truths.update(zip((one.tobytes() for one in payloads), values.tolist(), strict=True))
        return payloads


@dataclass(frozen=True, slots=True)
class Shard:
    """Devices first .. first + count of a locale; the first `on_disk` of them keep an encrypted SQLite store in `folder`."""

    locale: str
    first: int
    count: int
    on_disk: int
    seed: int
    url: str
    operator: bytes
    begin: datetime
    folder: Path


@dataclass(frozen=True, slots=True)
class Story:
    """What one device did: what it paid in nats, the reports it sent, the first one's bytes and meaning."""

    paid: float
    sent: int
    report: bytes
    meaning: str


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a shard. truth: int64[domain], what its sent reports were made from; spans: seconds by activity."""

    locale: str
    truth: NDArray[np.int64]
    devices: int
    uploads: int
    spans: dict[str, float]
    story: Story


def play(shard: Shard) -> Played:
    """Each device consents, types for seven days, and ticks once a day; its reports leave at their random times."""
    witness, spans, people = Witness(), dict[str, float](), population(shard.locale, shard.seed)
    watched: Mapping[str, Any] = {name: witness.mechanism(kind) for name, kind in MECHANISMS.items()}
    with SharedHttpTransport(shard.url, THREADS) as transport:
        book = CheckoutBook(names={**ALGORITHMS, **watched}, operators=frozenset({shard.operator}))
        agents = [_agent(shard, number, transport, book) for number in range(shard.count)]
        with ThreadPoolExecutor(THREADS) as pool:
            weeks = (week(people, shard.first + number, shard.locale, shard.begin) for number in range(shard.count))
            for spent in pool.map(partial(_live, shard), agents, weeks):
                add(spans, spent)
    sent = [report.outgoing for agent in agents for report in agent.sent()]
    truth = np.bincount([witness.truths[one.payload] for one in sent], minlength=len(dictionary()))
    return Played(shard.locale, truth, shard.count, len(sent), spans, _story(agents[0]))


def add(spans: dict[str, float], more: dict[str, float]) -> None:
    """Add seconds by activity."""
    for name, seconds in more.items():
        spans[name] = spans.get(name, 0.0) + seconds


def _agent(shard: Shard, number: int, transport: SharedHttpTransport, book: CheckoutBook) -> Agent:
    path = shard.folder / f"{shard.locale}-{shard.first + number}"
    vault = KeyFile(path.with_suffix(".key")) if number < shard.on_disk else None
    return Agent(
        store=SqliteDeviceStore(path.with_suffix(".sqlite"), vault.key()) if vault else MemoryDeviceStore(),
        witness=vault,
        signals=signals([shard.locale]),
        names=book.names,
        operators=book.operators,
        book=book,
        transport=transport,
        entropy=SystemEntropy(),
        budget=Budget.nats(day=EPSILON, year=DAYS * EPSILON, life=DAYS * EPSILON),
    )


def _live(shard: Shard, agent: Agent, days: Sequence[Sequence[Event]]) -> dict[str, float]:
    spans = dict[str, float]()
    agent.refresh(shard.begin)
    agent.agree(agent.offers()[0].terms_hash, shard.begin)
    for day, events in enumerate(days):
        with _span(spans, "record"):
            for event in events:
                agent.record(event, event.at)
        with _span(spans, "contribute and send"):
            agent.tick(shard.begin + day * DAY + TICK, LEISURE)
    with _span(spans, "contribute and send"):
        agent.tick(shard.begin + (DAYS - 1) * DAY + LAST_TICK, LEISURE)
    return spans


@contextmanager
def _span(spans: dict[str, float], name: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    spans[name] = spans.get(name, 0.0) + time.perf_counter() - begin


def _story(agent: Agent) -> Story:
    sent = agent.sent()
    first = sent[0].outgoing
    return Story(agent.ledger().account("nobody").life_micro / MICRO, len(sent), first.report, first.meaning)
