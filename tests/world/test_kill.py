"""SIGKILL at random moments while clients upload: nothing acknowledged is lost, nothing is counted twice.

A report's payload is its own number, so that the release tells for each report how often it was counted.
"""

import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from choral.engines import Serial
from choral.learning import ALGORITHMS, Count
from choral.mechanisms import MECHANISMS, RandomizedResponse
from choral.numerics import SeededEntropy
from choral.protocol import BatchRule, Release, Spec, Task, Terms, decode, report_id, seal, sign
from choral.server import KeyFolder, publish_task, release_once, shuffle_once
from choral.server.keys import OPERATOR, SERVER, SHUFFLER
from choral.storage import SqliteServerStore
from tests.server.processes import port_of, start

KILLS = 20
CLIENTS = 6
REPORTS = 4_000
NAMES = {**MECHANISMS, **ALGORITHMS}
RESPONSE = RandomizedResponse(REPORTS, 2**63)


@dataclass
class Clients:
    """Retrying clients: each sends its reports in turn, the same bytes until they are acknowledged; some twice."""

    bodies: list[bytes]
    port: int = 0
    next: int = 0
    sent: set[bytes] = field(default_factory=set)
    acknowledged: set[bytes] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        while not self.stop.is_set() and (body := self.take()) is not None:
            while not self.stop.is_set() and not self.send(body):
                time.sleep(0.02)

    def take(self) -> bytes | None:
        with self.lock:
            self.next += 1
            return self.bodies[(self.next - 1) % REPORTS] if self.next <= REPORTS + REPORTS // 10 else None

    def send(self, body: bytes) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        self.sent.add(body)
        try:
            connection.request("POST", "/v1/reports", body)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        if status == 204:
            self.acknowledged.add(body)
        elif status != 503:
            self.refused.append(f"{status}")
        return status == 204


@pytest.fixture
def world(tmp_path):
    keys = KeyFolder(tmp_path / "keys")
    now = datetime.now(UTC)
    second = int(now.timestamp())
    task = Task(
        Terms("To be killed", "kill", "one report", "nobody", 20_000_000, 1, 1, 3, 30),
        Spec.of(RESPONSE),
        Spec.of(Count()),
        BatchRule(3, 10**6, 1, 86_400, "time"),
        0,
        second - 60,
        second + 86_400,
        0,
        2**32,
        keys.public(SHUFFLER),
        keys.public(SERVER),
        "nobody",
    )
    store = SqliteServerStore(tmp_path / "store.sqlite")
    publish_task(
        store,
        sign(task, keys.operator_key()),
        operators={keys.public(OPERATOR)},
        names=NAMES,
        server_key=keys.public(SERVER),
        now=now,
    )
    store.close()
    return tmp_path, keys, task


def test_sigkill_loses_nothing_acknowledged_and_counts_nothing_twice(world):
    folder, keys, task = world
    bodies = [seal(n.to_bytes(4, "little"), task.hash, 0, task.shuffler_key).to_bytes() for n in range(REPORTS)]
    clients = Clients(bodies)
    moments = SeededEntropy(20).below(KILLS, 300).astype(int) + 20
    lived = []
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(clients.run) for _ in range(CLIENTS)]
        for milliseconds in moments:
            process, line = start(folder, "--role", "ingest", log=folder / "log")
            clients.port = port_of(line)
            before = len(clients.acknowledged)
            time.sleep(milliseconds / 1000)
            process.kill()
            process.communicate()
            lived.append(len(clients.acknowledged) - before)
        clients.stop.set()
        for one in running:
            one.result()
    assert clients.refused == []
    assert sum(count > 0 for count in lived) > KILLS // 2, "the kills came while reports were being acknowledged"
    kept = stored(folder, task)
    assert clients.acknowledged <= kept, "nothing acknowledged is lost"
    assert kept <= clients.sent, "nothing is kept that nobody sent"
    counted = released(folder, keys)
    numbers = {report_id(body): number for number, body in enumerate(bodies)}
    expected = np.zeros(REPORTS, int)
    expected[[numbers[report_id(body)] for body in kept]] = 1
    assert (counted == expected).all(), "each report that is kept counts once, and no other"


def stored(folder, task):
    """The reports in the store; its own count of them agrees."""
    store = SqliteServerStore(folder / "store.sqlite")
    row = store.batch(task.hash, 0)
    kept = list(store.sealed(row))
    store.close()
    assert len(kept) == len(set(kept)) == row.reports
    return set(kept)


def released(folder, keys):
    """How often the release counted each number."""
    store = SqliteServerStore(folder / "store.sqlite")
    later = datetime.now(UTC) + timedelta(days=2)
    assert shuffle_once(store, keys.shuffler_key(), names=NAMES, entropy=SeededEntropy(1), now=later).dropped == 0
    release = release_once(store, keys.server_key(), names=NAMES, engine=Serial(), entropy=SeededEntropy(2), now=later)
    full = decode(store.unpublished(release.hash), Release)
    store.close()
    truth, lie = 0.5, 0.5 / (REPORTS - 1)
    counts = full.arrays["estimate"] * (truth - lie) + release.reports * lie
    assert np.abs(counts - counts.round()).max() < 1e-6
    return counts.round().astype(int)
