"""Privacy: what left this device byte for byte, what it cost, and what is allowed, all of it off until the person says yes."""

from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response

from choral.apps.companion.page.desk import Desk, Room, go
from choral.apps.companion.page.forms import Ask, wrong
from choral.apps.companion.sent import what_left
from choral.device import Offer
from choral.pages import Promise, promises

MOST_SHOWN = 50  # uploads on one page; the export has all
HASH_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Purpose:
    """One thing that could be agreed to. left: reports that its Terms still allow"""

    terms: str
    purpose: str
    signal: str
    unit: str
    trust: str
    epsilon: float
    a_day: int
    left: int
    for_life: int
    agreed: bool
    promises: tuple[Promise, ...]


def show(desk: Desk, ask: Ask) -> Response:
    """What left, and the purposes."""
    room = desk.room(ask.now)
    found: dict[str, Any] = {"left": what_left(room.agent), "purposes": purposes(room), "settings": room.settings}
    return desk.page("privacy.html", "Privacy", tab="privacy", most=MOST_SHOWN, **found)


def welcome_consent(desk: Desk, ask: Ask) -> Response:
    """The last page of the first run: each purpose, off."""
    room = desk.room(ask.now)
    return desk.page("consent.html", "What you allow", purposes=purposes(room), settings=room.settings)


def consent(desk: Desk, ask: Ask) -> Response:
    """Yes or no to the Terms of a hash."""
    room, terms = desk.room(ask.now), ask.text("terms")
    if len(terms) != HASH_DIGITS or not set(terms) <= set("0123456789abcdef"):
        raise wrong("the form names no Terms")
    if ask.is_on("agree"):
        room.agent.agree(bytes.fromhex(terms), ask.now)
        desk.say("You said yes. You can take it back here at any time.")
    else:
        room.agent.withdraw(bytes.fromhex(terms))
        desk.say("You said no. What waited for these reports is deleted; what was sent cannot be found again by anyone.")
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


def purposes(room: Room) -> tuple[Purpose, ...]:
    """What is on offer, as far as this device knows."""
    ledger = room.agent.ledger()
    return tuple(_purpose(offer, ledger.use(offer.terms_hash).life_reports) for offer in room.agent.offers())


def _purpose(offer: Offer, used: int) -> Purpose:
    terms = offer.terms
    return Purpose(
        terms=offer.terms_hash.hex(),
        purpose=terms.purpose,
        signal=terms.signal,
        unit=terms.unit,
        trust=terms.trust,
        epsilon=terms.epsilon,
        a_day=terms.reports_per_day,
        left=max(terms.reports_for_life - used, 0),
        for_life=terms.reports_for_life,
        agreed=offer.agreed,
        promises=promises(offer.guarantees),
    )
