"""The chat page that the sticker demo leaves open: one more phone, for the person at this machine."""

from rich.console import Console

from choral.apps.stickers.device.personal import HttpAccount
from choral.apps.stickers.device.phone import Phone
from choral.apps.stickers.page import application
from choral.cli.demo.stickers_play import NAMES
from choral.cli.local.catalogue import LocalCatalogue
from choral.cli.local.page import BUDGET, now, stay_with_page, visitor_store
from choral.cli.local.server import LocalServer
from choral.device import HttpTransport
from choral.numerics import SystemEntropy


def chat(console: Console, server: LocalServer, catalogue: LocalCatalogue, *, operator: bytes, token: str) -> None:
    """One more phone, with a page to chat on, until the person interrupts."""
    with visitor_store() as store:
        phone = Phone.opened(
            store=store,
            names=NAMES,
            operators=frozenset({operator}),
            transport=HttpTransport(server.url),
            entropy=SystemEntropy(),
            budget=BUDGET,
        )
        phone.download(HttpAccount(catalogue.url, token))
        phone.refresh(now())
        stay_with_page(console, "Chat page", server, lambda door, hosts: application(phone, door, hosts=hosts, clock=now))
