"""One's own data: export, put back, redact, forget, erase, another passphrase, discreet mode."""

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from starlette.responses import JSONResponse, Response

from choral.apps.companion.device.home import VAULT
from choral.apps.companion.device.portable import everything, restore
from choral.apps.companion.device.slots import SLOT_SECONDS, slots_of
from choral.apps.companion.device.turns import LATEST
from choral.apps.companion.page.desk import Desk, Room, go, learn
from choral.apps.companion.page.entrance import CONFLICT, MOST, lay_in_ring
from choral.apps.companion.page.families import clock, stretch
from choral.apps.companion.page.forms import INCOMING, Ask, wrong
from choral.apps.companion.page.mind import keep_turns, turns_of
from choral.apps.companion.page.session import OPENED
from choral.apps.companion.page.settings import LENGTHS, NOTE, Settings
from choral.apps.companion.page.telling import untell
from choral.device.passphrase import PassphraseVault, TooSoon, WrongPassphrase
from choral.errors import Refused, StoreError, UsageError
from choral.pages import sentence

MOST_EXPORT = 128 * 2**20  # bytes of an export that is put back; five years are about six million
FORGET, ERASE = "forget", "erase"  # what is typed to be sure
HOURS = 24
MOST_DAYS = 366  # that are redacted at once


def show(desk: Desk, ask: Ask) -> Response:
    """Everything that can be done with one's own data."""
    room = desk.room(ask.now)
    extent, imports = room.diary.extent(), room.diary.imports()
    hours = [(hour, clock(hour, HOURS), clock(hour + 1, HOURS)) for hour in range(HOURS)]
    return desk.page(
        "data.html", "Your data", tab="privacy", extent=extent, imports=imports, today=ask.now.date(), hours=hours,
        has_ring=desk.ring is not None, folder=str(desk.home.folder), settings=room.settings,
    )  # fmt: skip


def export(desk: Desk, ask: Ask) -> Response:
    """All that is kept here, as one JSON file."""
    room = desk.room(ask.now)
    name = f"{'notes' if room.settings.is_discreet else 'companion'}-{ask.now.date()}.json"
    found = everything(room.diary, room.agent, now=ask.now)
    return JSONResponse(found, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def put_back(desk: Desk, ask: Ask) -> Response:
    """Put an export's diary back. A problem changes nothing."""
    room = desk.room(ask.now)
    if ask.upload is None:
        raise wrong("no file came")
    try:
        data = json.loads(ask.upload.path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UsageError("the file is no JSON, or it is cut off; export it again") from error
    _require_same_length(room, data)
    found = restore(room.diary, data, per_day=room.settings.per_day)
    desk.renew(room)
    text = f"Put back: {found.entries} entries, {found.labels} labels and {found.moods} moods that were not here."
    return JSONResponse({"said": text, "next": "/data"})


def _require_same_length(room: Room, data: Any) -> None:
    """UsageError for an export whose fragments are of another length than those that are here already."""
    diary = data.get("diary") if isinstance(data, dict) else None
    notes = diary.get("notes") if isinstance(diary, dict) else None
    settings = notes.get(NOTE) if isinstance(notes, dict) else None
    per_day = settings.get("per_day", Settings().per_day) if isinstance(settings, dict) else Settings().per_day
    if room.diary.extent() is not None and per_day != room.settings.per_day:
        length = LENGTHS[per_day] if type(per_day) is int and per_day in LENGTHS else "of another length"
        raise UsageError(f"the export's fragments are {length}; choose that in the settings first, then put it back")


def redact(desk: Desk, ask: Ask) -> Response:
    """Forget hours of one day, or of several."""
    room, day = desk.room(ask.now), ask.day()
    last_day = ask.day("last_day") if ask.form.get("last_day") else day
    per_day = room.settings.per_day
    if "hour" in ask.form:
        first, last = ask.number("hour", 0, 23) * per_day // 24, ask.number("last_hour", 0, 23)
        last = -(-(last + 1) * per_day // 24) - 1
    else:
        first, last = ask.number("first", 0, per_day - 1), ask.number("last", 0, per_day - 1)
    if last < first or not 0 <= (last_day - day).days <= MOST_DAYS:
        raise wrong(f"the end lies before the beginning, or more than {MOST_DAYS} days after it")
    for step in range((last_day - day).days + 1):
        _redact(room, day + timedelta(days=step), range(first, last + 1))
    learn(room, ask.now)
    until = "" if last_day == day else f" to {last_day}"
    desk.say(
        f"Redacted: {day}{until}, {stretch(first, last, per_day)}. Nothing of it is kept here any more, but that it was "
        "redacted: so no import brings it back."
    )
    return go(f"/today?day={day}")


def _redact(room: Room, day: date, fragments: range) -> None:
    """Hours of a day: from the diary, from what waits to be learnt with others, and from what was felt at suggestions."""
    slots = slots_of((), day, room.zone, per_day=room.settings.per_day)
    is_changed = slots.hours != HOURS  # what was logged over the change of the clock is told by the clock of before
    untell(room, day, fragments)
    room.diary.redact(day, fragments, per_day=room.settings.per_day, margin=3600 if is_changed else 0)
    gone = [slot.start for slot in slots.slots if slot.fragment in fragments]
    if gone:
        span = gone[0] - LATEST, gone[-1] + SLOT_SECONDS
        keep_turns(room.diary, tuple(one for one in turns_of(room.diary) if not span[0] <= one.at < span[1]))


def forget(desk: Desk, ask: Ask) -> Response:
    """Forget the diary, all consents and what waits; settings and what was paid stay. The store gets another key."""
    room = desk.room(ask.now)
    if ask.text("sure") != FORGET:
        raise UsageError(f"nothing was forgotten: type {FORGET!r} to be sure")
    settings = Settings.read(room.diary)
    desk.watching.forget()
    room.diary.forget()
    settings.keep(room.diary)
    room.agent.forget()
    desk.renew(room)
    desk.say("Everything is forgotten, and the key that could open an older copy of the store is destroyed.")
    return go("/data")


def erase(desk: Desk, ask: Ask) -> Response:
    """Destroy everything: keys first, then the files."""
    desk.room(ask.now)
    if ask.text("sure") != ERASE:
        raise UsageError(f"nothing was erased: type {ERASE!r} to be sure")
    desk.watching.forget()
    desk.watching.is_on = False
    desk.lock()
    desk.home.erase()
    shutil.rmtree(desk.home.folder / INCOMING, ignore_errors=True)
    if desk.ring is not None and desk.ring.witness():
        desk.ring.keep(b"")
    return OPENED.given(desk.page("erased.html", "Erased"), ask.headers, "")


def change_passphrase(desk: Desk, ask: Ask) -> Response:
    """Another passphrase, for who knows the one before; wrong ones cost the same time as at the door."""
    room = desk.room(ask.now)
    before, after = ask.text("before", most=MOST), ask.text("passphrase", most=MOST)
    if after != ask.text("again", most=MOST):
        raise UsageError("the two new passphrases are not the same; nothing was changed")
    try:
        PassphraseVault.open(desk.home.folder / VAULT, before, ask.now)
        room.opened.vault.change(after)
    except (TooSoon, WrongPassphrase, Refused, StoreError) as error:
        return desk.page("said_no.html", "Not changed", status=CONFLICT, detail=sentence(error), back="/data")
    desk.say("The passphrase is another one from now on.")
    if ask.is_on("ring") or (desk.ring is not None and desk.ring.witness()):
        desk.say(lay_in_ring(desk, after))
    return go("/data")


def set_discreet(desk: Desk, ask: Ask) -> Response:
    """Neutral titles, and no contents until they are revealed; or no longer."""
    room = desk.room(ask.now)
    desk.choose(room, replace(room.settings, is_discreet=ask.is_on("on")))
    desk.session.reveal(ask.now)
    desk.say("Discreet mode is on." if ask.is_on("on") else "Discreet mode is off.")
    return go("/data")


def reveal(desk: Desk, ask: Ask) -> Response:
    """Show contents for as long as the page is used."""
    desk.room(ask.now)
    desk.session.reveal(ask.now)
    to = ask.text("to")
    return go(to if to.startswith("/") and not to.startswith("//") and "\\" not in to and to.isascii() else "/today")


def cover(desk: Desk, ask: Ask) -> Response:
    """Hide contents now."""
    desk.room(ask.now)
    desk.session.cover()
    return go("/today")
