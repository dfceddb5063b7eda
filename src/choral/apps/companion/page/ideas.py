"""Suggestions: one small thing at a time, with its reason; not now, never this; and whether they helped."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from starlette.responses import Response

from choral.apps.companion.device.activities import NUMBERS
from choral.apps.companion.device.diary import Mood
from choral.apps.companion.device.lifts import Shared
from choral.apps.companion.device.signals import RATINGS
from choral.apps.companion.device.suggestions import APART_SECONDS, Moment, Suggestion, free_minutes, low_mood, shown, turn
from choral.apps.companion.device.turns import Answer, Turn, answered, heard
from choral.apps.companion.page.desk import Desk, Room, go
from choral.apps.companion.page.forms import Ask, wrong
from choral.apps.companion.page.mind import keep_turns, turns_of
from choral.apps.companion.page.questions import ask_again
from choral.learning.alternating_least_squares import AlternatingLeastSquares
from choral.numerics import Entropy

REFUSED = "refused"  # the note of what is never to be suggested
MOST_MINUTES = 180
ANSWERS: dict[str, Answer] = {"done": "done", "not now": "not now", "never": "never"}
SAID: dict[str, str] = {
    "done": "Good. Say how you feel in an hour or two, and it will be known whether it helped.",
    "not now": "Not now, then.",
    "never": "It will not be suggested again.",
}
USUALLY = (
    "Something is suggested when your mood is low, or usually is at this hour, at most every three hours. "
    "Say how you are on Today."
)
DRAWN = "Nothing this time. Now and then that is drawn on purpose, so that it can be told whether suggestions help."
AFTERWARDS = "The last suggestion was at {at:%H:%M}."
NEXT = "There can be another one from {next:%H:%M} on."
UNFIT = "Nothing small fits the hour and the time that you have."


def show(desk: Desk, ask: Ask) -> Response:
    """The suggestion that waits for an answer, if one does."""
    room = desk.room(ask.now)
    return _shown(desk, ask, room, _why(room, ask.now))


def ask_for(desk: Desk, ask: Ask) -> Response:
    """The person asks, and says how long they have."""
    room = desk.room(ask.now)
    made = consider(room, ask.now, desk.entropy, minutes=ask.number("minutes", 1, MOST_MINUTES))
    why = _why(room, ask.now)
    is_low = low_mood(room.mind.with_day(room.diary, ask.now.date()), ask.now) is not None
    return _shown(desk, ask, room, UNFIT if made is None and why == USUALLY and is_low else why)


def answer(desk: Desk, ask: Ask) -> Response:
    """What the person says to a suggestion; or that something refused may be suggested again."""
    room, said = desk.room(ask.now), ask.text("answer")
    if said == "again":
        _allow(room, ask.text("activity"))
        return go("/suggestions")
    if said not in ANSWERS:
        raise wrong("that is none of the answers")
    turns = turns_of(room.diary)
    waiting = _waiting(turns, ask.now)
    if waiting is not None:
        keep_turns(room.diary, tuple(answered(one, ANSWERS[said]) if one == waiting else one for one in turns))
        if said == "never":
            room.diary.keep_note(REFUSED, sorted({*room.diary.note(REFUSED, []), waiting.activity}))
        desk.say(SAID[said])
    return go("/suggestions")


def hear(room: Room, mood: Mood, now: datetime, entropy: Entropy) -> None:
    """A mood of now was said: it is what came after an earlier moment, and may be an occasion itself."""
    turns = turns_of(room.diary)
    known = heard(turns, at=mood.at, valence=mood.valence, external=mood.external)
    if known != turns:
        keep_turns(room.diary, known)
    consider(room, now, entropy)


def consider(room: Room, now: datetime, entropy: Entropy, *, minutes: int | None = None) -> Turn | None:
    """The drawn choice of this moment, kept before it is shown; None where there is no occasion."""
    record, turns = room.mind.with_day(room.diary, now.date()), turns_of(room.diary)
    free = free_minutes(record, now) if minutes is None else minutes
    refused = room.diary.note(REFUSED, [])
    made = turn(record, Moment(now, free), log=turns, refused=refused, entropy=entropy, shared=shared_of(room))
    if made is not None:
        keep_turns(room.diary, (*turns, made))
        ask_again(room, now, entropy)
    return made


def current(room: Room, now: datetime) -> Suggestion | None:
    """What is suggested at the moment."""
    waiting = _waiting(turns_of(room.diary), now)
    return None if waiting is None else shown(waiting, room.mind.with_day(room.diary, now.date()), shared_of(room))


def shared_of(room: Room) -> Shared | None:
    """The public model, if one came down."""
    for offer in room.agent.offers():
        if offer.terms.signal == RATINGS and isinstance(offer.algorithm, AlternatingLeastSquares):
            return Shared(offer.algorithm, offer.checkout.params)
    return None


def _shown(desk: Desk, ask: Ask, room: Room, why: str) -> Response:
    refused = room.diary.note(REFUSED, [])
    found = {"suggestion": current(room, ask.now), "mind": room.mind, "refused": refused, "why": why}
    return desk.page("suggestions.html", "Suggestions", tab="suggestions", **found)


def _why(room: Room, now: datetime) -> str:
    """Why there is none at the moment."""
    last = max(turns_of(room.diary), key=lambda one: one.at, default=None)
    if last is None or not 0 <= now.timestamp() - last.at < APART_SECONDS:
        return USUALLY
    at = datetime.fromtimestamp(last.at, room.zone)
    told = AFTERWARDS.format(at=at) if last.is_made else DRAWN
    return f"{told} {NEXT.format(next=at + timedelta(seconds=APART_SECONDS))}"


def _waiting(turns: Sequence[Turn], now: datetime) -> Turn | None:
    """The latest suggestion that has no answer yet and is not too old for one."""
    second = int(now.timestamp())
    waiting = [one for one in turns if one.is_made and not one.answer and 0 <= second - one.at < APART_SECONDS]
    return max(waiting, key=lambda one: one.at, default=None)


def _allow(room: Room, activity: str) -> None:
    if activity not in NUMBERS:
        raise wrong("that is no activity of the list")
    room.diary.keep_note(REFUSED, [name for name in room.diary.note(REFUSED, []) if name != activity])
    turns = turns_of(room.diary)
    is_refused = [one.activity == activity and one.answer == "never" for one in turns]
    keep_turns(
        room.diary, tuple(answered(one, "not now") if gone else one for one, gone in zip(turns, is_refused, strict=True))
    )
