"""What a person's own record says of a stretch of days: the one thing that everything the companion understands reads.

Plain mappings by day, as the diary gives them. Only what the person confirmed teaches anything. Device half.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo

from choral.apps.companion.device.activities import NUMBERS
from choral.apps.companion.device.diary import Diary, Label, Mood
from choral.apps.companion.device.entries import Entry

DAYS = 180  # that are read back
Entries = Mapping[date, Sequence[Entry]]
Labels = Mapping[date, Mapping[int, Label]]
Moods = Mapping[date, Mapping[int, Mood]]


@dataclass(frozen=True, slots=True)
class Felt:
    """A fragment whose mood counts for learning. activity: what it was spent on, "" if nobody said."""

    day: date
    fragment: int
    valence: int
    energy: int
    at: int
    activity: str


@dataclass(frozen=True, slots=True)
class Record:
    """Some days of one person. zone: of their clock; per_day: fragments a day; all three mappings by day."""

    zone: tzinfo
    per_day: int = 24
    entries: Entries = field(default_factory=dict)
    labels: Labels = field(default_factory=dict)
    moods: Moods = field(default_factory=dict)

    def hour_of(self, fragment: int) -> int:
        """The hour on the wall in which a fragment begins."""
        return fragment * 24 // self.per_day

    def label(self, day: date, fragment: int) -> str:
        """What a fragment was spent on, if that is an activity of the list; else ""."""
        label = self.labels.get(day, {}).get(fragment)
        return label.activity if label is not None and label.activity in NUMBERS else ""

    def felt(self, *, since: date = date.min, until: date = date.max) -> Iterator[Felt]:
        """Moods in order of time, without those that had another cause."""
        for day, moods in sorted(self.moods.items()):
            if since <= day <= until:
                for fragment, mood in sorted(moods.items()):
                    if not mood.external:
                        yield Felt(day, fragment, mood.valence, mood.energy, mood.at, self.label(day, fragment))


def read(diary: Diary, *, today: date, zone: tzinfo, per_day: int = 24, days: int = DAYS) -> Record:
    """The last `days` days, today among them, and tomorrow's entries where a calendar has some."""
    first = today - timedelta(days=days - 1)
    last = today + timedelta(days=1)
    return Record(zone, per_day, diary.days(first, last), diary.labels(first, last), diary.moods(first, last))
