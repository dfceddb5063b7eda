"""The routes of an operator: what may be published, read unpublished, and rolled back, with the operator's token alone."""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from choral.errors import PeerError
from choral.protocol import Signed, decode
from choral.protocol.bounded import whole_body
from choral.server.publish import publish_release, publish_task
from choral.server.tasks import TaskBook
from choral.server.versions import roll_back

BINARY = "application/octet-stream"
LARGEST_POSTED = 2**26
UNCACHED = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class OperatorDesk:
    """Answers whoever shows the token; what is published needs a trusted signature besides."""

    book: TaskBook
    server_key: Ed25519PrivateKey
    operators: frozenset[bytes]
    operator_token: str
    clock: Callable[[], datetime]

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/v1/operator/tasks", self.post_task, methods=["POST"]),
            Route("/v1/operator/releases", self.post_release, methods=["POST"]),
            Route("/v1/operator/releases/{hash}", self.unpublished),
            Route("/v1/operator/rollback", self.rollback, methods=["POST"]),
        ]

    async def post_task(self, request: Request) -> Response:
        """Publish a signed task."""
        signed = decode(await self._posted(request), Signed)
        public = self.server_key.public_key().public_bytes_raw()
        names, now = self.book.names, self.clock()
        hash_ = publish_task(self.book.store, signed, operators=self.operators, names=names, server_key=public, now=now)
        return JSONResponse({"hash": hash_.hex()}, 201, headers=UNCACHED)

    async def post_release(self, request: Request) -> Response:
        """Publish signed public data."""
        signed = decode(await self._posted(request), Signed)
        hash_ = publish_release(self.book.store, signed, operators=self.operators)
        return JSONResponse({"hash": hash_.hex()}, 201, headers=UNCACHED)

    def unpublished(self, request: Request) -> Response:
        """The whole state behind a release, for its operator."""
        self._require_operator(request)
        found = self.book.store.unpublished(hash_in(request))
        if found is None:
            raise PeerError("unknown-page", "no release of a batch has this hash")
        return Response(found, headers=UNCACHED, media_type=BINARY)

    async def rollback(self, request: Request) -> Response:
        """Make an earlier version of a model the current one."""
        task, version = rollback_in(await self._posted(request))
        found = roll_back(self.book, task, version, now=self.clock())
        view = {"task": task.hex(), "version": found.number}
        return JSONResponse(view, headers=UNCACHED)

    async def _posted(self, request: Request) -> bytes:
        """The operator's body, bounded while it comes."""
        self._require_operator(request)
        refusal = PeerError("too-large", f"at most {LARGEST_POSTED} bytes can be posted")
        return await whole_body(request.stream(), LARGEST_POSTED, refusal)

    def _require_operator(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        given, due = (hashlib.sha256(text.encode()).digest() for text in (token.strip(), self.operator_token))
        if scheme.lower() != "bearer" or not hmac.compare_digest(given, due):
            raise PeerError("not-authorized", "the operator's token is missing or wrong")


def hash_in(request: Request) -> bytes:
    """The 32 bytes that a path names in lower-case hex."""
    text = request.path_params["hash"]
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise PeerError("unknown-page", "a hash is 64 lower-case hexadecimal digits")
    return bytes.fromhex(text)


def rollback_in(body: bytes) -> tuple[bytes, int]:
    """The task and the version in a JSON body {"task": hash, "version": number}; PeerError for anything else."""
    try:
        posted = json.loads(body)
        task, version = bytes.fromhex(posted["task"]), posted["version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        task, version = b"", None
    if len(task) != 32 or type(version) is not int or not 0 <= version < 2**32:
        raise PeerError("malformed-message", 'a roll-back is JSON: {"task": 64 hexadecimal digits, "version": a number}')
    return task, version
