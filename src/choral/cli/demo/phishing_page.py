"""The link page that the phishing demo leaves open: one more device, for the person at this machine."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from choral.apps.phishing.context import Context
from choral.apps.phishing.page import application
from choral.apps.phishing.watch import LinkWatch
from choral.cli.demo.phishing_play import NAMES
from choral.cli.local.issuer import LocalIssuer
from choral.cli.local.page import page_served
from choral.cli.local.server import LocalServer, stay
from choral.device import Budget, HttpTransport
from choral.device.http import HttpIssuer
from choral.device.keys import KeyFile
from choral.numerics import SystemEntropy
from choral.storage import SqliteDeviceStore


def link_page(console: Console, server: LocalServer, issuer: LocalIssuer) -> None:
    """One more device, with a page to paste links on, until the person interrupts."""
    operator = server.keys.operator_key().public_key().public_bytes_raw()
    with tempfile.TemporaryDirectory(prefix="choral-links-") as folder:
        place = Path(folder)
        watch = LinkWatch.opened(
            store=SqliteDeviceStore(place / "store.sqlite", KeyFile(place / "key").key()),
            names=NAMES,
            operators=frozenset({operator}),
            transport=HttpTransport(server.url),
            entropy=SystemEntropy(),
            budget=Budget.nats(day=16, year=64, life=64),
            issuer=HttpIssuer(issuer.url, issuer.accounts(1)[0]),
        )
        watch.refresh(_now())
        with page_served(lambda door, hosts: application(watch, door, hosts=hosts, clock=_now, here=_here)) as link:
            console.print(f"Link page, for one browser: {link}\nDashboard: {server.url}/", soft_wrap=True)
            stay(console)
        watch.store.close()


def _here(now: datetime) -> Context:
    return Context("en", "", now.astimezone())


def _now() -> datetime:
    return datetime.now(UTC)
