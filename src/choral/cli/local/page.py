"""A page about one person, served on this machine while something lasts: what demos and tests leave open."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from rich.console import Console
from starlette.types import ASGIApp

from choral.cli.http import address, listen
from choral.cli.local.server import LocalServer, stay
from choral.device import Budget
from choral.device.keys import KeyFile
from choral.numerics import SystemEntropy
from choral.pages import Door
from choral.storage import SqliteDeviceStore

BUDGET = Budget.nats(day=16, year=64, life=64)  # of the person at this machine
Make = Callable[[Door, set[str]], ASGIApp]


@contextmanager
def page_served(make: Make) -> Iterator[str]:
    """The page that `make` gives for a door and the hosts it answers to; yields a link that opens it once."""
    listener, door = listen("127.0.0.1", 0), Door(SystemEntropy())
    host = address(listener)
    config = uvicorn.Config(make(door, {host}), log_level="warning", access_log=False, ws="none", server_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield door.link(f"http://{host}", now())
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def visitor_store() -> Iterator[SqliteDeviceStore]:
    """The store of one more device, for the person at this machine; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="choral-visitor-") as folder:
        place = Path(folder)
        store = SqliteDeviceStore(place / "store.sqlite", KeyFile(place / "key").key())
        try:
            yield store
        finally:
            store.close()


def stay_with_page(console: Console, name: str, server: LocalServer, make: Make) -> None:
    """Serve the page beside the server's dashboard until the person interrupts."""
    with page_served(make) as link:
        console.print(f"{name}, for one browser: {link}\nDashboard: {server.url}/", soft_wrap=True)
        stay(console)


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)
