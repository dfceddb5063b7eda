"""A server's two rounds, its files and its road, draws and seals, as lists of what happened."""

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from choral.mechanisms import RandomizedResponse
from choral.numerics import SeededEntropy
from choral.numerics.discrete_laplace import DiscreteLaplace
from choral.protocol import Report, seal, unseal
from choral.server import Intake, upload
from choral.server.ingest import admit
from choral.server.shuffle import permutation
from choral.storage import SqliteServerStore
from choral.storage.device_sqlite import RowCipher, SqliteDeviceStore
from tests.mutants.telling import tried
from tests.server import house as server

SHUFFLER = server.SHUFFLER


def draws() -> Iterator[str]:
    """What seeded noise gives; what it is said to cost."""
    mechanism = RandomizedResponse.for_epsilon(2.0, domain=10)
    yield f"{mechanism.epsilon:.6f} {mechanism.randomize(np.zeros(20, np.int64), SeededEntropy(1))['value'].tolist()}"
    yield str(DiscreteLaplace(10).draw(20, 1, SeededEntropy(2))[:, 0].tolist())
    yield str(permutation(10, SeededEntropy(3)).tolist())


def files() -> Iterator[str]:
    """How a device's file and a server's are written."""
    with tempfile.TemporaryDirectory() as name:
        store = SqliteDeviceStore(Path(name) / "device", bytes(32))
        yield str(store._db.execute("PRAGMA synchronous").fetchone())
        store.close()
        house = server.House(SqliteServerStore(Path(name) / "server"))
        yield str(house.store._database._writer.execute("PRAGMA synchronous").fetchone())
        house.store.close()
    cipher = RowCipher(bytes(32))
    yield str(len({cipher.seal("ledger", bytes(16), b"ledger", b"nothing") for _ in range(3)}))


def sealing() -> Iterator[str]:
    """A report moved to another round."""
    report = seal(b"abcd", bytes(32), 1, SHUFFLER.public_key().public_bytes_raw())
    yield tried(lambda: unseal(report, 4, SHUFFLER))
    yield tried(lambda: unseal(Report(report.task, 2, report.seal), 4, SHUFFLER))


def rounds() -> Iterator[str]:
    """A server's rounds: duplicates, replays, a token twice, a late report, one report too few, a release."""
    with tempfile.TemporaryDirectory() as name:
        house = server.House(SqliteServerStore(Path(name) / "store.sqlite"))
        statements: list[str] = []
        house.store._database._writer.set_trace_callback(lambda sql: statements.append(sql.split()[0]))
        task = server.make_task(goal=4)
        house.publish(task)
        bodies = [server.report(task, number) for number in range(6)]
        arrivals = [
            replace(admit(house.book, body, house.now), token=b"a" * 32 * (n in (1, 2))) for n, body in enumerate(bodies)
        ]
        statements.clear()
        yield f"{house.store.add([*arrivals[:3], arrivals[0]])}: {' '.join(statements)}"
        house.store.add(arrivals[3:5])
        yield tried(lambda: house.shuffle().legal)
        yield f"{house.store.add(arrivals[4:])}, {house.store.batch(task.hash, 0).reports} reports"
        yield tried(lambda: house.release().reports)
        yield str(len(list(house.store.parts(house.store.batch(task.hash, 0)))))
        house.close()
        yield f"{house.store.forget_ids(int(house.now.timestamp()))} forgotten, {house.store.add(arrivals[:1])}"
        house.store.close()
    yield from _too_few()


def _too_few() -> Iterator[str]:
    house = server.House()
    task = server.make_task()
    house.publish(task)
    house.ingest([*(server.report(task, number) for number in range(2)), server.garbage(task, 9)])
    house.second = 2 * server.DAY
    yield str(house.shuffle().state)


def road() -> Iterator[str]:
    """An upload that is answered, and one that does not end."""
    house = server.House()
    task = server.make_task()
    house.publish(task)
    arrival = admit(house.book, server.garbage(task, 1), house.now)
    may_go = threading.Event()

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(house.store, name)

        def add(self, arrivals: Any) -> Any:
            may_go.wait(10)
            return house.store.add(arrivals)

    async def keep() -> bool:
        intake = Intake(Slow())
        waiting = asyncio.create_task(intake.keep(arrival))
        await asyncio.sleep(0.05)
        early = waiting.done()
        may_go.set()
        await waiting
        await intake.close()
        return early

    yield f"answered before the commit: {asyncio.run(keep())}"
    read = []

    async def receive() -> Any:
        read.append(1)
        return {"type": "http.request", "body": bytes(2**14), "more_body": len(read) < 20}

    yield f"{tried(lambda: asyncio.run(upload.read_body(receive)))}, {len(read)} pieces read"
