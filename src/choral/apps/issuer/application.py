"""The issuer over HTTP: who has an account may ask for so many tokens a period, and not what for.

Source: RFC 9578, section 6 (issuance of publicly verifiable tokens); here one request can ask for several.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from choral.apps.issuer.store import IssuerStore
from choral.errors import ChoralError, PeerError, UsageError
from choral.numerics import Entropy
from choral.protocol.bounded import whole_body
from choral.protocol.tokens import MOST_TOGETHER, REQUEST, Issuer, TokenKey, asked, issue
from choral.server.api import with_headers
from choral.server.problem_responses import answer_choral_error, answer_http_error

ANSWER_TYPE = "application/private-token-response"
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many tokens an account may have in a period of so many seconds."""

    tokens: int
    seconds: int

    def __post_init__(self) -> None:
        if not 1 <= self.tokens <= 10_000 or not 60 <= self.seconds <= 366 * 86_400:
            raise UsageError(f"need 1 to 10,000 tokens in 60 seconds to a year, got {self.tokens} in {self.seconds}")

    def period(self, now: datetime) -> int:
        """The number of the period that `now` is in."""
        return int(now.timestamp()) // self.seconds


def application(
    store: IssuerStore,
    *,
    name: str,
    key: RSAPrivateKey,
    allowance: Allowance,
    operator_token: str,
    clock: Callable[[], datetime],
    entropy: Callable[[], Entropy],
) -> ASGIApp:
    """The ASGI application of an issuer. name: the host's, as tasks call it; entropy: makes a source for one request."""
    desk = Desk(store, Issuer(name, TokenKey(key.public_key())), key, allowance, operator_token, clock, entropy)
    handlers = {ChoralError: answer_choral_error, HTTPException: answer_http_error}
    return with_headers(Starlette(routes=desk.routes(), exception_handlers=handlers))


@dataclass(frozen=True, slots=True)
class Desk:
    """The routes of an issuer."""

    store: IssuerStore
    issuer: Issuer
    key: RSAPrivateKey
    allowance: Allowance
    operator_token: str
    clock: Callable[[], datetime]
    entropy: Callable[[], Entropy]

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/health", self.health),
            Route("/v1/issuer", self.about),
            Route("/v1/tokens", self.tokens, methods=["POST"]),
            Route("/v1/accounts", self.accounts, methods=["POST"]),
        ]

    def health(self, request: Request) -> Response:
        """Whether the store answers."""
        self.store.account("")
        return JSONResponse({"status": "ok"}, headers=NO_STORE)

    def about(self, request: Request) -> Response:
        """Name, key and allowance: public."""
        about = {
            "name": self.issuer.name,
            "key": b64encode(self.issuer.key.encoded).decode(),
            "tokens": self.allowance.tokens,
            "period_seconds": self.allowance.seconds,
        }
        return JSONResponse(about, headers={"Cache-Control": "public, max-age=300"})

    async def tokens(self, request: Request) -> Response:
        """As many answers as the body has requests, if the account's allowance covers all of them."""
        account = self.store.account(_bearer(request))
        if account is None:
            raise PeerError("not-authorized", "the account's token is missing or wrong")
        refusal = PeerError("too-large", f"at most {MOST_TOGETHER} requests together")
        requests = _split(await whole_body(request.stream(), MOST_TOGETHER * REQUEST.size, refusal))
        answers = await run_in_threadpool(self._issued, account, requests)
        return Response(b"".join(answers), headers=NO_STORE, media_type=ANSWER_TYPE)

    def accounts(self, request: Request) -> Response:
        """A new account, for the operator; its token is shown here and nowhere else."""
        given, due = (hashlib.sha256(text.encode()).digest() for text in (_bearer(request), self.operator_token))
        if not hmac.compare_digest(given, due):
            raise PeerError("not-authorized", "the operator's token is missing or wrong")
        return JSONResponse({"token": self.store.new_account()}, 201, headers=NO_STORE)

    def _issued(self, account: int, requests: list[bytes]) -> list[bytes]:
        """The answers, once they are counted; whoever does not get them asks again with the same bytes, which is free."""
        for one in requests:
            asked(self.issuer.key, one)
        period = self.allowance.period(self.clock())
        if not self.store.count(account, requests, period=period, allowance=self.allowance.tokens):
            raise PeerError("allowance-used", f"an account has {self.allowance.tokens} tokens a period, and no more")
        entropy = self.entropy()
        return [issue(self.key, one, entropy) for one in requests]


def _split(body: bytes) -> list[bytes]:
    count, rest = divmod(len(body), REQUEST.size)
    if rest or not 1 <= count <= MOST_TOGETHER:
        raise PeerError(
            "malformed-message", f"1 to {MOST_TOGETHER} requests of {REQUEST.size} bytes are due, {len(body)} bytes came"
        )
    return [body[start : start + REQUEST.size] for start in range(0, len(body), REQUEST.size)]


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
