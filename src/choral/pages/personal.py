"""A page about one person as an application: its ways behind the door, one thread for all of them, refusals in words.

A device belongs to one thread: every request waits its turn for it. What is typed comes in the body of a request, never in
an address. Leaves to an app what each way does; one with ways of its own (`behind`) keeps door, headers and refusals.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

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
MISTAKE = "It is a mistake of ours, and nothing of what you typed was written down for it."
Shows = Mapping[str, Callable[[], Response]]
Acts = Mapping[str, Callable[[Asked], Response]]
Answers = Callable[[Request], object]
Tells = Callable[[Request, int, str, str], Response]  # a page that says no: status, title, and why
R = TypeVar("R")


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
    return behind(door, package=package, routes=routes, tells=desk.told, hosts=hosts, clock=clock)


def behind(
    door: Door,
    *,
    package: str,
    routes: Sequence[Route],
    tells: Tells,
    hosts: Collection[str],
    clock: Callable[[], datetime],
) -> ASGIApp:
    """The routes and the package's static files behind the door; whatever is refused, `tells` says."""

    async def refused(request: Request, error: Exception) -> Response:
        status, why = _why(error)
        return tells(request, status, TITLES.get(status, NO_TITLE), why)

    app = Starlette(
        routes=[*routes, Mount("/static", static_files(package))],
        exception_handlers={HTTPException: refused, ChoralError: refused, BROKEN: refused},
    )
    return secure(guarded(app, door, hosts=hosts, clock=clock), INTERACTIVE)


async def in_turn(thread: ThreadPoolExecutor, act: Callable[[], R]) -> R:
    """What the act answers, once it had its turn on the thread."""
    return await asyncio.get_running_loop().run_in_executor(thread, act)


def sentence(error: Exception) -> str:
    """An error as a sentence."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _why(error: Exception) -> tuple[int, str]:
    """Status and words: a guard's or a peer's own; of a mistake of ours nothing is quoted."""
    if isinstance(error, HTTPException):
        return error.status_code, "" if error.status_code == NOT_FOUND else error.detail
    return (CONFLICT, sentence(error)) if isinstance(error, ChoralError) else (BROKEN, MISTAKE)


@dataclass(frozen=True, slots=True, eq=False)
class _Desk:
    templates: Environment
    most_bytes: int
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "page"))

    def showing(self, show: Callable[[], Response]) -> Answers:
        """What answers GET."""

        async def answer(_: Request) -> Response:
            return await in_turn(self.thread, show)

        return answer

    def doing(self, act: Callable[[Asked], Response]) -> Answers:
        """What answers POST."""

        async def answer(request: Request) -> Response:
            asked = await Asked.read(request, self.most_bytes)
            return await in_turn(self.thread, lambda: act(asked))

        return answer

    def told(self, _: Request, status: int, title: str, why: str) -> Response:
        """A page that says no."""
        return page(self.templates, "error.html", status=status, code=status, title=title, detail=why, remedy="")
