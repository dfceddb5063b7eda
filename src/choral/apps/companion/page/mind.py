"""What was understood of the diary, kept while the companion is open: guesses, shifts, cards, the suggestions' own record."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from choral.apps.companion.device.diary import Diary
from choral.apps.companion.device.help import Help, Line, help_for, lines
from choral.apps.companion.device.insights import Card, cards
from choral.apps.companion.device.labelling import Labeller, filled, learned
from choral.apps.companion.device.record import Record, read
from choral.apps.companion.device.shifts import Shift, shift
from choral.apps.companion.device.turns import Turn, from_notes
from choral.apps.companion.device.uplift import Uplift, uplift
from choral.apps.companion.page.settings import Settings

TURNS = "turns"  # the note of moments at which something might have been suggested
MOST_USUAL = 8


@dataclass(frozen=True, slots=True, eq=False)
class Mind:
    """All of it is of one moment; a page of today reads its day anew. usual: activities by fragment, the commonest first"""

    record: Record
    labeller: Labeller | None
    shift: Shift | None
    cards: tuple[Card, ...]
    uplift: Uplift
    help: Help | None
    lines: tuple[Line, ...]
    usual: dict[int, tuple[str, ...]]

    def with_day(self, diary: Diary, day: date) -> Record:
        """The record with the day's rows as they are now."""
        return replace(
            self.record,
            entries={**self.record.entries, day: diary.day(day)},
            labels={**self.record.labels, day: diary.labels(day, day).get(day, {})},
            moods={**self.record.moods, day: diary.moods(day, day).get(day, {})},
        )


def understand(diary: Diary, settings: Settings, zone: ZoneInfo, now: datetime) -> Mind:
    """The diary as it is now; a part of a second with years of labels."""
    today = now.date()
    record = read(diary, today=today, zone=zone, per_day=settings.per_day)
    labeller = learned(record)
    turns = turns_of(diary)
    whole = filled(labeller, record, until=now)
    return Mind(
        record=record,
        labeller=labeller,
        shift=shift(whole, today),
        cards=cards(whole, turns),
        uplift=uplift(turns),
        help=help_for(record.moods, today, settings.country),
        lines=lines(settings.country),
        usual=_usual(record),
    )


def turns_of(diary: Diary) -> tuple[Turn, ...]:
    """The moments so far."""
    return from_notes(diary.note(TURNS, []))


def keep_turns(diary: Diary, turns: tuple[Turn, ...]) -> None:
    """In place of those so far."""
    diary.keep_note(TURNS, [one.to_note() for one in turns])


def _usual(record: Record) -> dict[int, tuple[str, ...]]:
    """What the person does at about such an hour."""
    counts: dict[int, Counter[str]] = {}
    for labels in record.labels.values():
        for place, label in labels.items():
            for near in (place - 1, place, place + 1):
                counts.setdefault(near % record.per_day, Counter())[label.activity] += 2 if near == place else 1
    return {place: tuple(name for name, _ in all_.most_common(MOST_USUAL)) for place, all_ in counts.items()}
