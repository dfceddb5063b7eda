"""The link page's addresses. A device belongs to one thread: every request waits its turn for it.

A link and a page come in the body of a request, never in an address, and the page's bytes are never shown or run.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from jinja2 import Environment
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from choral.apps.phishing.context import Context
from choral.apps.phishing.markup import MOST_BYTES
from choral.apps.phishing.page.views import PanelView, answer_view, panel_view
from choral.apps.phishing.urls import MOST_CHARACTERS
from choral.apps.phishing.watch import LinkWatch
from choral.device import Conditions
from choral.errors import ChoralError
from choral.pages import INTERACTIVE, Door, environment, guarded, page, secure, static_files

MOST_BODY = 2 * MOST_BYTES + 8 * MOST_CHARACTERS
BAD_REQUEST, NOT_FOUND, CONFLICT, TOO_LARGE, BROKEN = 400, 404, 409, 413, 500
TITLES = {NOT_FOUND: "There is nothing here", BROKEN: "Something broke here"}
LEISURE = Conditions(idle=True, charging=True, unmetered=True)
FOREIGN = "The request is not the page's own; reload the page."
R = TypeVar("R")


def application(
    watch: LinkWatch,
    door: Door,
    *,
    hosts: Collection[str],
    clock: Callable[[], datetime],
    here: Callable[[datetime], Context],
) -> ASGIApp:
    """The page of this device behind the door. hosts: as browsers name this machine; here: where and when this is."""
    links = _Links(watch, clock, here, environment(__package__))
    app = Starlette(
        routes=[
            Route("/", links.index),
            Route("/panel", links.panel),
            Route("/look", links.look, methods=["POST"]),
            Route("/report", links.report, methods=["POST"]),
            Route("/refresh", links.refresh, methods=["POST"]),
            Route("/train", links.train, methods=["POST"]),
            Route("/consent", links.consent, methods=["POST"]),
            Route("/forget", links.forget, methods=["POST"]),
            Route("/export", links.export),
            Mount("/static", static_files(__package__)),
        ],
        exception_handlers={HTTPException: links.refused, ChoralError: links.said_no, BROKEN: links.broken},
    )
    return secure(guarded(app, door, hosts=hosts, clock=clock), INTERACTIVE)


@dataclass(slots=True, eq=False)
class _Links:
    watch: LinkWatch
    clock: Callable[[], datetime]
    here: Callable[[datetime], Context]
    templates: Environment
    said: tuple[str, ...] = ()
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "links"))

    async def index(self, request: Request) -> Response:
        """The page."""
        return page(self.templates, "links.html", panel=await self._turn(self._panel))

    async def panel(self, request: Request) -> Response:
        """The part of the page that changes when something was done."""
        return page(self.templates, "panel.html", panel=await self._turn(self._panel))

    async def look(self, request: Request) -> Response:
        """What is said about a link, and about a page that the person dropped."""
        body = await _body(request)
        link, data = _text(body, "link"), _bytes(body, "page")
        now = self.clock()
        try:
            answer = await self._turn(lambda: self.watch.receive(link, data, self.here(now), now))
        except ChoralError as error:
            return page(self.templates, "refusal.html", text=str(error))
        return page(self.templates, "answer.html", answer=answer_view(answer))

    async def report(self, request: Request) -> Response:
        """The person's own word about a link; it stays here."""
        body = await _body(request)
        link, phishing = _text(body, "link"), body.get("phishing") is True
        await self._turn(lambda: self.watch.book.report(link, phishing=phishing, now=self.clock()))
        label = "phishing" if phishing else "not phishing"
        return await self._shown(f"You said that it is {label}. Your word decides here, and stays here.")

    async def refresh(self, request: Request) -> Response:
        """Get the newest model and labels."""
        lines = await self._turn(lambda: self.watch.refresh(self.clock()))
        return await self._shown(*(lines or ("Model and labels are the newest that there are.",)))

    async def train(self, request: Request) -> Response:
        """The person says that the device has leisure: one turn."""
        steps = await self._turn(lambda: self.watch.agent.tick(self.clock(), LEISURE))
        return await self._shown(*([step.text for step in steps] or ["There was nothing to do."]))

    async def consent(self, request: Request) -> Response:
        """Yes or no to the Terms of a hash."""
        body = await _body(request)
        terms, agreed = _hash(body, "terms"), body.get("agreed") is True
        await self._turn(lambda: self._agree(terms, agreed=agreed))
        return await self._shown("You said yes." if agreed else "You said no: records and waiting reports are deleted.")

    async def forget(self, request: Request) -> Response:
        """Let go of what the person reported."""
        await self._turn(self.watch.book.forget)
        return await self._shown("What you reported is forgotten. The public labels stay.")

    async def export(self, request: Request) -> Response:
        """Everything this device keeps, as JSON."""
        return JSONResponse(await self._turn(self.watch.export), headers={"Content-Disposition": "attachment"})

    async def refused(self, request: Request, error: Exception) -> Response:
        """What is not there, or cannot be read."""
        status = error.status_code if isinstance(error, HTTPException) else BROKEN
        return self._error(status, error.detail if isinstance(error, HTTPException) else "")

    async def said_no(self, request: Request, error: Exception) -> Response:
        """What a guard or a peer refused, in its own words."""
        return self._error(CONFLICT, str(error))

    async def broken(self, request: Request, error: Exception) -> Response:
        """A mistake of ours; nothing of the request is quoted."""
        return self._error(BROKEN, "")

    async def _shown(self, *said: str) -> Response:
        self.said = said
        return page(self.templates, "panel.html", panel=await self._turn(self._panel))

    async def _turn(self, act: Callable[[], R]) -> R:
        """What the device answers, on its own thread."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, act)

    def _panel(self) -> PanelView:
        return panel_view(self.watch, self.said)

    def _agree(self, terms: bytes, *, agreed: bool) -> None:
        if agreed:
            self.watch.agent.agree(terms, self.clock())
        else:
            self.watch.agent.withdraw(terms)

    def _error(self, status: int, detail: str) -> Response:
        title = TITLES.get(status, "This cannot be done")
        return page(self.templates, "error.html", status=status, code=status, title=title, detail=detail, remedy="")


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object in a request of at most MOST_BODY bytes."""
    parts, size = list[bytes](), 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BODY:
            raise HTTPException(TOO_LARGE, f"The page is too large; {MOST_BYTES:,} bytes are read at most.")
        parts.append(part)
    try:
        found = json.loads(b"".join(parts))
    except (ValueError, RecursionError):
        raise HTTPException(BAD_REQUEST, FOREIGN) from None
    if not isinstance(found, dict):
        raise HTTPException(BAD_REQUEST, FOREIGN)
    return found


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise HTTPException(BAD_REQUEST, FOREIGN)
    return value.encode("utf-8", "replace").decode()  # lone halves of characters are no text


def _hash(body: dict[str, Any], name: str) -> bytes:
    value = _text(body, name)
    if len(value) != 64 or set(value) - set("0123456789abcdef"):
        raise HTTPException(BAD_REQUEST, FOREIGN)
    return bytes.fromhex(value)


def _bytes(body: dict[str, Any], name: str) -> bytes | None:
    """What stands there in base 64; None for nothing."""
    value = body.get(name)
    if value is None:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise HTTPException(BAD_REQUEST, FOREIGN) from None
