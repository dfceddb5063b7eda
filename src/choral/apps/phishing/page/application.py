"""The link page's addresses and what they do on the device.

A link and a page come in the body of a request, never in an address, and the page's bytes are never shown or run.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from choral.apps.phishing.device.context import Context
from choral.apps.phishing.device.markup import MOST_BYTES
from choral.apps.phishing.device.urls import MOST_CHARACTERS
from choral.apps.phishing.device.watch import LinkWatch
from choral.apps.phishing.page.views import answer_view, panel_view
from choral.device import Conditions
from choral.device.statement import answer
from choral.errors import ChoralError
from choral.pages import Asked, Door, environment, page, personal, sentence

MOST_BODY = 2 * MOST_BYTES + 8 * MOST_CHARACTERS
LEISURE = Conditions(idle=True, charging=True, unmetered=True)


def application(
    watch: LinkWatch,
    door: Door,
    *,
    hosts: Collection[str],
    clock: Callable[[], datetime],
    here: Callable[[datetime], Context],
) -> ASGIApp:
    """The page of this device behind the door. hosts: as browsers name this machine; here: where and when this is."""
    links = _Links(watch, clock, here, environment(__package__))
    return personal(
        door,
        package=__package__,
        shows={"/": links.index, "/panel": links.panel, "/export": links.export},
        acts={
            "/look": links.look,
            "/report": links.report,
            "/refresh": links.refresh,
            "/train": links.train,
            "/consent": links.consent,
            "/forget": links.forget,
        },
        hosts=hosts,
        clock=clock,
        most_bytes=MOST_BODY,
    )


@dataclass(slots=True, eq=False)
class _Links:
    watch: LinkWatch
    clock: Callable[[], datetime]
    here: Callable[[datetime], Context]
    templates: Environment
    said: tuple[str, ...] = ()

    def index(self) -> Response:
        """The page."""
        return page(self.templates, "links.html", panel=panel_view(self.watch, self.said), most_bytes=MOST_BYTES)

    def panel(self) -> Response:
        """The part of the page that changes when something was done."""
        return page(self.templates, "panel.html", panel=panel_view(self.watch, self.said))

    def look(self, asked: Asked) -> Response:
        """What is said about a link, and about a page that the person dropped."""
        link, data, now = asked.text("link"), asked.data("page"), self.clock()
        if data == b"":
            return page(self.templates, "refusal.html", text="The file is empty; save the page again.")
        try:
            found = self.watch.receive(link, data, self.here(now), now)
        except ChoralError as error:
            return page(self.templates, "refusal.html", text=sentence(error))
        return page(self.templates, "answer.html", answer=answer_view(found))

    def report(self, asked: Asked) -> Response:
        """The person's own word about a link; it stays here."""
        phishing = asked.is_true("phishing")
        self.watch.book.report(asked.text("link"), phishing=phishing, now=self.clock())
        label = "phishing" if phishing else "not phishing"
        return self._shown(f"You said that it is {label}. Your word decides here, and stays here.")

    def refresh(self, asked: Asked) -> Response:
        """Get the newest model and labels."""
        lines = self.watch.refresh(self.clock())
        return self._shown(*(lines or ("Model and labels are the newest that there are.",)))

    def train(self, asked: Asked) -> Response:
        """The person says that the device has leisure: one turn."""
        steps = self.watch.agent.tick(self.clock(), LEISURE)
        return self._shown(*([step.text for step in steps] or ["There was nothing to do."]))

    def consent(self, asked: Asked) -> Response:
        """Yes or no to the Terms of a hash."""
        return self._shown(answer(self.watch.agent, asked.hash("terms"), agreed=asked.is_true("agreed"), now=self.clock()))

    def forget(self, asked: Asked) -> Response:
        """Let go of what the person reported."""
        self.watch.book.forget()
        return self._shown("What you reported is forgotten. The public labels stay.")

    def export(self) -> Response:
        """Everything this device keeps, as JSON."""
        return JSONResponse(self.watch.export(), headers={"Content-Disposition": "attachment"})

    def _shown(self, *said: str) -> Response:
        self.said = said
        return self.panel()
