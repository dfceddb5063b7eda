"""The pages' addresses. What is the API's goes to it as it came, so that one port serves both."""

import re

from jinja2 import Environment
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from choral.apps.dashboard.models import model_view
from choral.apps.dashboard.public import ApiError, Document, PublicApi
from choral.apps.dashboard.quality import measured
from choral.apps.dashboard.releases import has_task, release_view
from choral.apps.dashboard.tasks import round_views, task_view
from choral.pages import environment, page, secure, static_files, with_error

API = re.compile(r"/v1/.*|/health|/openapi\.json")
HASH = re.compile(r"[0-9a-f]{64}")
NOT_FOUND, BROKEN = 404, 500
HISTOGRAM = "histogram"
MOST_SIBLINGS = 12  # releases that are read for one page
LIVE_SECONDS = 5  # between two looks, for a person who asked for that
TITLES = {NOT_FOUND: "There is nothing here", 405: "This page can only be read", BROKEN: "Something broke here"}
REMEDIES = {
    NOT_FOUND: "The address may be mistyped. The index page names all there is.",
    BROKEN: "It is our mistake and nothing was lost. Try again in a while.",
}


def application(api: ASGIApp) -> ASGIApp:
    """Pages over the public JSON of `api`, which itself answers its own paths and the server's start and stop."""
    pages = secure(_pages(_Dashboard(PublicApi(api), environment(__package__))))

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and not API.fullmatch(scope["path"])
        await (pages if is_page else api)(scope, receive, send)

    return routed


def _pages(dashboard: "_Dashboard") -> Starlette:
    return Starlette(
        routes=[
            Route("/", dashboard.index),
            Route("/tasks/{hash}", dashboard.task),
            Route("/models/{hash}", dashboard.model),
            Route("/releases/{hash}", dashboard.release),
            Mount("/static", static_files()),
        ],
        exception_handlers={HTTPException: dashboard.refused, ApiError: dashboard.refused, BROKEN: dashboard.broken},
    )


class _Dashboard:
    def __init__(self, public: PublicApi, templates: Environment) -> None:
        self._public = public
        self._templates = templates

    async def index(self, request: Request) -> Response:
        """All tasks and all releases."""
        tasks, releases = await self._public.tasks(), await self._public.releases()
        return page(
            self._templates,
            "index.html",
            tasks=[task_view(one) for one in tasks],
            releases=[_listed(one, tasks) for one in releases if has_task(one)],
            public_data=[one for one in releases if not has_task(one)],
        )

    async def task(self, request: Request) -> Response:
        """One task with its releases."""
        name = _hash(request)
        document, releases = await self._public.task(name), await self._public.releases()
        rounds = round_views(document, releases)
        return page(self._templates, "task.html", task=task_view(document), rounds=rounds)

    async def model(self, request: Request) -> Response:
        """The model that a task trains: its rounds and versions."""
        name = _hash(request)
        task, document, rounds = await self._public.task(name), await self._public.model(name), await self._public.rounds(name)
        if not task.get("trains"):
            raise HTTPException(NOT_FOUND)
        found = [one for release in await self._siblings(task) for one in measured(release, document["versions"])]
        latest = {one.version: one for one in sorted(found, key=lambda one: one.created)}
        quality = [latest[version] for version in sorted(latest)]
        view = model_view(document, task, rounds, quality)
        every = LIVE_SECONDS if "live" in request.query_params and view.task.is_live else 0
        return page(self._templates, "model.html", model=view, with_error=with_error, every=every)

    async def _siblings(self, task: Document) -> list[Document]:
        """The latest histograms of signals with the same first name, such as ranks of what a model suggested."""
        family = str(task["signal"]).rsplit(".", 1)[0] + "."
        listed = [one for one in await self._public.releases() if one["kind"] == HISTOGRAM]
        near = [one for one in listed if str(one["signal"]).startswith(family)]
        return [await self._public.release(one["hash"]) for one in near[:MOST_SIBLINGS]]

    async def release(self, request: Request) -> Response:
        """One release."""
        document = await self._public.release(_hash(request))
        task = await self._task_of(document) if has_task(document) else None
        return page(self._templates, "release.html", release=release_view(document, task))

    async def refused(self, request: Request, error: Exception) -> Response:
        """The page for what is not there or cannot be had now."""
        if isinstance(error, ApiError):
            return self._error(error.status, error.detail)
        return self._error(error.status_code if isinstance(error, HTTPException) else BROKEN)

    async def broken(self, request: Request, error: Exception) -> Response:
        """The page for a mistake of ours; the server's log has the rest."""
        return self._error(BROKEN)

    async def _task_of(self, document: Document) -> Document | None:
        try:
            return await self._public.task(document["task"])
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise
            return None

    def _error(self, status: int, detail: str = "") -> Response:
        title, remedy = TITLES.get(status, TITLES[BROKEN]), REMEDIES.get(status, REMEDIES[BROKEN])
        return page(self._templates, "error.html", status=status, code=status, title=title, detail=detail, remedy=remedy)


def _hash(request: Request) -> str:
    name: str = request.path_params["hash"]
    if not HASH.fullmatch(name):
        raise HTTPException(NOT_FOUND)
    return name


def _listed(release: Document, tasks: list[Document]) -> Document:
    """The release with its task's purpose and price, where the task is still known."""
    task: Document = next((one for one in tasks if one["hash"] == release["task"]), {})
    return {**release, "purpose": task.get("purpose", ""), "epsilon": task.get("epsilon")}
