"""A real server in a process of its own on this machine, with what its operator does: for demos, benchmarks and tests."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from choral.cli.local.process import Service, running
from choral.errors import ChoralError
from choral.protocol import Release, Task, decode, encode, sign
from choral.server import KeyFolder

WAIT_SECONDS = 30
SERVER = Service("server", ("serve",), "choral serves on ")


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A running server and its operator's desk.

    url: where it listens; data: its folder, with store and keys
    """

    url: str
    data: Path
    client: httpx.Client

    @property
    def keys(self) -> KeyFolder:
        """The server's key files."""
        return KeyFolder(self.data / "keys")

    def publish(self, message: Task | Release) -> None:
        """Sign a task, or public data, as the operator, and hand it to the server."""
        path = "/v1/operator/tasks" if isinstance(message, Task) else "/v1/operator/releases"
        body = encode(sign(message, self.keys.operator_key()))
        _checked(self.client.post(path, content=body, headers=self._operator()))

    def json(self, path: str) -> Any:
        """What the public interface says at `path`."""
        return _checked(self.client.get(path)).json()

    def unpublished(self, release: str) -> Release:
        """The whole state of a released batch, for the operator only."""
        answer = _checked(self.client.get(f"/v1/operator/releases/{release}", headers=self._operator()))
        return decode(answer.content, Release)

    def _operator(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys.operator_token()}"}


@contextmanager
def local_server(data: Path | None = None, *, database: str | None = None) -> Iterator[LocalServer]:
    """A server that runs while the context does, on a free port; in a temporary folder unless `data` names one.

    database: the PostgreSQL one that it keeps its tables in; else a file in the folder
    """
    service = replace(SERVER, command=(*SERVER.command, "--database", database)) if database else SERVER
    with running(service, data) as (url, folder), httpx.Client(base_url=url, timeout=WAIT_SECONDS) as client:
        yield LocalServer(url, folder, client)


def stay(console: Console) -> None:
    """Keep what runs running until the person interrupts."""
    console.print("Stop with Ctrl-C.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print("Stopped.")


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        try:
            problem = json.loads(answer.content)
        except ValueError:
            problem = {}
        raise ChoralError(f"the server refused {answer.request.url.path}: {problem.get('detail') or answer.status_code}")
    return answer
