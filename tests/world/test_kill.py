"""SIGKILL at random moments while clients upload: nothing acknowledged is lost, nothing is counted twice.

A report's payload is its own number, so that the release tells for each report how often it was counted.
"""

import http.client
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from choral.numerics import SeededEntropy
from choral.storage import SqliteServerStore
from tests.faults.one_hot import OneHot
from tests.faults.planted import AcknowledgesFirst, CountsEachArrival
from tests.faults.servers import fork
from tests.server.processes import port_of, start

CLIENTS = 6
STARTED_AS_PEOPLE_DO = 50  # one in so many is `choral serve` itself, the others have its imports behind them
FIRST_ANSWER_SECONDS = 2.0
MOST_SECONDS = 30.0  # that a server may live


@dataclass
class Clients:
    """Retrying clients: each sends its reports in turn, the same bytes until they are acknowledged."""

    bodies: list[bytes]
    port: int = 0
    next: int = 0
    sent: set[bytes] = field(default_factory=set)
    acknowledged: set[bytes] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, bodies: list[bytes]) -> "Clients":
        """Every tenth report is sent twice, by two of them at the same time."""
        return cls([body for n, body in enumerate(bodies) for _ in range(2 if n % 10 == 0 else 1)])

    def run(self) -> None:
        while not self.stop.is_set() and (body := self.take()) is not None:
            while not self.send(body) and not self.stop.is_set():
                time.sleep(0.02)

    def take(self) -> bytes | None:
        with self.lock:
            self.next += 1
            return self.bodies[self.next - 1] if self.next <= len(self.bodies) else None

    @property
    def done(self) -> bool:
        return self.next >= len(self.bodies) + CLIENTS

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

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """They send while the block runs, and end with the report that each has under way."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            running = [pool.submit(self.run) for _ in range(CLIENTS)]
            try:
                yield
            finally:
                self.stop.set()
        for one in running:
            one.result()


def begun(folder, cycle, open_store):
    """A server, what ends it, and, where it is `choral serve` itself, the seconds to its first answer and of its processor."""
    if cycle % STARTED_AS_PEOPLE_DO or open_store is not SqliteServerStore:
        process, port = fork(folder, open_store)
        return port, process, process.join, ()
    began = time.monotonic()
    process, line = start(folder, "--role", "ingest", log=folder / "log")
    answer(port_of(line))
    return port_of(line), process, process.communicate, (time.monotonic() - began, processor_seconds(process.pid))


def processor_seconds(process):
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def answer(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/health")
    assert connection.getresponse().status == 200
    connection.close()


def let_live(clients, reports):
    """Returns once so many more reports were taken up; in the midst of the next ones, therefore."""
    end, until = clients.next + reports, time.monotonic() + MOST_SECONDS
    while clients.next < end and not clients.done:
        assert time.monotonic() < until, "reports are being acknowledged"
        time.sleep(0.001)


def survive(folder, *, cycles, reports, open_store=SqliteServerStore):
    """Clients upload to a server that is killed `cycles` times; then what is stored and released is held to what they know."""
    world = OneHot.prepared(folder, reports)
    clients = Clients.of(world.bodies)
    draws = SeededEntropy(20)
    lives, pauses = draws.below(cycles, 2 * len(clients.bodies) // cycles).tolist(), draws.below(cycles, 4_000) / 1e6
    firsts, lived = [], []
    with clients.at_work():
        for cycle in range(cycles):
            clients.port, process, reap, first = begun(folder, cycle, open_store)
            before = len(clients.acknowledged)
            let_live(clients, lives[cycle])
            time.sleep(pauses[cycle])
            process.kill()
            reap()
            firsts += [first] if first else []
            lived.append(len(clients.acknowledged) > before)
    assert clients.refused == []
    assert sum(lived) > cycles // 2, "the kills came while reports were being acknowledged"
    kept = world.stored()
    assert clients.acknowledged <= kept, "nothing acknowledged is lost"
    assert kept <= clients.sent, "nothing is kept that nobody sent"
    world.counted_once(kept)
    return clients, firsts


def test_a_hundred_sigkills_lose_nothing_acknowledged_and_count_nothing_twice(tmp_path):
    survive(tmp_path, cycles=100, reports=4_000)


@pytest.mark.acceptance
def test_two_thousand_sigkills_lose_nothing_acknowledged_and_count_nothing_twice(tmp_path):
    clients, firsts = survive(tmp_path, cycles=2_000, reports=200_000)
    walls, processor = sorted(first[0] for first in firsts), max(first[1] for first in firsts)
    print(
        f"{len(clients.sent)} sent, {len(clients.acknowledged)} acknowledged; first answer after {walls[len(walls) // 2]:.2f} s"
    )
    print(f"(slowest {walls[-1]:.2f} s, at most {processor:.2f} s of the processor)")
    assert len(clients.acknowledged) >= 190_000
    assert max(walls[len(walls) // 2], processor) <= FIRST_ANSWER_SECONDS, "each, on a machine that does nothing else"


@pytest.mark.parametrize(("bug", "noticed"), [(AcknowledgesFirst, "is lost"), (CountsEachArrival, "kept twice")])
def test_a_server_with_a_planted_bug_does_not_survive_this(bug, noticed, tmp_path):
    with pytest.raises(AssertionError, match=noticed):
        survive(tmp_path, cycles=10, reports=500, open_store=bug)
