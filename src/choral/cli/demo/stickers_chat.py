"""The chat page that the sticker demo leaves open: one more phone, for the person at this machine."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from choral.apps.stickers.page import application
from choral.apps.stickers.personal import HttpAccount
from choral.apps.stickers.phone import Phone
from choral.cli.demo.stickers_play import NAMES
from choral.cli.local.catalogue import LocalCatalogue
from choral.cli.local.page import page_served
from choral.cli.local.server import LocalServer, stay
from choral.device import Budget, HttpTransport
from choral.device.keys import KeyFile
from choral.numerics import SystemEntropy
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
        with page_served(lambda door, hosts: application(phone, door, hosts=hosts, clock=_now)) as link:
            console.print(f"Chat page, for one browser: {link}\nDashboard: {server.url}/", soft_wrap=True)
            stay(console)
        phone.store.close()


def _now() -> datetime:
    return datetime.now(UTC)
