"""More devices than a server can serve: each with a connection of its own, arriving at a steady rate whatever is answered.

Bare sockets and epoll, so that one core can send five times as many as another can serve.
"""

import os
import resource
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from choral.cli.bench.round_trips import Trips

PATIENCE_SECONDS = 30.0  # the time that a device's transport waits
POLL_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Phase:
    """So many devices a second, or so many at once if that is given, for so many seconds."""

    seconds: float
    rate: float = 0.0
    at_once: int = 0


@dataclass
class Outcome:
    """What became of the devices of one flood.

    arrived: of each phase; acknowledged: when each of these was, in seconds since the start, and how long it had waited
    ends: how often each status came; "gave up" if none came in time, "unmet" if there was no connection
    """

    arrived: list[int] = field(default_factory=list)
    acknowledged: list[tuple[float, float]] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)

    def rate(self, start: float, end: float) -> float:
        """Acknowledgements a second between two moments."""
        return sum(start <= at < end for at, _ in self.acknowledged) / (end - start)

    def slowest(self, start: float, end: float) -> float:
        """The longest wait of those acknowledged between two moments."""
        return max((waited for at, waited in self.acknowledged if start <= at < end), default=float("inf"))


class Flood:
    """The devices under way. They arrive, are answered, or lose their patience."""

    def __init__(self, port: int, requests: Iterator[bytes]) -> None:
        self.outcome = Outcome()
        self._at, self._requests = ("127.0.0.1", port), requests
        self._start = time.monotonic()
        self._poll = select.epoll()
        self._open: dict[int, tuple[socket.socket, float]] = {}
        self._order: deque[tuple[float, int]] = deque()

    def run(self, phase: Phase) -> None:
        """One phase."""
        began, arrived = time.monotonic(), 0
        while (now := time.monotonic()) < began + phase.seconds:
            due = phase.at_once - len(self._open) if phase.at_once else int((now - began) * phase.rate) - arrived
            for _ in range(min(due, 256)):  # then a look at what was answered
                self._arrive()
                arrived += 1
            self._answer(POLL_SECONDS if due < 256 else 0)
        self.outcome.arrived.append(arrived)

    def end(self) -> None:
        """Nobody new; returns once nobody waits any more."""
        while self._open:
            self._answer(POLL_SECONDS)
        self._poll.close()

    def _arrive(self) -> None:
        connection = socket.socket()
        connection.setblocking(False)
        try:
            connection.connect_ex(self._at)
            connection.send(next(self._requests))
        except OSError:  # the queue of those who knock is full: on this machine one is connected at once or not at all
            self.outcome.ends["unmet"] += 1
            connection.close()
            return
        now, number = time.monotonic(), connection.fileno()
        self._open[number] = (connection, now)
        self._order.append((now, number))
        self._poll.register(number, select.EPOLLIN)

    def _answer(self, timeout: float) -> None:
        for number, _ in self._poll.poll(timeout):
            connection, began = self._open.pop(number)
            answer = b""
            with suppress(OSError):
                answer = connection.recv(4_096)
            connection.close()
            now, status = time.monotonic(), answer[9:12].decode() or "dropped"
            self.outcome.ends[status] += 1
            if status == "204":
                self.outcome.acknowledged.append((now - self._start, now - began))
        self._lose_patience(time.monotonic() - PATIENCE_SECONDS)

    def _lose_patience(self, before: float) -> None:
        while self._order and (self._order[0][0] < before or self._order[0][1] not in self._open):
            began, number = self._order.popleft()
            if number in self._open and self._open[number][1] == began:
                self._open.pop(number)[0].close()
                self.outcome.ends["gave up"] += 1


def flood(port: int, sealed: list[bytes], first: int, phases: list[Phase]) -> Outcome:
    """One phase after the other, with distinct reports numbered from `first`; ends when nobody waits any more."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    devices = Flood(port, Trips("", sealed, first).uploads(f"127.0.0.1:{port}"))
    for phase in phases:
        devices.run(phase)
    devices.end()
    return devices.outcome


def spin(cores: set[int], seconds: float) -> None:
    """Take a share of these cores away from whoever else uses them."""
    os.sched_setaffinity(0, cores)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
