"""The server's face: uploads on their raw road, everything else a small Starlette application.

Knows HTTP. Leaves what may be done to the use cases of this room, and sockets to whoever runs it.
"""

import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from choral.errors import ChoralError, PeerError
from choral.numerics import Entropy
from choral.protocol import disclosure, encode
from choral.protocol.coding import CODING
from choral.server.checkout import Counter
from choral.server.intake import Intake
from choral.server.model_views import model_view, rounds_view, versions_csv
from choral.server.openapi import description
from choral.server.operator_desk import BINARY as BINARY
from choral.server.operator_desk import OperatorDesk, hash_in
from choral.server.problem_responses import answer_choral_error, answer_http_error, problem_response
from choral.server.rounds import seconds
from choral.server.tasks import Names, TaskBook
from choral.server.upload import PATH, Upload
from choral.server.views import (
    dictionary,
    has_items,
    items_csv,
    items_view,
    read_release,
    release_detail,
    release_view,
    task_view,
)
from choral.storage import ServerStore

FOREVER = "public, max-age=31536000, immutable"  # for what is named by its hash
BRIEFLY = "public, max-age=5"
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
PAGE_HEADERS = (  # for what a browser might show; a check-out is downloaded often, and is not shown
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
HTTPS_HEADERS = ((b"strict-transport-security", b"max-age=31536000"),)
BROKEN = PeerError("unavailable", "the server failed at this request")
log = logging.getLogger("choral.server")


def application(
    store: ServerStore,
    *,
    server_key: Ed25519PrivateKey,
    operators: Collection[bytes],
    operator_token: str,
    names: Names,
    clock: Callable[[], datetime],
    entropy: Entropy,
) -> ASGIApp:
    """The ASGI application of a server. It gets no shuffler's key.

    clock: the current time, aware
    """
    book, intake = TaskBook(store, names), Intake(store)
    counter = Counter.of(book, server_key, entropy)
    operator = OperatorDesk(book, server_key, frozenset(operators), operator_token, clock)
    desk = Desk(book, clock, counter, operator)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await intake.close()

    handlers = {
        ChoralError: answer_choral_error,
        HTTPException: answer_http_error,
        Exception: lambda *_: problem_response(BROKEN),
    }
    inner = Starlette(routes=desk.routes(), exception_handlers=handlers, lifespan=lifespan)
    inner.router.redirect_slashes = False  # a redirect would repeat whatever host the client named
    return Front(Upload(book, intake, clock), with_headers(inner))


@dataclass(frozen=True, slots=True)
class Front:
    """Sends each request to the upload road or to the interface; answers for what nobody foresaw."""

    upload: Upload
    interface: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the start and stop of the server."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        sent: list[bool] = []  # of each message that went out: was it the last

        async def guarded(message: Message) -> None:
            sent.append(message["type"] == "http.response.body" and not message.get("more_body", False))
            await send(message)

        try:
            road = self.upload if scope.get("path") == PATH else self.interface
            await road(scope, receive, guarded)
        except Exception as error:  # the outermost edge of the server: answer, and log the place but no content
            log.error("failed", extra={"facts": {"error": type(error).__name__, "place": _place(error)}})
            if scope["type"] != "http" or (sent and not sent[-1]):
                raise
            if not sent:
                await problem_response(BROKEN)(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Desk:
    """The routes beside the upload road."""

    book: TaskBook
    clock: Callable[[], datetime]
    counter: Counter
    operator: OperatorDesk

    def routes(self) -> list[Route]:
        """All of them, as /openapi.json describes them."""
        return [
            Route("/health", self.health),
            Route("/openapi.json", self.openapi),
            Route("/v1/checkouts/{signal}", self.checkouts),
            Route("/v1/openings", self.openings),
            Route("/v1/tasks", self.tasks),
            Route("/v1/tasks/{hash}.bin", self.task_binary),
            Route("/v1/tasks/{hash}/rounds", self.rounds),
            Route("/v1/tasks/{hash}/dp-disclosure.json", self.disclosure),
            Route("/v1/tasks/{hash}", self.task),
            Route("/v1/models/{hash}.csv", self.model_csv),
            Route("/v1/models/{hash}", self.model),
            Route("/v1/releases", self.releases),
            Route("/v1/releases/{hash}.bin", self.release_binary),
            Route("/v1/releases/{hash}.csv", self.release_csv),
            Route("/v1/releases/{hash}", self.release),
            *self.operator.routes(),
        ]

    def health(self, request: Request) -> Response:
        """Whether the store answers."""
        self.book.store.task(bytes(32))
        return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})

    def openapi(self, request: Request) -> Response:
        """The description of this interface."""
        return JSONResponse(description(), headers={"Cache-Control": BRIEFLY})

    async def checkouts(self, request: Request) -> Response:
        """The Bundle of a signal's check-outs, in their own content coding if it is asked for."""
        compressed = _asks_for_coding(request)
        body, age = self.counter.answer(request.path_params["signal"], self.clock(), compressed=compressed)
        return _coded(body, age, compressed=compressed)

    async def openings(self, request: Request) -> Response:
        """What everyone is told of all rounds that check-outs are given for, in the same content coding if it is asked for."""
        compressed = _asks_for_coding(request)
        body, age = self.counter.openings(self.clock(), compressed=compressed)
        return _coded(body, age, compressed=compressed)

    def tasks(self, request: Request) -> Response:
        """All published tasks."""
        now = seconds(self.clock())
        views = [task_view(self.book, self.book.get(row.hash), now) for row in self.book.store.tasks()]
        return JSONResponse(views, headers={"Cache-Control": BRIEFLY})

    def task(self, request: Request) -> Response:
        """One task."""
        known = self.book.get(hash_in(request))
        return JSONResponse(task_view(self.book, known, seconds(self.clock())), headers={"Cache-Control": BRIEFLY})

    def task_binary(self, request: Request) -> Response:
        """The task as its operator signed it."""
        return Response(encode(self.book.get(hash_in(request)).signed), headers={"Cache-Control": FOREVER}, media_type=BINARY)

    def disclosure(self, request: Request) -> Response:
        """What the task's differential privacy is, which follows from the signed task alone."""
        known = self.book.get(hash_in(request))
        return JSONResponse(disclosure(known.task, known.mechanism), headers={"Cache-Control": BRIEFLY})

    def rounds(self, request: Request) -> Response:
        """The life of each round of a task."""
        return JSONResponse(rounds_view(self.book, self.book.get(hash_in(request))), headers={"Cache-Control": BRIEFLY})

    def model(self, request: Request) -> Response:
        """The model of a task, version by version."""
        return JSONResponse(model_view(self.book, self.book.get(hash_in(request))), headers={"Cache-Control": BRIEFLY})

    def model_csv(self, request: Request) -> Response:
        """The same as a table."""
        text = versions_csv(model_view(self.book, self.book.get(hash_in(request))))
        return _table(text, request.path_params["hash"], BRIEFLY)

    def releases(self, request: Request) -> Response:
        """All releases, newest first."""
        views = [release_view(self.book.store, row) for row in self.book.store.releases()]
        return JSONResponse(views, headers={"Cache-Control": BRIEFLY})

    def release(self, request: Request) -> Response:
        """One release with its guarantees and items."""
        row, release = read_release(self.book.store, hash_in(request))
        return JSONResponse(release_detail(self.book, row, release), headers={"Cache-Control": FOREVER})

    def release_csv(self, request: Request) -> Response:
        """The items counted."""
        row, release = read_release(self.book.store, hash_in(request))
        if not has_items(release):
            raise PeerError("unknown-page", f"a release of kind {row.kind!r} has no table; read its .bin")
        text = items_csv(items_view(release, dictionary(self.book, release.task)))
        return _table(text, row.hash.hex(), FOREVER)

    def release_binary(self, request: Request) -> Response:
        """The release as the server signed it."""
        signed = self.book.store.release(hash_in(request))
        if signed is None:
            raise PeerError("unknown-page", "no release has this hash")
        return Response(signed, headers={"Cache-Control": FOREVER}, media_type=BINARY)


def with_headers(app: ASGIApp) -> ASGIApp:
    """The same application with the headers that keep browsers careful."""

    async def careful(scope: Scope, receive: Receive, send: Send) -> None:
        extra = HEADERS + (HTTPS_HEADERS if scope.get("scheme") == "https" else ())

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = message.get("headers", ())
                message["headers"] = [*said, *extra, *(() if (b"content-type", BINARY.encode()) in said else PAGE_HEADERS)]
            await send(message)

        await app(scope, receive, add)

    return careful


def _asks_for_coding(request: Request) -> bool:
    return CODING in (one.strip().lower() for one in request.headers.get("accept-encoding", "").split(","))


def _coded(body: bytes, age: int, *, compressed: bool) -> Response:
    """A body that is everyone's for `age` seconds, or nobody's else."""
    headers = {"Cache-Control": f"public, max-age={age}" if age else "no-store", "Vary": "Accept-Encoding"}
    headers |= {"Content-Encoding": CODING} if compressed else {}
    return Response(body, headers=headers, media_type=BINARY)


def _table(text: str, name: str, cache: str) -> Response:
    """A CSV file to download."""
    headers = {"Cache-Control": cache, "Content-Disposition": f'attachment; filename="{name[:16]}.csv"'}
    return PlainTextResponse(text, headers=headers, media_type="text/csv")


def _place(error: BaseException) -> str:
    """file:line where the error was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else "?"
