"""The link page that the phishing demo leaves open: one more device, for the person at this machine."""

from datetime import datetime

from rich.console import Console

from choral.apps.phishing.device.context import Context
from choral.apps.phishing.device.watch import LinkWatch
from choral.apps.phishing.page import application
from choral.cli.demo.phishing_play import NAMES
from choral.cli.local.issuer import LocalIssuer
from choral.cli.local.page import BUDGET, now, stay_with_page, visitor_store
from choral.cli.local.server import LocalServer
from choral.device import HttpTransport
from choral.device.http import HttpIssuer
from choral.numerics import SystemEntropy


def link_page(console: Console, server: LocalServer, issuer: LocalIssuer) -> None:
    """One more device, with a page to paste links on, until the person interrupts."""
    with visitor_store() as store:
        watch = LinkWatch.opened(
            store=store,
            names=NAMES,
            operators=frozenset({server.keys.operator_key().public_key().public_bytes_raw()}),
            transport=HttpTransport(server.url),
            entropy=SystemEntropy(),
            budget=BUDGET,
            issuer=HttpIssuer(issuer.url, issuer.accounts(1)[0]),
        )
        watch.refresh(now())
        stay_with_page(
            console, "Link page", server, lambda door, hosts: application(watch, door, hosts=hosts, clock=now, here=_here)
        )


def _here(at: datetime) -> Context:
    return Context("en", "", at.astimezone())
