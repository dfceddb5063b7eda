"""How `choral serve` speaks HTTP: uvicorn on uvloop and httptools, with bounds on what comes before a body."""

import asyncio
import resource
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from choral.errors import UsageError
from choral.protocol import PROBLEMS
from choral.protocol.problems import MEDIA_TYPE

STOP_SECONDS = 10
IDLE_SECONDS = 30
HEAD_SECONDS = 20.0  # a request's head comes within this time, or the connection is closed
ANSWER_SECONDS = 300.0  # an answer is taken within this time, as long as a device waits for one, or it is dropped
MOST_FRAMING_BYTES = 2**16  # of a request beside its body: head, chunks' sizes, trailers
MOST_PIPELINED = 16  # requests of one connection that wait for their turn
BACKLOG = 2_048
# The writer thread takes the interpreter's lock back after each statement; at Python's 5 ms it waits longer for that than
# for the disk. Measured on two cores: 6,400 durable uploads a second at 5 ms, 9,900 at 1 ms, 11,800 at 50 microseconds.
SWITCH_SECONDS = 5e-5


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with bounds on what a connection may make the server keep, and on how long it may be silent.

    What trickles or does not end is closed: a head, a body that came too late to be read, an answer that nobody takes.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._in_request = True
        self._framing = 0  # bytes of this request that were not its body
        self._patience: asyncio.TimerHandle | None = None
        self._until_taken: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection must say something."""
        super().connection_made(transport)
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits any more."""
        self._be_calm()
        self._be_taken()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = self._in_request = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what follows a body in its place says nothing here."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head has come whole."""
        self._in_head = False
        if len(self.pipeline) >= MOST_PIPELINED:
            raise ValueError("too many requests wait on this connection")  # becomes an answer of status 400
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body, which is the application's to bound."""
        self._framing -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request has come whole."""
        self._in_request = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is written; if its request is still coming, that must end soon."""
        super().on_response_complete()
        if self._in_request and not self.transport.is_closing():
            self._be_patient()

    def data_received(self, data: bytes) -> None:
        """Bound all but the body, in size and in time."""
        super().data_received(data)
        if self._in_request:
            self._framing += len(data)
        else:
            self._framing = 0
        if self._framing > MOST_FRAMING_BYTES:
            self.transport.abort()
        elif self._in_head or (self._in_request and self.cycle.response_complete):
            self._be_patient()
        else:
            self._be_calm()

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it comes."""
        super().pause_writing()
        self._until_taken = self.loop.call_later(ANSWER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It has taken most of it."""
        self._be_taken()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP is answered like everything else that cannot be read."""
        problem = PROBLEMS["malformed-message"]
        body = problem.document(msg)
        head = f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head.encode() + body)
        self.transport.close()

    def _be_patient(self) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _be_calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _be_taken(self) -> None:
        if self._until_taken is not None:
            self._until_taken.cancel()
            self._until_taken = None


class _Server(uvicorn.Server):
    """Says that it is ready once it takes requests."""

    announce: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce."""
        await super().startup(sockets)
        self.announce()


def address(listener: socket.socket) -> str:
    """Host and port that a socket listens on, as a URL has them."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def serve_http(
    listener: socket.socket,
    face: ASGIApp,
    announce: Callable[[], None],
    *,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
) -> None:
    """Answer on `listener` until a signal comes; `announce` is called once requests are taken."""
    _allow_many_connections()
    sys.setswitchinterval(SWITCH_SECONDS)
    config = uvicorn.Config(
        face,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
    )
    try:
        config.load()
    except OSError as error:  # also a certificate that is not one
        raise UsageError(f"the TLS certificate or its key cannot be used ({error}); check --tls-cert and --tls-key") from error
    server = _Server(config)
    server.announce = announce
    server.run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; UsageError if the address is taken or not ours."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host} port {port} ({error.strerror}); choose another with --host and --port"
        ) from error


def _allow_many_connections() -> None:
    """As many open sockets as this process may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
