"""The companion as its page holds it: locked, or open with diary, settings, agent and what was understood.

Requests wait their turn for one thread; what takes long (reading files, learning) happens on another. The diary's own
transactions keep the two apart, and a lock keeps opening and locking apart.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock, RLock
from typing import Any, Protocol
from zoneinfo import ZoneInfo, available_timezones

from jinja2 import Environment
from starlette.responses import RedirectResponse, Response

from choral.apps.companion.device.diary import Diary
from choral.apps.companion.device.home import Home, Locked, Opened
from choral.apps.companion.page.forms import clear_incoming
from choral.apps.companion.page.mind import Mind, understand
from choral.apps.companion.page.session import Session
from choral.apps.companion.page.settings import Settings, recut
from choral.apps.companion.page.watching import Watching
from choral.device import Agent
from choral.device.keys import Witness
from choral.numerics import Entropy
from choral.pages import environment, page

SEE_OTHER = 303
NEUTRAL = "Notes"  # what titles say in discreet mode
PLAIN = ("begin.html", "unlock.html", "cover.html", "said_no.html", "erased.html")  # shown to who may not see an open one
QUICK_LABELS = 200  # with more, learning takes a part of a second
BETWEEN_LESSONS = timedelta(minutes=1)


def _templates() -> Environment:
    """The page's templates, compiled already, so that nobody waits for that."""
    made = environment(__package__)
    for name in made.list_templates(extensions=["html"]):
        made.get_template(name)
    return made


class Agents(Protocol):
    """How the agent of an open companion is composed."""

    def __call__(self, opened: Opened, settings: Settings) -> Agent:
        """The agent, whose road leads to the settings' server, if there is one."""
        ...


@dataclass(slots=True, eq=False)
class Room:
    """The open companion. zone: of the clock on the wall; mind: what was understood so far, and `learnt` when

    is_stale: whether something was said since; lesson: one thread learns at a time
    """

    opened: Opened
    settings: Settings
    zone: ZoneInfo
    agent: Agent
    mind: Mind
    learnt: datetime
    is_stale: bool = False
    lesson: Lock = field(default_factory=Lock, repr=False)

    @property
    def diary(self) -> Diary:
        """The person's own record."""
        return self.opened.diary


@dataclass(slots=True, eq=False)
class Progress:
    """A file that is being read. read: items so far"""

    name: str
    read: int = 0


@dataclass(slots=True, eq=False, kw_only=True)
class Desk:
    """All that the pages share.

    zone: of the clock on the wall, unless the person chose another; clock: the time; agents: composes an agent
    ring: where the operating system keeps a passphrase, if it does
    """

    home: Home
    zone: ZoneInfo
    clock: Callable[[], datetime]
    entropy: Entropy
    agents: Agents
    watching: Watching
    templates: Environment = field(default_factory=_templates)
    ring: Witness | None = None
    zones: tuple[str, ...] = field(default_factory=lambda: tuple(sorted(available_timezones())), repr=False)
    reading: Progress | None = None
    said: list[str] = field(default_factory=list)
    session: Session = field(init=False)
    _room: Room | None = field(default=None, init=False, repr=False)
    _used: datetime | None = field(default=None, init=False)
    _turn: RLock = field(default_factory=RLock, init=False, repr=False)

    def __post_init__(self) -> None:
        self.session = Session(self.entropy)
        clear_incoming(self.home.folder)

    def now(self) -> datetime:
        """The time by the clock on the wall."""
        return self.clock().astimezone(self._room.zone if self._room else self.zone)

    def create(self, passphrase: str, now: datetime) -> str:
        """Make a new companion and open it; the key of its session."""
        with self._turn:
            return self._enter(self.home.create(passphrase, now), now)

    def unlock(self, passphrase: str, now: datetime) -> str:
        """Open it; the key of its session. WrongPassphrase or TooSoon otherwise."""
        with self._turn:
            opened = self.home.unlock(passphrase, now)
            self._leave()
            return self._enter(opened, now)

    def room(self, now: datetime) -> Room:
        """The open companion, which stays open by being used; Locked if it is not open."""
        with self._turn:
            try:
                opened = self.home.use(now)
            except Locked:
                self._leave()
                raise
            if self._room is None or self._room.opened is not opened:
                raise Locked("the companion is locked; type the passphrase")
            self._used = now
            return self._room

    def open_room(self) -> Room | None:
        """The open companion, without using it."""
        return self._room

    def lock(self) -> None:
        """Let go of everything."""
        with self._turn:
            self._leave()
            self.home.lock()

    def is_left_alone(self, now: datetime) -> bool:
        """Whether nobody has used it for so long that it is to be locked."""
        return self._used is not None and not timedelta() <= now - self._used <= self.home.lock_after

    def doze(self, now: datetime) -> Room | None:
        """Lock if nobody has used it for too long; the open companion otherwise."""
        with self._turn:
            if self.is_left_alone(now):
                self.lock()
            return self._room

    def choose(self, room: Room, settings: Settings) -> None:
        """Keep other settings, and live by them from now on."""
        if settings.per_day != room.settings.per_day:
            recut(room.diary, room.settings.per_day, settings.per_day)
        settings.keep(room.diary)
        self._settle(room, settings)

    def renew(self, room: Room) -> None:
        """Everything anew from the diary, after what is in it was put there or forgotten at large."""
        self._settle(room, Settings.read(room.diary))
        learn(room, self.now())

    def say(self, *lines: str) -> None:
        """Sentences for the next page."""
        self.said.extend(lines)

    def is_covered(self, now: datetime) -> bool:
        """Whether contents are hidden at the moment."""
        return self._room is not None and self._room.settings.is_discreet and not self.session.shows(now)

    def page(self, name: str, title: str, *, status: int = 200, **content: Any) -> Response:
        """A page of the companion; sentences that wait are said on it, unless it is one that shows nothing of anybody."""
        room = None if name in PLAIN else self._room
        is_discreet = self.home.exists and (room is None or room.settings.is_discreet)
        said: tuple[str, ...] = ()
        if room is not None:
            said, self.said = tuple(self.said), []
        shared = {"is_open": room is not None, "is_discreet": is_discreet, "said": said, "neutral": NEUTRAL}
        return page(self.templates, name, status=status, title=title, **shared, **content)

    def _enter(self, opened: Opened, now: datetime) -> str:
        settings = Settings.read(opened.diary)
        zone = settings.clock(self.zone)
        mind = understand(opened.diary, settings, zone, now.astimezone(zone))
        self._room = Room(opened, settings, zone, self.agents(opened, settings), mind, now)
        self._used = now
        self._settle(self._room, settings)
        self.watching.write(opened.diary)
        return self.session.begin()

    def _settle(self, room: Room, settings: Settings) -> None:
        if _road(settings) != _road(room.settings):
            room.agent = self.agents(room.opened, settings)
        room.settings, room.zone = settings, settings.clock(self.zone)
        self.home.lock_after = settings.lock_after
        self.watching.is_on = settings.is_watching

    def _leave(self) -> None:
        self._room = self._used = None
        self.said = []
        self.session.end()


def _road(settings: Settings) -> tuple[str, str, bool]:
    """What an agent is composed of."""
    return settings.server, settings.operator, settings.trusts_sums


def learn(room: Room, now: datetime) -> None:
    """Understand the diary as it is now; a lesson begun earlier ends first, or it would bring back what was redacted since."""
    with room.lesson:
        room.is_stale, room.learnt = False, now
        room.mind = understand(room.diary, room.settings, room.zone, now)


def learn_in_time(room: Room, now: datetime) -> None:
    """Understand what was said since, at once while that is quick, else once a minute or on another day."""
    is_quick = sum(map(len, room.mind.record.labels.values())) < QUICK_LABELS
    is_late = not timedelta() <= now - room.learnt < BETWEEN_LESSONS
    if (room.is_stale and (is_quick or is_late)) or room.learnt.date() != now.date():
        learn(room, now)


def go(path: str) -> Response:
    """On to another page, by GET."""
    return RedirectResponse(path, SEE_OTHER)
