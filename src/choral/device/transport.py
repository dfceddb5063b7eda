"""How bytes travel: what a device asks of a transport, and the one within a process.

A transport says nothing about the device: no cookie, no identity, no condition, no version.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol

from choral.errors import ChoralError, PeerError
from choral.protocol import PROBLEMS
from choral.protocol.coding import CODING, expand
from choral.protocol.problems import MEDIA_TYPE, PREFIX, shown

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

MOST_BYTES = 2**25  # of a download: more is not read
MOST_PROBLEM_BYTES = 2**14
LOOK = "check what stands between here and the server"
REPORTS_PATH = "/v1/reports"
REPORT_TYPE = "application/octet-stream"
HEADERS = (("User-Agent", "choral"), ("Accept-Encoding", CODING), ("Connection", "close"))

Scope = MutableMapping[str, Any]
AsgiApp = Callable[[Scope, Callable[[], Awaitable[Scope]], Callable[[Scope], Awaitable[None]]], Awaitable[None]]


class Unreachable(ChoralError):  # noqa: N818  # named for what is the case
    """No answer that can be believed came from the server: the same bytes may go again later."""


class Transport(Protocol):
    """The road to one server."""

    def fetch(self, path: str) -> bytes:
        """What lies at `path`; PeerError with the problem that the server names, Unreachable if none answers."""
        ...

    def send(self, report: bytes, token: bytes = b"") -> None:
        """Returns once the server has the report for good; PeerError or Unreachable otherwise.

        token: the anonymous one that this report spends, if its task needs one
        """
        ...


class InProcessTransport:
    """The road to an ASGI application in this process, without sockets; one thread at a time. Close it after use."""

    __slots__ = ("_app", "_loop")

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._loop: AbstractEventLoop | None = None

    def fetch(self, path: str) -> bytes:
        """What lies at `path`."""
        return answer(*self._request("GET", path, b"", ()), want=200)

    def send(self, report: bytes, token: bytes = b"") -> None:
        """Hand the report over."""
        answer(*self._request("POST", REPORTS_PATH, report, tuple(upload_headers(token).items())), want=204)

    def close(self) -> None:
        """Let go of the event loop."""
        if self._loop is not None:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
            self._loop = None

    def __enter__(self) -> "InProcessTransport":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _request(self, method: str, path: str, body: bytes, headers: tuple[tuple[str, str], ...]) -> tuple[int, str, bytes]:
        if self._loop is None:
            from asyncio import new_event_loop

            self._loop = new_event_loop()
        return self._loop.run_until_complete(_call(self._app, method, path, body=body, headers=(*HEADERS, *headers)))


def upload_headers(token: bytes) -> dict[str, str]:
    """What is said beside a report: its type, and the token that it spends (RFC 9577, section 2.2)."""
    spent = {"Authorization": f'PrivateToken token="{urlsafe_b64encode(token).decode()}"'} if token else {}
    return {"Content-Type": REPORT_TYPE, **spent}


async def _call(
    app: AsgiApp, method: str, path: str, *, body: bytes, headers: tuple[tuple[str, str], ...]
) -> tuple[int, str, bytes]:
    """Status, content type and body of the application's answer, expanded."""
    status, said, parts = 500, dict[bytes, bytes](), list[bytes]()

    async def receive() -> Scope:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Scope) -> None:
        nonlocal status, said
        if message["type"] == "http.response.start":
            status, said = message["status"], {name.lower(): value for name, value in message["headers"]}
        else:
            parts.append(message.get("body", b""))

    lengths = (("Content-Length", str(len(body))),) if body else ()
    sent = [(name.lower().encode(), value.encode()) for name, value in (("Host", "localhost"), *headers, *lengths)]
    await app(_scope(method, path, sent), receive, send)
    coding, kind = said.get(b"content-encoding", b""), said.get(b"content-type", b"")
    return status, kind.decode(), plain(b"".join(parts), coding.decode(), MOST_BYTES)


def plain(body: bytes, coding: str, most_bytes: int) -> bytes:
    """An answer's body without its content coding; Unreachable if that is one that no device asks for, or does not hold."""
    if not coding:
        return body
    if coding != CODING:
        raise Unreachable(f"the answer is encoded as {coding[:40]!r}, which was not asked for; {LOOK}")
    try:
        return expand(body, most_bytes)
    except PeerError as error:
        raise Unreachable(f"{error}; {LOOK}") from error


def _scope(method: str, path: str, headers: list[tuple[bytes, bytes]]) -> Scope:
    from urllib.parse import unquote

    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 0),
        "server": ("localhost", 80),
    }


def answer(status: int, kind: str, body: bytes, *, want: int) -> bytes:
    """The body of an answer with the status wanted; otherwise the PeerError that it names, or Unreachable.

    Only a problem document that this protocol knows is believed: the login page of a network, or a broken proxy, must
    not make a device delete a paid report.
    """
    if status == want:
        return body
    problem, detail = _problem(kind, body)
    if problem in PROBLEMS:
        raise PeerError(problem, detail or PROBLEMS[problem].title)
    raise Unreachable(f"an answer came that is not this server's (status {status}); check the network and the address")


def _problem(kind: str, body: bytes) -> tuple[str, str]:
    """Type and detail of a problem document; empty if it is none."""
    if kind.split(";")[0].strip().lower() != MEDIA_TYPE or len(body) > MOST_PROBLEM_BYTES:
        return "", ""
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(members, dict):
        return "", ""
    return str(members.get("type", "")).removeprefix(PREFIX), shown(str(members.get("detail", "")))
