"""The chat page that the sticker demo leaves open: one more phone, for the person at this machine."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from rich.console import Console

from choral.apps.stickers.page import application
from choral.apps.stickers.personal import HttpAccount
from choral.apps.stickers.phone import Phone
from choral.cli.demo_stickers_play import NAMES
from choral.cli.http import listen
from choral.cli.local_catalogue import LocalCatalogue
from choral.cli.local_server import LocalServer, stay
from choral.device import Budget, HttpTransport
from choral.device.keys import KeyFile
from choral.numerics import SystemEntropy
from choral.pages import Door
from choral.storage import SqliteDeviceStore


def chat(console: Console, server: LocalServer, catalogue: LocalCatalogue, *, operator: bytes, token: str) -> None:
    """One more phone, with a page to chat on, until the person interrupts."""
    with tempfile.TemporaryDirectory(prefix="choral-phone-") as folder:
        place = Path(folder)
        phone = Phone.opened(
            store=SqliteDeviceStore(place / "store.sqlite", KeyFile(place / "key").key()),
            names=NAMES,
            operators=frozenset({operator}),
            transport=HttpTransport(server.url),
            entropy=SystemEntropy(),
            budget=Budget.nats(day=16, year=64, life=64),
        )
        phone.download(HttpAccount(catalogue.url, token))
        phone.refresh(datetime.now(UTC))
        with served(phone) as link:
            console.print(f"Chat page, for one browser: {link}\nDashboard: {server.url}/", soft_wrap=True)
            stay(console)
        phone.store.close()


@contextmanager
def served(phone: Phone) -> Iterator[str]:
    """The phone's page on loopback while the context lasts; a link that opens it once."""
    listener = listen("127.0.0.1", 0)
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    door = Door(SystemEntropy())
    app = application(phone, door, hosts={origin.removeprefix("http://")}, clock=_now)
    config = uvicorn.Config(app, log_level="warning", access_log=False, ws="none", server_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield door.link(origin, _now())
    finally:
        server.should_exit = True
        thread.join()


def _now() -> datetime:
    return datetime.now(UTC)
