"""A page about one person as an application: its ways behind the door, one thread for all of them, refusals in words.

A device belongs to one thread: every request waits its turn for it. What is typed comes in the body of a request, never in
an address. Leaves to an app what each way does.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from jinja2 import Environment
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from choral.errors import ChoralError
from choral.pages.asked import Asked
from choral.pages.headers import INTERACTIVE, secure
from choral.pages.layout import environment, page, static_files
from choral.pages.loopback import Door, guarded

MOST_BYTES = 16_384  # of a request, unless a page asks for more
NOT_FOUND, CONFLICT, BROKEN = 404, 409, 500
TITLES = {NOT_FOUND: "There is nothing here", BROKEN: "Something broke here"}
NO_TITLE = "This cannot be done"
Shows = Mapping[str, Callable[[], Response]]
Acts = Mapping[str, Callable[[Asked], Response]]
Answers = Callable[[Request], object]


def personal(
    door: Door,
    *,
    package: str,
    shows: Shows,
    acts: Acts,
    hosts: Collection[str],
    clock: Callable[[], datetime],
    most_bytes: int = MOST_BYTES,
) -> ASGIApp:
    """The application behind the door.

    package: has the static files; shows, acts: what GET and POST answer at a path, one at a time and on one thread
    hosts: as browsers name this machine, such as "127.0.0.1:8000"; most_bytes: of what is posted
    """
    desk = _Desk(environment(package), most_bytes)
    routes = [Route(path, desk.showing(show)) for path, show in shows.items()]
    routes += [Route(path, desk.doing(act), methods=["POST"]) for path, act in acts.items()]
    app = Starlette(
        routes=[*routes, Mount("/static", static_files(package))],
        exception_handlers={HTTPException: desk.refused, ChoralError: desk.said_no, BROKEN: desk.broken},
    )
    return secure(guarded(app, door, hosts=hosts, clock=clock), INTERACTIVE)


def sentence(error: Exception) -> str:
    """An error as a sentence."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


@dataclass(frozen=True, slots=True, eq=False)
class _Desk:
    templates: Environment
    most_bytes: int
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "page"))

    def showing(self, show: Callable[[], Response]) -> Answers:
        """What answers GET."""

        async def answer(_: Request) -> Response:
            return await self._turn(show)

        return answer

    def doing(self, act: Callable[[Asked], Response]) -> Answers:
        """What answers POST."""

        async def answer(request: Request) -> Response:
            asked = await Asked.read(request, self.most_bytes)
            return await self._turn(lambda: act(asked))

        return answer

    async def refused(self, request: Request, error: Exception) -> Response:
        """What is not there, or cannot be read."""
        status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (BROKEN, "")
        return self._error(status, "" if status == NOT_FOUND else detail)

    async def said_no(self, request: Request, error: Exception) -> Response:
        """What a guard or a peer refused, in its own words."""
        return self._error(CONFLICT, sentence(error))

    async def broken(self, request: Request, error: Exception) -> Response:
        """A mistake of ours; nothing of the request is quoted."""
        return self._error(BROKEN, "")

    async def _turn(self, act: Callable[[], Response]) -> Response:
        return await asyncio.get_running_loop().run_in_executor(self.thread, act)

    def _error(self, status: int, detail: str) -> Response:
        title = TITLES.get(status, NO_TITLE)
        return page(self.templates, "error.html", status=status, code=status, title=title, detail=detail, remedy="")
