"""Every address of the companion's page, and the rule under which it answers. What is not in this table is not there.

All of them lie behind the door of pages/loopback besides: this browser, this host, this origin.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from starlette.responses import Response

from choral.apps.companion.page import arrivals, chosen, data, entrance, ideas, moods, privacy, today, week
from choral.apps.companion.page.desk import Desk
from choral.apps.companion.page.forms import MOST_FILE, Ask

Rule = Literal[
    "any",  # whoever is let in by the door; shows nothing
    "new",  # only while there is no companion yet
    "shut",  # once there is one, open or locked; shows nothing of it
    "open",  # only while it is open, and only for the browser that opened it
]


@dataclass(frozen=True, slots=True)
class Way:
    """One address. takes: what a POST brings; most: bytes of a file; learns: whether there is something to learn after it

    waits: whether it asks somebody else, who may be slow: meanwhile other pages answer, and Lock locks
    """

    method: Literal["GET", "POST"]
    path: str
    rule: Rule
    answer: Callable[[Desk, Ask], Response]
    takes: Literal["form", "file"] = "form"
    most: int = MOST_FILE
    learns: bool = False
    waits: bool = False


WAYS = (
    Way("GET", "/", "any", entrance.index),
    Way("GET", "/begin", "new", entrance.begin),
    Way("POST", "/begin", "new", entrance.create),
    Way("GET", "/unlock", "shut", entrance.locked),
    Way("POST", "/unlock", "shut", entrance.unlock),
    Way("POST", "/lock", "open", entrance.lock),
    Way("GET", "/welcome", "open", chosen.welcome),
    Way("GET", "/welcome/consent", "open", privacy.welcome_consent),
    Way("GET", "/today", "open", today.show),
    Way("POST", "/today/label", "open", today.label, learns=True),
    Way("POST", "/today/mood", "open", today.feel, learns=True),
    Way("GET", "/week", "open", week.show),
    Way("GET", "/mood", "open", moods.show),
    Way("GET", "/suggestions", "open", ideas.show),
    Way("POST", "/suggestions/ask", "open", ideas.ask_for),
    Way("POST", "/suggestions/answer", "open", ideas.answer, learns=True),
    Way("GET", "/privacy", "open", privacy.show),
    Way("POST", "/privacy/consent", "open", privacy.consent),
    Way("POST", "/privacy/sums", "open", privacy.trust),
    Way("GET", "/data", "open", data.show),
    Way("GET", "/data/export", "open", data.export),
    Way("POST", "/data/restore", "open", data.put_back, takes="file", most=data.MOST_EXPORT),
    Way("POST", "/data/redact", "open", data.redact),
    Way("POST", "/data/forget", "open", data.forget),
    Way("POST", "/data/erase", "open", data.erase),
    Way("POST", "/data/passphrase", "open", data.change_passphrase),
    Way("POST", "/data/discreet", "open", data.set_discreet),
    Way("POST", "/reveal", "open", data.reveal),
    Way("POST", "/cover", "open", data.cover),
    Way("GET", "/import", "open", arrivals.show),
    Way("POST", "/import", "open", arrivals.take, takes="file"),
    Way("GET", "/import/progress", "open", arrivals.progress),
    Way("POST", "/import/activitywatch", "open", arrivals.take_activitywatch, waits=True),
    Way("GET", "/settings", "open", chosen.show),
    Way("POST", "/settings", "open", chosen.keep, waits=True),
    Way("POST", "/settings/watcher", "open", chosen.watch),
)
