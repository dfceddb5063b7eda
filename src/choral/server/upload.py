"""The upload road: raw ASGI, because six thousand reports a second pass here. Everything but the body is dropped.

Knows HTTP's size and encoding headers and the anonymous token's, reads no other, and hands on nothing but the bytes of
report and token.
"""

import asyncio
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.types import Message, Receive, Scope, Send

from choral.errors import ChoralError, PeerError
from choral.protocol import SIZE_CLASSES
from choral.server.ingest import admit
from choral.server.intake import Intake
from choral.server.problem_responses import problem_response
from choral.server.tasks import TaskBook

PATH = "/v1/reports"
TOKEN = re.compile(rb'PrivateToken token="([A-Za-z0-9_=-]{1,1024})"')
LARGEST = SIZE_CLASSES[-1]
BODY_SECONDS = 30.0  # a phone on a bad line sends 64 KiB in less
ACCEPTED: Message = {"type": "http.response.start", "status": 204, "headers": [(b"cache-control", b"no-store")]}
NO_BODY: Message = {"type": "http.response.body", "body": b""}
EARLY = ("too-large", "wrong-size", "malformed-message", "unavailable")
CLOSE = {"Connection": "close"}  # what follows an unread body on this connection is nobody's request


class ClientLeft(Exception):  # noqa: N818  # named for what happened
    """The client closed the connection before its report was here; nobody is left to answer."""


@dataclass(frozen=True, slots=True)
class Upload:
    """The ASGI application at PATH."""

    book: TaskBook
    intake: Intake
    clock: Callable[[], datetime]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """204 once the report is durable, or a problem document."""
        try:
            if scope["method"] != "POST":
                await problem_response(PeerError("wrong-method", "reports are sent with POST"), {"Allow": "POST"})(
                    scope, receive, send
                )
                return
            require_size(scope["headers"])
            body = await read_body(receive)
            await self.intake.keep(admit(self.book, body, self.clock(), token_in(scope["headers"])))
        except ClientLeft:
            return
        except ChoralError as error:
            await problem_response(error, _connection(error))(scope, receive, send)
            return
        await send(ACCEPTED)
        await send(NO_BODY)


def require_size(headers: list[tuple[bytes, bytes]]) -> None:
    """PeerError, before any byte of the body is read, if its announced size or its encoding is not one of a report."""
    announced = None
    for name, value in headers:
        if name == b"content-length":
            announced = _length(value)
        elif name == b"content-encoding" and value.strip().lower() != b"identity":
            raise PeerError("malformed-message", "a report is sent as it is, without a content encoding")
    if announced is None:
        return
    if announced > LARGEST:
        raise PeerError("too-large", f"the largest report has {LARGEST} bytes, {announced} are announced")
    if announced not in SIZE_CLASSES:
        raise PeerError("wrong-size", f"a report has one of {SIZE_CLASSES} bytes, {announced} are announced")


def token_in(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The anonymous token in `Authorization: PrivateToken token="..."` (RFC 9577); empty if there is none."""
    for name, value in headers:
        if name == b"authorization":
            found = TOKEN.fullmatch(value)
            try:
                return urlsafe_b64decode(found[1]) if found else b""
            except ValueError:
                return b""
    return b""


async def read_body(receive: Receive) -> bytes:
    """The whole body, never more than a largest report of it in memory; PeerError if it is too large or too slow."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            message = await receive()
            if not message.get("more_body", False) and message["type"] == "http.request":
                return bytes(message.get("body", b""))
            return await _read_rest(receive, message)
    except TimeoutError:
        raise PeerError("unavailable", f"the report did not come whole within {BODY_SECONDS:g} seconds") from None


async def _read_rest(receive: Receive, message: Message) -> bytes:
    body = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise ClientLeft
        body += message.get("body", b"")
        if len(body) > LARGEST:
            raise PeerError("too-large", f"the largest report has {LARGEST} bytes, more came")
        if not message.get("more_body", False):
            return bytes(body)
        message = await receive()


def _length(value: bytes) -> int:
    if not value.isdigit() or len(value) > 18:
        raise PeerError("malformed-message", "the content length is not a number")
    return int(value)


def _connection(error: ChoralError) -> dict[str, str]:
    """Refusals made before the body was read end the connection."""
    return CLOSE if isinstance(error, PeerError) and error.problem in EARLY else {}
