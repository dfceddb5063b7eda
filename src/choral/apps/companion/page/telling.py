"""What the agent is told: hours that the person both labelled and rated, where they agreed to that; and what they took back.

An hour is told once, whichever of the two was said last; when either changes, or is taken back or redacted, what was told
of it is deleted first; all of it, when hours get another length or another zone. A report that was made meanwhile stays made.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime

from choral.apps.companion.device.signals import RATED, rated
from choral.apps.companion.device.slots import slots_of
from choral.apps.companion.page.desk import Room
from choral.device import Event
from choral.errors import ConsentMissing


def tell(room: Room, day: date, fragments: Collection[int], now: datetime) -> None:
    """Tell anew of fragments of a day, as the diary has them; nothing happens where nobody agreed."""
    begins = untell(room, day, fragments)
    labels, moods = room.diary.labels(day, day).get(day, {}), room.diary.moods(day, day).get(day, {})
    for place, at in begins.items():
        label, mood = labels.get(place), moods.get(place)
        if label is None or mood is None or label.by != "person":
            continue
        event = rated(label.activity, hour=place * 24 // room.settings.per_day, mood=mood, at=at)
        if event is not None and not _told(room, event, now):
            return


def untell(room: Room, day: date, fragments: Collection[int]) -> dict[int, datetime]:
    """Take back what was told of fragments of a day; when each of them begins."""
    slots = slots_of((), day, room.zone, per_day=room.settings.per_day)
    begins = {place: datetime.fromtimestamp(slots.of(place)[0].start, UTC) for place in slots.fragments if place in fragments}
    gone = frozenset(begins.values())
    room.agent.retract(lambda event: event.kind == RATED and event.at in gone)
    return begins


def untell_all(room: Room) -> None:
    """Take back all that was told: cut or clocked otherwise, an hour would not find it again, if it were redacted."""
    room.agent.retract(lambda event: event.kind == RATED)


def _told(room: Room, event: Event, now: datetime) -> bool:
    try:
        room.agent.record(event, now)
    except ConsentMissing:
        return False
    return True
