"""A load process: many connections that upload one distinct report after the other, as fast as they are answered.

Raw sockets, so that the load costs as little as it can on the machine that it shares with the server.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import cast

import uvloop

from choral.errors import UsageError

ACCEPTED = b"HTTP/1.1 204"
END = b"\r\n\r\n"


@dataclass(slots=True)
class Tally:
    """What the connections of one run share: when it ends, how many were acknowledged, the first refusal."""

    until: float
    left: int
    done: "asyncio.Future[None]"
    acknowledged: int = 0
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Bodies:
    """Distinct reports without end: sealed ones in turn, the last eight bytes of each overwritten with a count.

    The ingesting role holds no key: to it such a report is like any other, and costs the same.
    """

    sealed: list[bytes]
    first: int

    def requests(self, host: str) -> Iterator[bytes]:
        """Whole HTTP requests."""
        size = len(self.sealed[0])
        head = f"POST /v1/reports HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/octet-stream\r\nContent-Length: {size}"
        stems = [head.encode() + END + body[:-8] for body in self.sealed]
        for number in count(self.first):
            yield stems[number % len(stems)] + number.to_bytes(8, "little")


class Uploader(asyncio.Protocol):
    """One connection that keeps exactly one request under way."""

    def __init__(self, requests: Iterator[bytes], tally: Tally) -> None:
        self._requests = requests
        self._tally = tally
        self._answer = b""
        self._transport = asyncio.Transport()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first report."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        """Count an acknowledgement and send the next report, until time is up."""
        self._answer += data
        if self._answer.startswith(ACCEPTED) and self._answer.endswith(END) and time.monotonic() < self._tally.until:
            self._answer = b""
            self._tally.acknowledged += 1
            self._transport.write(next(self._requests))
        elif END in self._answer:
            if not self._answer.startswith(ACCEPTED):
                self._tally.refusal = self._answer.decode(errors="replace").strip()
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that this connection is done."""
        self._tally.left -= 1
        if self._tally.left == 0:
            self._tally.done.set_result(None)


def upload(host: str, port: int, bodies: Bodies, *, connections: int, seconds: float) -> int:
    """How many reports were acknowledged within `seconds`; UsageError with the answer if one was refused."""
    return uvloop.run(_upload(host, port, bodies, connections, seconds))


async def _upload(host: str, port: int, bodies: Bodies, connections: int, seconds: float) -> int:
    loop = asyncio.get_running_loop()
    tally = Tally(time.monotonic() + seconds, connections, loop.create_future())
    requests = bodies.requests(f"{host}:{port}")
    for _ in range(connections):
        await loop.create_connection(lambda: Uploader(requests, tally), host, port)
    await tally.done
    if tally.refusal:
        raise UsageError(f"the server refused a report of the load: {tally.refusal}")
    return tally.acknowledged
