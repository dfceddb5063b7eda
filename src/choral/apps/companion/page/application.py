"""The companion's page as an application: each way of the table behind the door, and behind its own rule.

A request waits its turn for one thread; a file is read, somebody else asked, and the diary learnt from, on another. What is
typed comes in the body of a request and goes into the diary; nothing of it is logged.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from choral.apps.companion.device.home import Locked
from choral.apps.companion.page.desk import Desk, go, learn_in_time
from choral.apps.companion.page.entrance import CONFLICT, is_let_in
from choral.apps.companion.page.forms import Ask, Upload, incoming, read_form, receive
from choral.apps.companion.page.routes import WAYS, Way
from choral.apps.companion.page.session import cookie_name
from choral.errors import ChoralError
from choral.pages import INTERACTIVE, Door, guarded, secure, sentence, static_files

NOT_FOUND, LOCKED, BROKEN = 404, 423, 500
TITLES = {NOT_FOUND: "There is nothing here", BROKEN: "Something broke here"}
R = TypeVar("R")


def application(desk: Desk, door: Door, *, hosts: Collection[str]) -> ASGIApp:
    """The page of this companion behind the door. hosts: as browsers name this machine, such as "127.0.0.1:8000"."""
    gate = _Gate(desk)
    routes = [Route(way.path, gate.endpoint(way), methods=[way.method]) for way in WAYS]
    app = Starlette(
        routes=[*routes, Mount("/static", static_files(__package__))],
        exception_handlers={HTTPException: gate.refused, Locked: gate.shut, ChoralError: gate.said_no, BROKEN: gate.broken},
    )
    return secure(guarded(app, door, hosts=hosts, clock=desk.clock), INTERACTIVE)


@dataclass(frozen=True, slots=True, eq=False)
class _Gate:
    desk: Desk
    turns: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "companion"))
    work: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "companion-work"))

    def endpoint(self, way: Way) -> Callable[[Request], object]:
        """What answers at a way: nobody is let further than its rule allows, and no body is read before that."""

        async def answer(request: Request) -> Response:
            ask = _ask(request, self.desk, {})
            refusal = await _in(self.turns, lambda: self._refusal(way, ask))
            if refusal is not None:
                return refusal
            response = await (self._file(way, request) if way.takes == "file" else self._form(way, request))
            if way.learns:
                self.work.submit(self._learn)
            return response

        return answer

    async def _form(self, way: Way, request: Request) -> Response:
        form = await read_form(request) if way.method == "POST" else {}
        ask = _ask(request, self.desk, form)
        return await _in(self.work if way.waits else self.turns, lambda: way.answer(self.desk, ask))

    async def _file(self, way: Way, request: Request) -> Response:
        with incoming(self.desk.home.folder) as path:
            upload = await receive(request, path, most=way.most)
            ask = _ask(request, self.desk, {}, upload)
            return await _in(self.work, lambda: way.answer(self.desk, ask))

    def _refusal(self, way: Way, ask: Ask) -> Response | None:
        """Why this way does not answer now; None if it does."""
        if way.rule == "any":
            return None
        if way.rule == "new":
            return go("/") if self.desk.home.exists else None
        if not self.desk.home.exists:
            return go("/begin")
        if way.rule == "shut":
            return None
        if not is_let_in(self.desk, ask):
            return self._shut(way.method)
        if way.method == "GET" and self.desk.is_covered(ask.now):
            return self.desk.page("cover.html", "Notes", to=ask.path)
        return None

    def _shut(self, method: str) -> Response:
        if method == "GET":
            return go("/unlock")
        return self._error(LOCKED, "It is locked", "Nothing was changed. Unlock it, then try again.", back="/unlock")

    def _learn(self) -> None:
        """Learn from what was said; not if it was locked meanwhile."""
        room = self.desk.open_room()
        if room is not None:
            room.is_stale = True
            with suppress(ChoralError):  # locked in the middle of it: there is nothing to understand then
                learn_in_time(room, self.desk.now())

    async def refused(self, request: Request, error: Exception) -> Response:
        """What is not there, or cannot be read."""
        status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (BROKEN, "")
        return self._told(request, status, TITLES.get(status, "This cannot be done"), "" if status == NOT_FOUND else detail)

    async def shut(self, request: Request, error: Exception) -> Response:
        """It locked itself meanwhile."""
        return self._shut(request.method)

    async def said_no(self, request: Request, error: Exception) -> Response:
        """What a guard, a file or a store refused, in its own words."""
        return self._told(request, CONFLICT, "This cannot be done", sentence(error))

    async def broken(self, request: Request, error: Exception) -> Response:
        """A mistake of ours; nothing of the request is quoted."""
        return self._told(request, BROKEN, TITLES[BROKEN], "Nothing that you typed was written down elsewhere.")

    def _told(self, request: Request, status: int, title: str, detail: str) -> Response:
        if "x-file-name" in request.headers:
            return JSONResponse({"said": detail or title, "problem": True}, status)
        return self._error(status, title, detail, back="/")

    def _error(self, status: int, title: str, detail: str, *, back: str) -> Response:
        return self.desk.page("said_no.html", title, status=status, detail=detail, back=back)


def _ask(request: Request, desk: Desk, form: Mapping[str, str], upload: Upload | None = None) -> Ask:
    query = f"?{request.url.query}" if request.url.query else ""
    return Ask(
        now=desk.now(),
        path=request.url.path + query,
        query=dict(request.query_params),
        form=form,
        headers=request.headers,
        key=_key(request),
        upload=upload,
    )


def _key(request: Request) -> str:
    """The session's key, as this browser keeps it."""
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get(cookie_name(request.headers.get("host", "")))
    except CookieError:
        return ""
    return found.value if found else ""


async def _in(thread: ThreadPoolExecutor, act: Callable[[], R]) -> R:
    return await asyncio.get_running_loop().run_in_executor(thread, act)
