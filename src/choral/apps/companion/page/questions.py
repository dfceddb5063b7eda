"""The question how somebody feels: planned once a day, shown when it is due, and shown until it is answered or let go."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from choral.apps.companion.device.asking import GRACE_SECONDS, QUESTION, due, follow_up, plan
from choral.apps.companion.page.desk import Room
from choral.numerics import Entropy

NOTE = "questions"


def question(room: Room, said: Collection[int], now: datetime, entropy: Entropy) -> str:
    """What to ask now, empty for nothing. said: when moods of today were said, seconds since 1970"""
    kept, second = _today(room, now, entropy), int(now.timestamp())
    is_open = kept["open"] is not None and 0 <= second - kept["open"] < GRACE_SECONDS
    if is_open and not any(at >= kept["open"] for at in said):
        return QUESTION
    found = due(room.settings.asking, kept["plan"], asked=kept["asked"], said=tuple(said), now=now, zone=room.zone)
    if found is None:
        return ""
    room.diary.keep_note(NOTE, {**kept, "asked": [*kept["asked"], second], "open": second})
    return found.sentence


def ask_again(room: Room, now: datetime, entropy: Entropy) -> None:
    """Plan a question for some hours after a moment at which something may have been suggested."""
    kept = _today(room, now, entropy)
    at = follow_up(int(now.timestamp()), entropy)
    room.diary.keep_note(NOTE, {**kept, "plan": sorted([*kept["plan"], at])})


def _today(room: Room, now: datetime, entropy: Entropy) -> dict[str, Any]:
    """Today's plan, drawn when it is first asked for."""
    kept = room.diary.note(NOTE, {})
    if kept.get("day") == now.date().isoformat():
        return dict(kept)
    drawn = plan(room.settings.asking, now.date(), room.zone, entropy)
    fresh = {"day": now.date().isoformat(), "plan": list(drawn), "asked": [], "open": None}
    room.diary.keep_note(NOTE, fresh)
    return fresh
