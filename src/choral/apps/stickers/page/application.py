"""The chat page's addresses. A phone belongs to one thread: every request waits its turn for it.

What is typed comes in the body of a request, never in an address, and goes no further than the ranking.
"""

import asyncio
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

from choral.apps.stickers.page.views import PanelView, panel_view
from choral.apps.stickers.phone import Phone
from choral.device import Conditions
from choral.errors import ChoralError
from choral.pages import INTERACTIVE, Door, environment, guarded, page, secure, static_files

MOST_BYTES = 16_384
BAD_REQUEST, NOT_FOUND, CONFLICT, TOO_LARGE, BROKEN = 400, 404, 409, 413, 500
TITLES = {NOT_FOUND: "There is nothing here", BROKEN: "Something broke here"}
LEISURE = Conditions(idle=True, charging=True, unmetered=True)
R = TypeVar("R")


def application(phone: Phone, door: Door, *, hosts: Collection[str], clock: Callable[[], datetime]) -> ASGIApp:
    """The page of this phone behind the door. hosts: as browsers name this machine, such as "127.0.0.1:8000"."""
    chat = _Chat(phone, clock, environment(__package__))
    app = Starlette(
        routes=[
            Route("/", chat.index),
            Route("/panel", chat.panel),
            Route("/suggest", chat.suggest, methods=["POST"]),
            Route("/choose", chat.choose, methods=["POST"]),
            Route("/train", chat.train, methods=["POST"]),
            Route("/consent", chat.consent, methods=["POST"]),
            Route("/forget", chat.forget, methods=["POST"]),
            Route("/export", chat.export),
            Mount("/static", static_files(__package__)),
        ],
        exception_handlers={HTTPException: chat.refused, ChoralError: chat.said_no, BROKEN: chat.broken},
    )
    return secure(guarded(app, door, hosts=hosts, clock=clock), INTERACTIVE)


@dataclass(slots=True, eq=False)
class _Chat:
    phone: Phone
    clock: Callable[[], datetime]
    templates: Environment
    said: tuple[str, ...] = ()
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "phone"))

    async def index(self, request: Request) -> Response:
        """The page."""
        return page(self.templates, "chat.html", panel=await self._turn(self._panel))

    async def panel(self, request: Request) -> Response:
        """The part of the page that changes when something was done."""
        return await self._shown()

    async def suggest(self, request: Request) -> Response:
        """Stickers for what is being typed; nothing of it stays here."""
        text = _text(await _body(request), "text")
        shown = await self._turn(lambda: self.phone.suggest(text))
        stickers = [dict(zip(("symbol", "name"), self.phone.shelf.symbol(id_), strict=True)) for id_ in shown.ids]
        return JSONResponse({"display": shown.number, "stickers": stickers})

    async def choose(self, request: Request) -> Response:
        """One of what is displayed was taken."""
        body = await _body(request)
        number, place = _number(body, "display"), _number(body, "place")
        id_ = await self._turn(lambda: self.phone.choose(number, place, self.clock()))
        symbol, name = self.phone.shelf.symbol(id_)
        return JSONResponse({"symbol": symbol, "name": name})

    async def train(self, request: Request) -> Response:
        """The person says that the device has leisure: one turn."""
        trained = await self._turn(lambda: self.phone.train(self.clock(), LEISURE))
        learnt = f"This phone's own model has learnt from {_choices(trained.learnt)}."
        self.said = (learnt, *(step.text for step in trained.steps))
        return await self._shown()

    async def consent(self, request: Request) -> Response:
        """Yes or no to the Terms of a hash."""
        body = await _body(request)
        terms, agreed = _text(body, "terms"), body.get("agreed") is True
        await self._turn(lambda: self._agree(bytes.fromhex(terms), agreed=agreed))
        self.said = ("You said yes." if agreed else "You said no: what waited for these reports is deleted.",)
        return await self._shown()

    async def forget(self, request: Request) -> Response:
        """Let the person's own model go."""
        await self._turn(self.phone.forget_learnt)
        self.said = ("What this phone had learnt of you is deleted. Reports that were sent cannot be called back.",)
        return await self._shown()

    async def export(self, request: Request) -> Response:
        """Everything this phone keeps, as JSON."""
        return JSONResponse(await self._turn(self.phone.export), headers={"Content-Disposition": "attachment"})

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

    async def _shown(self) -> Response:
        return page(self.templates, "panel.html", panel=await self._turn(self._panel))

    async def _turn(self, act: Callable[[], R]) -> R:
        """What the phone answers, on its own thread."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, act)

    def _panel(self) -> PanelView:
        return panel_view(self.phone, self.said)

    def _agree(self, terms: bytes, *, agreed: bool) -> None:
        if agreed:
            self.phone.agent.agree(terms, self.clock())
        else:
            self.phone.agent.withdraw(terms)

    def _error(self, status: int, detail: str) -> Response:
        title = TITLES.get(status, "This cannot be done")
        return page(self.templates, "error.html", status=status, code=status, title=title, detail=detail, remedy="")


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object in a request of at most MOST_BYTES."""
    parts, size = list[bytes](), 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise HTTPException(TOO_LARGE, "The message is too long.")
        parts.append(part)
    try:
        found = json.loads(b"".join(parts))
    except (ValueError, RecursionError):
        raise HTTPException(BAD_REQUEST, "The request is not the page's own; reload the page.") from None
    if not isinstance(found, dict):
        raise HTTPException(BAD_REQUEST, "The request is not the page's own; reload the page.")
    return found


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise HTTPException(BAD_REQUEST, f"The request has no {name}; reload the page.")
    if name == "terms" and not (len(value) == 64 and set(value) <= set("0123456789abcdef")):
        raise HTTPException(BAD_REQUEST, "The request names no Terms; reload the page.")
    return value


def _number(body: dict[str, Any], name: str) -> int:
    value = body.get(name)
    if type(value) is not int:
        raise HTTPException(BAD_REQUEST, f"The request has no {name}; reload the page.")
    return value


def _choices(count: int) -> str:
    return {0: "no new choice", 1: "one new choice"}.get(count, f"{count} new choices")
