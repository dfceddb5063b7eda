"""The companion's page as an application: each way of the table behind the door, and behind its own rule.

A request waits its turn for one thread; a file is read, somebody else asked, and the diary learnt from, on another. What is
typed comes in the body of a request and goes into the diary; nothing of it is logged.
"""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from choral.apps.companion.device.home import Locked
from choral.apps.companion.page.desk import Desk, go, learn_in_time
from choral.apps.companion.page.entrance import is_let_in
from choral.apps.companion.page.forms import Ask, incoming, read_form, receive
from choral.apps.companion.page.routes import WAYS, Way
from choral.errors import ChoralError
from choral.pages import Door, behind, in_turn

LOCKED = 423


def application(desk: Desk, door: Door, *, hosts: Collection[str]) -> ASGIApp:
    """The page of this companion behind the door. hosts: as browsers name this machine, such as "127.0.0.1:8000"."""
    gate = _Gate(desk)
    routes = [Route(way.path, gate.endpoint(way), methods=[way.method]) for way in WAYS]
    return behind(door, package=__package__, routes=routes, tells=gate.told, hosts=hosts, clock=desk.clock)


@dataclass(frozen=True, slots=True, eq=False)
class _Gate:
    desk: Desk
    turns: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "companion"))
    work: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "companion-work"))

    def endpoint(self, way: Way) -> Callable[[Request], object]:
        """What answers at a way: nobody is let further than its rule allows, and no body is read before that."""

        async def answer(request: Request) -> Response:
            ask = Ask.of(request, self.desk.now())
            refusal = await in_turn(self.turns, lambda: self._refusal(way, ask))
            if refusal is not None:
                return refusal
            try:
                response = await (self._file if way.takes == "file" else self._form)(way, request, ask)
            except Locked:  # by itself, or by the person, meanwhile
                return self._shut(way.method)
            if way.learns:
                self.work.submit(self._learn)
            return response

        return answer

    async def _form(self, way: Way, request: Request, ask: Ask) -> Response:
        form = await read_form(request) if way.method == "POST" else {}
        whole = replace(ask, form=form, now=self.desk.now())
        return await in_turn(self.work if way.waits else self.turns, lambda: way.answer(self.desk, whole))

    async def _file(self, way: Way, request: Request, ask: Ask) -> Response:
        with incoming(self.desk.home.folder) as path:
            upload = await receive(request, path, most=way.most)
            whole = replace(ask, upload=upload, now=self.desk.now())
            return await in_turn(self.work, lambda: way.answer(self.desk, whole))

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
        detail = "Nothing was changed. Unlock it, then try again."
        return self.desk.page("said_no.html", "It is locked", status=LOCKED, detail=detail, back="/unlock")

    def _learn(self) -> None:
        """Learn from what was said; not if it was locked meanwhile."""
        room = self.desk.open_room()
        if room is not None:
            room.is_stale = True
            with suppress(ChoralError):  # locked in the middle of it: there is nothing to understand then
                learn_in_time(room, self.desk.now())

    def told(self, request: Request, status: int, title: str, why: str) -> Response:
        """A page that says no, or, to the script that sends files, a line of the same."""
        if "x-file-name" in request.headers:
            return JSONResponse({"said": why or title, "problem": True}, status)
        return self.desk.page("said_no.html", title, status=status, detail=why, back="/")
