"""Asks the public API, in process and without any credential: what it does not tell everyone, no page can show."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.types import ASGIApp

from choral.errors import PeerError

HOST = "http://dashboard.invalid"  # never resolved: requests stay in this process
Document = dict[str, Any]


class ApiError(PeerError):
    """The API said no, with this HTTP status; `remedy` is what it advises."""

    def __init__(self, status: int, problem: str, detail: str, remedy: str) -> None:
        super().__init__(problem, detail)
        self.status = status
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class PublicApi:
    """The JSON API of one server."""

    api: ASGIApp

    async def tasks(self) -> list[Document]:
        """All tasks."""
        listed: list[Document] = await self._get("/v1/tasks")
        return listed

    async def task(self, name: str) -> Document:
        """The task of this hash; ApiError 404 if there is none."""
        document: Document = await self._get(f"/v1/tasks/{name}")
        return document

    async def model(self, name: str) -> Document:
        """The model of the task of this hash, version by version; ApiError 404 if there is no such task."""
        document: Document = await self._get(f"/v1/models/{name}")
        return document

    async def rounds(self, name: str) -> list[Document]:
        """The rounds of a task, the latest first."""
        listed: list[Document] = await self._get(f"/v1/tasks/{name}/rounds")
        return listed

    async def releases(self) -> list[Document]:
        """All releases, the latest first."""
        listed: list[Document] = await self._get("/v1/releases")
        return sorted(listed, key=lambda one: one["created"], reverse=True)

    async def release(self, name: str) -> Document:
        """The release of this hash with its items; ApiError 404 if there is none."""
        document: Document = await self._get(f"/v1/releases/{name}")
        return document

    async def _get(self, path: str) -> Any:
        transport = httpx.ASGITransport(self.api)
        async with httpx.AsyncClient(transport=transport, base_url=HOST, trust_env=False) as client:
            answer = await client.get(path)
        if answer.status_code != httpx.codes.OK:
            raise _refusal(answer)
        return answer.json()


def _refusal(answer: httpx.Response) -> ApiError:
    try:
        problem = answer.json()
    except json.JSONDecodeError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    kind, detail, remedy = (str(problem.get(name, "")) for name in ("type", "detail", "remedy"))
    return ApiError(answer.status_code, kind, detail, remedy)
