"""Files on their way in: streamed to a private place, read into the diary, and deleted at once."""

from datetime import timedelta

from starlette.responses import JSONResponse, Response

from choral.apps.companion.device.diary import Import
from choral.apps.companion.device.imports import absorb, import_file
from choral.apps.companion.importers import IMPORTERS, Context
from choral.apps.companion.importers.activitywatch import fetch
from choral.apps.companion.page.desk import Desk, Progress, Room, go, learn
from choral.apps.companion.page.forms import MOST_FILE, Ask, Upload, wrong
from choral.errors import Refused, StoreError

MOST_ADDRESSES = 20
LONGEST_ADDRESSES = 1_000
BACK = timedelta(days=90)  # that ActivityWatch is asked for


def show(desk: Desk, ask: Ask) -> Response:
    """What can be imported, and what was."""
    room = desk.room(ask.now)
    return desk.page(
        "import.html", "Import", tab="settings", importers=IMPORTERS, imports=room.diary.imports(), most=MOST_FILE // 2**20
    )


def take(desk: Desk, ask: Ask) -> Response:
    """Read a file that lies in its private place. Whatever stops it, what was read stays, and once more is not twice."""
    room = desk.room(ask.now)
    if ask.upload is None:
        raise wrong("no file came")
    if desk.reading is not None:
        raise Refused("another file is being read; wait for it, then try again")
    desk.reading = Progress(ask.upload.name)
    try:
        row = _read(desk, room, ask.upload, ask)
    except StoreError as error:
        _require_open(desk, room, error)
        raise
    finally:
        desk.reading = None
    learn(room, desk.now())
    return JSONResponse({"said": told(row), "next": "/import"})


def take_activitywatch(desk: Desk, ask: Ask) -> Response:
    """Ask the ActivityWatch on this machine for the last months."""
    room = desk.room(ask.now)
    tally = absorb(room.diary, fetch(Context(room.zone), since=ask.now - BACK, until=ask.now))
    learn(room, desk.now())
    desk.say(f"ActivityWatch: {tally.new} new entries, {tally.known} known already, {tally.skipped} that could not be read.")
    return go("/import")


def progress(desk: Desk, ask: Ask) -> Response:
    """How far the file is."""
    desk.room(ask.now)
    reading = desk.reading
    return JSONResponse({"reading": reading is not None, "read": reading.read if reading else 0})


def told(row: Import) -> str:
    """What became of a file, as a sentence."""
    parts = [f"{row.new:,} new"]
    parts += [f"{row.known:,} known already"] if row.known else []
    parts += [f"{row.skipped:,} that could not be read: {row.why}"] if row.skipped else []
    again = " It was read before: nothing is doubled." if row.known and not row.new else ""
    return f"{row.name} ({row.source}): {', '.join(parts)}.{again}"


def _read(desk: Desk, room: Room, upload: Upload, ask: Ask) -> Import:
    """Read the file, count what is read, and keep the companion open meanwhile; it stops if the person locks."""

    def done(items: int) -> None:
        _require_open(desk, room)
        desk.room(desk.now())
        if desk.reading is not None:
            desk.reading.read += items

    context = Context(room.zone, _addresses(ask))
    return import_file(
        room.diary, upload.path, context, now=ask.now, name=upload.name, per_day=room.settings.per_day, done=done
    )


def _require_open(desk: Desk, room: Room, cause: Exception | None = None) -> None:
    """Refused if the companion was locked meanwhile."""
    if desk.open_room() is not room:
        why = "the companion was locked meanwhile; what was read is kept: import the same file again to go on"
        raise Refused(why) from cause


def _addresses(ask: Ask) -> frozenset[str]:
    """The person's own mail addresses, which are used for this file and not kept."""
    text = ask.headers.get("x-mail-addresses", "")[:LONGEST_ADDRESSES]
    return frozenset(one.lower() for one in text.replace("%40", "@").replace(",", " ").split()[:MOST_ADDRESSES])
