"""The catalogue service's face: a small Starlette application, apart from the report road in host, store and tokens.

Knows HTTP. Logs no token, no account, no sticker and no address: of a failure, only its kind.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import msgspec
import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from choral.apps.stickers.device.messages import Preference
from choral.apps.stickers.service.download_logs import Kind, sticker_id
from choral.apps.stickers.service.learning import fold_in, last_learnt, learn_once, load, open_accounts
from choral.apps.stickers.service.preference import Learnt
from choral.apps.stickers.service.stock import Stock
from choral.apps.stickers.service.store import EPOCH, CatalogueStore
from choral.apps.stickers.service.tokens import Secrets
from choral.errors import ChoralError, PeerError, UsageError
from choral.protocol import encode
from choral.protocol.bounded import whole_body
from choral.server.api import BINARY, BROKEN, with_headers
from choral.server.problem_responses import answer_choral_error, answer_http_error, problem_response

LARGEST_OWN, LARGEST_ACCOUNTS, LARGEST_LOGS = 2**12, 2**20, 2**26  # bytes of a body
MOST_TOKEN = 256
PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
UNSTORED = {"Cache-Control": "no-store"}
log = logging.getLogger("choral.catalogue")
T = TypeVar("T")


class OwnDownload(msgspec.Struct, forbid_unknown_fields=True):
    """The body of an account's own download: a sticker, or all of a package."""

    kind: str
    sticker: int | None = None
    package: str | None = None


class NewAccounts(msgspec.Struct, forbid_unknown_fields=True):
    """The body that opens accounts."""

    accounts: list[str]
    renew: bool = False


class LearnOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The body that has everything learnt anew."""

    numbers: int


def application(store: CatalogueStore, stock: Stock, *, secrets: Secrets, clock: Callable[[], datetime]) -> ASGIApp:
    """The ASGI application. clock: the current time, aware; only its day is ever kept."""
    desk = Desk(store, stock, secrets, clock)
    handlers = {
        ChoralError: _answer_own_error,
        HTTPException: answer_http_error,
        Exception: _answer_failure,
    }
    return with_headers(Starlette(routes=desk.routes(), exception_handlers=handlers))


@dataclass(frozen=True, slots=True)
class Desk:
    """The routes."""

    store: CatalogueStore
    stock: Stock
    secrets: Secrets
    clock: Callable[[], datetime]

    def routes(self) -> list[Route]:
        """All of them, as docs/stickers.md describes them."""
        return [
            Route("/health", self.health),
            Route("/v1/accounts", self.post_accounts, methods=["POST"]),
            Route("/v1/downloads", self.post_downloads, methods=["POST"]),
            Route("/v1/learn", self.post_learn, methods=["POST"]),
            Route("/v1/me", self.export, methods=["GET"]),
            Route("/v1/me", self.erase, methods=["DELETE"]),
            Route("/v1/me/preference", self.preference),
            Route("/v1/me/candidates", self.candidates),
        ]

    def health(self, request: Request) -> Response:
        """Whether the store answers."""
        self.store.learnt()
        return JSONResponse({"status": "ok"}, headers=UNSTORED)

    async def post_accounts(self, request: Request) -> Response:
        """Open accounts; their tokens are shown in this answer and never again."""
        self._require_operator(request)
        order = _read(await _body(request, LARGEST_ACCOUNTS), NewAccounts)
        tokens = open_accounts(self.store, self.secrets, order.accounts, renew=order.renew)
        return JSONResponse({"tokens": tokens}, 201, headers=UNSTORED)

    async def post_downloads(self, request: Request) -> Response:
        """An account's own download, or the operator's load of a team's logs."""
        token = _token(request)
        if self.secrets.is_operator(token):
            return await run_in_threadpool(self._load, await _body(request, LARGEST_LOGS))
        account = self._account(request)
        order = _read(await _body(request, LARGEST_OWN), OwnDownload)
        ids, kind = self._own_stickers(order)
        await run_in_threadpool(self._keep_own, account, ids, kind)
        return Response(status_code=204, headers=UNSTORED)

    async def post_learn(self, request: Request) -> Response:
        """Learn anew from all logs."""
        self._require_operator(request)
        order = _read(await _body(request, LARGEST_OWN), LearnOrder)
        summary = await run_in_threadpool(learn_once, self.store, self.stock, numbers=order.numbers)
        return JSONResponse({name: getattr(summary, name) for name in summary.__slots__}, headers=UNSTORED)

    def preference(self, request: Request) -> Response:
        """This person's preference information."""
        account, learnt = self._account(request), self._learnt()
        if learnt is None:
            raise PeerError("unknown-page", "nothing has been learnt from the downloads yet; ask again later")
        kept = self.store.preference(account)
        numbers = np.frombuffer(kept, np.int8) if kept else np.zeros(learnt.numbers, np.int8)
        return self._tagged(request, account, encode(Preference(numbers)))

    def candidates(self, request: Request) -> Response:
        """The stickers that this person holds or may use."""
        account, learnt = self._account(request), self._learnt()
        held = self.stock.rows(np.array([sticker for sticker, _, _ in self.store.downloads(account)], np.int64))
        kept = self.store.candidates(account)
        rows = self.stock.usual(learnt, held) if kept is None else self.stock.rows(kept)
        return self._tagged(request, account, encode(self.stock.message(rows, held, learnt)))

    def export(self, request: Request) -> Response:
        """All that is kept of this person."""
        account = self._account(request)
        kept = self.store.preference(account)
        rows = [
            {"sticker": sticker, "kind": Kind(kind).name.lower(), "day": date.fromordinal(EPOCH.toordinal() + day).isoformat()}
            for sticker, kind, day in self.store.downloads(account)
        ]
        found: dict[str, Any] = {"downloads": rows, "preference": np.frombuffer(kept or b"", np.int8).tolist()}
        chosen = self.store.candidates(account)
        return JSONResponse({**found, "candidates": None if chosen is None else chosen.tolist()}, headers=UNSTORED)

    def erase(self, request: Request) -> Response:
        """Erase the account with its token, downloads, numbers and candidates."""
        self.store.erase(self._account(request))
        return Response(status_code=204, headers=UNSTORED)

    def _keep_own(self, account: int, ids: tuple[int, ...], kind: Kind) -> None:
        """Keep a person's own download and bring the person's numbers up to date."""
        self.store.add_own(account, ids, kind=kind, day=self.clock().astimezone(UTC).date())
        learnt = self._learnt()
        if learnt is not None:
            fold_in(self.store, self.stock, learnt, account)

    def _load(self, body: bytes) -> Response:
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise PeerError("malformed-message", "logs are CSV or JSON lines in UTF-8; nothing was loaded") from None
        rows, new = load(self.store, self.stock, text, name="the body")
        return JSONResponse({"downloads": rows, "new": new}, 201, headers=UNSTORED)

    def _own_stickers(self, order: OwnDownload) -> tuple[tuple[int, ...], Kind]:
        try:
            kind = Kind.of(order.kind)
            if (order.sticker is None) == (order.package is None):
                raise ValueError("name a sticker or a package, one of them")
            if order.package is None:
                return (sticker_id(order.sticker, self.stock.catalogue),), kind
            if order.package not in self.stock.packages:
                raise ValueError("no package has this name")
            return self.stock.packages[order.package], kind
        except ValueError as error:
            raise PeerError("malformed-message", f"{error}; nothing was kept") from None

    def _learnt(self) -> Learnt | None:
        return last_learnt(self.store, self.stock)

    def _tagged(self, request: Request, account: int, body: bytes) -> Response:
        """The body, or 304 where the device has it already."""
        headers = {**PRIVATE, "ETag": self.secrets.tag(account, body)}
        if headers["ETag"] in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=BINARY)

    def _account(self, request: Request) -> int:
        account = self.store.account(self.secrets.kept(_token(request)))
        if account is None:
            raise PeerError("not-authorized", "the account's token is missing or wrong")
        return account

    def _require_operator(self, request: Request) -> None:
        if not self.secrets.is_operator(_token(request)):
            raise PeerError("not-authorized", "the operator's token is missing or wrong")


def _token(request: Request) -> str:
    """What was sent as a bearer token; PeerError if none was."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not 1 <= len(token.strip()) <= MOST_TOKEN:
        raise PeerError("not-authorized", "this needs a token")
    return token.strip()


async def _body(request: Request, most: int) -> bytes:
    """The whole body, bounded while it comes."""
    return await whole_body(
        request.stream(), most, PeerError("too-large", f"at most {most} bytes can be sent here; nothing was kept")
    )


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PeerError("malformed-message", f"the body cannot be read ({type(error).__name__}); nothing was kept") from None


def _answer_own_error(request: Request, error: Exception) -> Response:
    """A refusal; what a loader finds wrong with logs is for the sender to read."""
    if isinstance(error, UsageError):
        return problem_response(PeerError("malformed-message", str(error)))
    return answer_choral_error(request, error)


def _answer_failure(_: Request, error: Exception) -> Response:
    log.error("failed", extra={"facts": {"error": type(error).__name__}})
    return problem_response(BROKEN)
