"""The chat page's addresses and what they do on the phone.

What is typed comes in the body of a request, never in an address, and goes no further than the ranking.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from choral.apps.stickers.device.phone import Phone
from choral.apps.stickers.page.views import panel_view
from choral.device import Conditions
from choral.device.statement import answer
from choral.pages import Asked, Door, environment, page, personal

LEISURE = Conditions(idle=True, charging=True, unmetered=True)


def application(phone: Phone, door: Door, *, hosts: Collection[str], clock: Callable[[], datetime]) -> ASGIApp:
    """The page of this phone behind the door. hosts: as browsers name this machine, such as "127.0.0.1:8000"."""
    chat = _Chat(phone, clock, environment(__package__))
    return personal(
        door,
        package=__package__,
        shows={"/": chat.index, "/panel": chat.panel, "/export": chat.export},
        acts={
            "/suggest": chat.suggest,
            "/choose": chat.choose,
            "/train": chat.train,
            "/consent": chat.consent,
            "/forget": chat.forget,
        },
        hosts=hosts,
        clock=clock,
    )


@dataclass(slots=True, eq=False)
class _Chat:
    phone: Phone
    clock: Callable[[], datetime]
    templates: Environment
    said: tuple[str, ...] = ()

    def index(self) -> Response:
        """The page."""
        return page(self.templates, "chat.html", panel=panel_view(self.phone, self.said))

    def panel(self) -> Response:
        """The part of the page that changes when something was done."""
        return page(self.templates, "panel.html", panel=panel_view(self.phone, self.said))

    def suggest(self, asked: Asked) -> Response:
        """Stickers for what is being typed; nothing of it stays here."""
        shown = self.phone.suggest(asked.text("text"))
        stickers = [dict(zip(("symbol", "name"), self.phone.shelf.symbol(id_), strict=True)) for id_ in shown.ids]
        return JSONResponse({"display": shown.number, "stickers": stickers})

    def choose(self, asked: Asked) -> Response:
        """One of what is displayed was taken."""
        id_ = self.phone.choose(asked.number("display"), asked.number("place"), self.clock())
        symbol, name = self.phone.shelf.symbol(id_)
        return JSONResponse({"symbol": symbol, "name": name})

    def train(self, asked: Asked) -> Response:
        """The person says that the device has leisure: one turn."""
        trained = self.phone.train(self.clock(), LEISURE)
        learnt = f"This phone's own model has learnt from {_choices(trained.learnt)}."
        return self._shown(learnt, *(step.text for step in trained.steps))

    def consent(self, asked: Asked) -> Response:
        """Yes or no to the Terms of a hash."""
        return self._shown(answer(self.phone.agent, asked.hash("terms"), agreed=asked.is_true("agreed"), now=self.clock()))

    def forget(self, asked: Asked) -> Response:
        """Let the person's own model go."""
        self.phone.forget_learnt()
        return self._shown("What this phone had learnt of you is deleted. Reports that were sent cannot be called back.")

    def export(self) -> Response:
        """Everything this phone keeps, as JSON."""
        return JSONResponse(self.phone.export(), headers={"Content-Disposition": "attachment"})

    def _shown(self, *said: str) -> Response:
        self.said = said
        return self.panel()


def _choices(count: int) -> str:
    return {0: "no new choice", 1: "one new choice"}.get(count, f"{count} new choices")
