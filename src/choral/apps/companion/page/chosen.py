"""Settings, and the pages of the first run after the passphrase."""

from dataclasses import replace

from starlette.responses import Response

from choral.apps.companion.device.asking import MOST_TIMES
from choral.apps.companion.importers import IMPORTERS
from choral.apps.companion.page.desk import Desk, Room, go, learn
from choral.apps.companion.page.forms import Ask, wrong
from choral.apps.companion.page.settings import LENGTHS, LOCKS, Settings, checked_zone
from choral.apps.companion.page.telling import untell_all

COUNTRY_LETTERS = 2


def show(desk: Desk, ask: Ask) -> Response:
    """What can be chosen."""
    room = desk.room(ask.now)
    return desk.page(
        "settings.html", "Settings", tab="settings", settings=room.settings, zones=desk.zones,
        default_zone=desk.zone.key, lengths=LENGTHS, locks=LOCKS, most_times=MOST_TIMES, waiting=desk.watching.waiting,
    )  # fmt: skip


def keep(desk: Desk, ask: Ask) -> Response:
    """Keep what was chosen; what cannot be is said, and nothing is changed."""
    room = desk.room(ask.now)
    country = ask.text("country").upper()
    if country and not (len(country) == COUNTRY_LETTERS and country.isascii() and country.isalpha()):
        raise wrong("a country is two letters")
    settings = replace(
        room.settings.beside(server=ask.text("server"), operator=ask.text("operator")),
        zone=checked_zone(ask.text("zone").strip()),
        quiet_from=ask.number("quiet_from", 0, 23),
        quiet_to=ask.number("quiet_to", 0, 23),
        times=ask.number("times", 0, MOST_TIMES),
        lock_minutes=_one_of(ask, "lock_minutes", LOCKS),
        per_day=_one_of(ask, "per_day", tuple(LENGTHS)),
        is_watching=ask.is_on("is_watching"),
        country=country,
    )
    is_new_road = (settings.server, settings.operator) != (room.settings.server, room.settings.operator)
    if is_new_road:
        settings = _without_trust(desk, room, settings)
    is_recut = settings.per_day != room.settings.per_day or settings.zone != room.settings.zone
    desk.choose(room, settings)
    if is_recut:
        untell_all(room)
        learn(room, ask.now)
    if is_new_road and settings.has_server:
        desk.say(*(step.text for step in room.agent.refresh(ask.now)))
    desk.say("Kept.")
    return go("/settings")


def _without_trust(desk: Desk, room: Room, settings: Settings) -> Settings:
    """Another server is another question: every yes to the one before ends, and what waited for it is deleted."""
    agreed = room.agent.export()["consents"]
    for row in agreed:
        room.agent.withdraw(bytes.fromhex(row["terms"]))
    if agreed or settings.trusts_sums:
        desk.say("Every yes to the server before is taken back, and what waited for it is deleted.")
    return replace(settings, trusts_sums=False)


def welcome(desk: Desk, ask: Ask) -> Response:
    """The first run's second page: bring something, let the watcher look, or skip both."""
    room = desk.room(ask.now)
    return desk.page(
        "welcome.html", "Bring something", importers=IMPORTERS, settings=room.settings, imports=room.diary.imports()
    )


def watch(desk: Desk, ask: Ask) -> Response:
    """Switch the watcher on or off."""
    room = desk.room(ask.now)
    desk.choose(room, replace(room.settings, is_watching=ask.is_on("on")))
    sees = desk.watching.look() is not None if ask.is_on("on") else True
    desk.say("The watcher is on." if ask.is_on("on") else "The watcher is off.")
    if not sees:
        desk.say("But this desktop tells no program what is in front: nothing will be noticed until it does.")
    return go("/welcome" if ask.is_on("welcome") else "/settings")


def _one_of(ask: Ask, name: str, allowed: tuple[int, ...]) -> int:
    value = ask.number(name, 0, 10_000)
    if value not in allowed:
        raise wrong(f"{name} is none of {', '.join(map(str, allowed))}")
    return value
