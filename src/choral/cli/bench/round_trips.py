"""A load process of many devices at once: each fetches the check-out, uploads one sealed report, and begins again.

Each request has the bytes of the device's own transport and a connection of its own. Raw sockets, so that the load
costs as little as it can on the machine that it shares with the server.
"""

import asyncio
import resource
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import cast

import uvloop

from choral.device.transport import HEADERS, REPORTS_PATH, upload_headers
from choral.errors import UsageError

END = b"\r\n\r\n"
OK, ACCEPTED = b"HTTP/1.1 200", b"HTTP/1.1 204"
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Trips:
    """What the devices of one run ask and send.

    signal: whose check-out is fetched; sealed: real reports; tokens: one for each of them, or none at all
    Without tokens the reports are sent in turn, the last eight bytes of each overwritten with a count from `first`: to the
    ingesting role, which holds no key, such a report is like any other. With tokens each is sent once, as it is.
    """

    signal: str
    sealed: list[bytes]
    first: int = 0
    tokens: list[bytes] = field(default_factory=list)

    @property
    def report_bytes(self) -> int:
        """Of one report, and of its token if it has one."""
        return len(self.sealed[0]) + (len(self.tokens[0]) if self.tokens else 0)

    def fetch(self, host: str) -> bytes:
        """The request for a check-out, the same for every device."""
        return _request("GET", f"/v1/checkouts/{self.signal}", host, HEADERS) + END

    def uploads(self, host: str) -> Iterator[bytes]:
        """Whole requests that upload a report, each distinct; they end only where each has a token."""
        if self.tokens:
            yield from map(partial(self._upload, host), self.sealed, self.tokens)
            return
        stems = [self._upload(host, body[:-8], b"") for body in self.sealed]
        for number in count(self.first):
            yield stems[number % len(stems)] + number.to_bytes(8, "little")

    def _upload(self, host: str, body: bytes, token: bytes) -> bytes:
        headers = (*HEADERS, ("Content-Length", str(len(self.sealed[0]))), *upload_headers(token).items())
        return _request("POST", REPORTS_PATH, host, headers) + END + body


@dataclass(slots=True)
class Tally:
    """What the devices of one run have done: trips ended in time, requests and bytes of those, seconds of each.

    lasted: seconds that the run took, fewer than asked for if the reports came to an end
    bytes_both_ways: whole requests and answers; bytes_of_messages: check-outs, reports and tokens alone
    """

    lasted: float
    trips: int = 0
    requests: int = 0
    bytes_both_ways: int = 0
    bytes_of_messages: int = 0
    seconds: list[float] = field(default_factory=list)


class Exchange(asyncio.Protocol):
    """One request on a connection of its own; `answered` holds all that came back once the server closes it."""

    def __init__(self, request: bytes, answered: "asyncio.Future[bytes]") -> None:
        self._request = request
        self._answered = answered
        self._parts: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Keep what comes."""
        self._parts.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The answer is whole."""
        if not self._answered.done():
            self._answered.set_result(b"".join(self._parts))


def travel(host: str, port: int, trips: Trips, *, devices: int, seconds: float) -> Tally:
    """What `devices` at once got done in `seconds`; UsageError with the answer if one was refused."""
    _allow_many_connections()
    return uvloop.run(_travel(host, port, trips, devices, seconds))


async def _travel(host: str, port: int, trips: Trips, devices: int, seconds: float) -> Tally:
    tally, uploads, fetch = Tally(seconds), trips.uploads(f"{host}:{port}"), trips.fetch(f"{host}:{port}")
    started = time.monotonic()

    async def device() -> None:
        while (began := time.monotonic()) < started + tally.lasted:
            upload = next(uploads, None)
            if upload is None:
                tally.lasted = min(tally.lasted, time.monotonic() - started)
                break
            answers = [await _asked(host, port, fetch, OK), await _asked(host, port, upload, ACCEPTED)]
            if (ended := time.monotonic()) <= started + tally.lasted:
                tally.trips += 1
                tally.requests += len(answers)
                tally.bytes_both_ways += len(fetch) + len(upload) + sum(map(len, answers))
                tally.bytes_of_messages += len(answers[0].partition(END)[2]) + trips.report_bytes
                tally.seconds.append(ended - began)

    async with asyncio.TaskGroup() as group:
        for _ in range(devices):
            group.create_task(device())
    return tally


async def _asked(host: str, port: int, request: bytes, wanted: bytes) -> bytes:
    """The whole answer; UsageError if it is not the one wanted."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[bytes] = loop.create_future()
    await loop.create_connection(lambda: Exchange(request, answered), host, port)
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await answered
    if not answer.startswith(wanted):
        raise UsageError(f"the server refused a request of the load: {answer[:500].decode(errors='replace') or 'no answer'}")
    return answer


def _request(method: str, path: str, host: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode()


def _allow_many_connections() -> None:
    """As many open sockets as this process may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
