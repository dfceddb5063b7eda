"""Privacy: what left this device byte for byte, what it cost, and what is allowed, all of it off until the person says yes."""

from dataclasses import replace
from typing import Any

from starlette.responses import Response

from choral.apps.companion.page.desk import Desk, go
from choral.apps.companion.page.forms import Ask, wrong
from choral.device.statement import answer, purposes, what_left

MOST_SHOWN = 50  # uploads on one page; the export has all
HASH_DIGITS = 64


def show(desk: Desk, ask: Ask) -> Response:
    """What left, and the purposes."""
    room = desk.room(ask.now)
    found: dict[str, Any] = {"left": what_left(room.agent), "purposes": purposes(room.agent), "settings": room.settings}
    return desk.page("privacy.html", "Privacy", tab="privacy", most=MOST_SHOWN, **found)


def welcome_consent(desk: Desk, ask: Ask) -> Response:
    """The last page of the first run: each purpose, off."""
    room = desk.room(ask.now)
    return desk.page("consent.html", "What you allow", purposes=purposes(room.agent), settings=room.settings)


def consent(desk: Desk, ask: Ask) -> Response:
    """Yes or no to the Terms of a hash."""
    room, terms = desk.room(ask.now), ask.text("terms")
    if len(terms) != HASH_DIGITS or not set(terms) <= set("0123456789abcdef"):
        raise wrong("the form names no Terms")
    desk.say(answer(room.agent, bytes.fromhex(terms), agreed=ask.is_on("agree"), now=ask.now))
    return go(_back(ask))


def trust(desk: Desk, ask: Ask) -> Response:
    """Allow reports that hide only in a sum, or take that back, and with it every yes that rests on it."""
    room, allowed = desk.room(ask.now), ask.is_on("on")
    if not allowed:
        for row in room.agent.export()["consents"]:
            if row["trust"] == "sum":
                room.agent.withdraw(bytes.fromhex(row["terms"]))
    desk.choose(room, replace(room.settings, trusts_sums=allowed))
    desk.say(
        "Sums are trusted: each purpose still asks for itself." if allowed else "Sums are not trusted, and nothing rests on it."
    )
    return go(_back(ask))


def _back(ask: Ask) -> str:
    return "/welcome/consent" if ask.is_on("welcome") else "/privacy#purposes"
