"""One's own data as one JSON file, complete, and back again. Device half.

Taken out is everything that is kept here. Put back is the diary: entries, labels, moods, imports and notes. What was paid
for reports and agreed to belongs to the device that paid and agreed, and stays there. Where both say something of a
fragment, what is here already stays, so that the same file twice is the same as once.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from choral.apps.companion.device.diary import REDACTED, Diary, Import, Label, Mood
from choral.apps.companion.device.diary_rows import EXTENT
from choral.apps.companion.device.entries import Entry
from choral.device import Agent
from choral.errors import UsageError

FORMAT = "choral companion export 1"
R = TypeVar("R")
DIARY = ("days", "labels", "moods", "imports", "notes")


@dataclass(frozen=True, slots=True)
class Restored:
    """What a file brought that was not here: entries, labels, moods."""

    entries: int
    labels: int
    moods: int


def everything(diary: Diary, agent: Agent, *, now: datetime) -> dict[str, Any]:
    """All that is kept here, as plain values fit for JSON."""
    return {"format": FORMAT, "made": now.isoformat(), "diary": diary.export(), "device": agent.export()}


def restore(diary: Diary, data: Any, *, per_day: int = 24) -> Restored:
    """Put an export's diary back; UsageError, before anything is changed, if it is none or damaged.

    per_day: fragments of a day; what was redacted, here or there, stays so
    """
    kept = _checked(data)
    entries, labels, moods = _entries(kept), _by_day(kept["labels"], _label), _by_day(kept["moods"], _mood)
    imports = [(_sound(bytes.fromhex, key), _sound(_import, *_list(row))) for key, row in kept["imports"].items()]
    notes = {name: value for name, value in kept["notes"].items() if name.encode() not in (EXTENT, REDACTED)}
    spans = [_sound(_span, *_list(row)) for row in _list(kept["notes"].get(REDACTED.decode(), []))]
    diary.keep_redacted(spans)
    new, _ = diary.add(entries)

    def gone(day: date) -> Collection[int]:
        return diary.redacted(day, per_day=per_day)

    counts = [_fill(diary.labels, diary.label, labels, gone), _fill(diary.moods, diary.feel, moods, gone)]
    for digest, row in imports:
        if diary.was_imported(digest) is None:
            diary.imported(digest, row)
    for name, value in notes.items():
        if diary.note(name) is None:
            diary.keep_note(name, value)
    return Restored(new, *counts)


def _checked(data: Any) -> Mapping[str, Any]:
    """The diary in the file."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UsageError(f"this is no export of the companion, or one of another version; it must say {FORMAT!r}")
    kept = data.get("diary")
    if not isinstance(kept, dict) or not all(isinstance(kept.get(name), dict) for name in DIARY):
        raise UsageError(f"the export is not whole: it needs {', '.join(DIARY)}; export it again")
    return kept


def _entries(kept: Mapping[str, Any]) -> list[Entry]:
    return [_sound(_entry, *_list(row)) for rows in kept["days"].values() for row in _list(rows)]


def _by_day(kept: Mapping[str, Any], kind: Callable[..., Any]) -> dict[date, dict[int, Any]]:
    def row(day: str, values: Mapping[str, Any]) -> tuple[date, dict[int, Any]]:
        return date.fromisoformat(day), {int(place): kind(*value) for place, value in values.items()}

    return dict(_sound(row, *item) for item in kept.items())


def _fill(
    read: Callable[..., Any],
    write: Callable[..., None],
    given: Mapping[date, Mapping[int, Any]],
    gone: Callable[[date], Collection[int]],
) -> int:
    """Write down what is not said here yet and was not redacted; how many fragments that were."""
    filled = 0
    for day, values in given.items():
        said = {*read(day, day).get(day, {}), *gone(day)}
        new = {place: value for place, value in values.items() if place not in said}
        if new:
            write(day, new)
        filled += len(new)
    return filled


def _entry(start: Any, seconds: Any, offset: Any, kind: Any, what: Any, source: Any) -> Entry:
    if not all(type(number) is int for number in (start, seconds, offset)) or not isinstance(what, str):
        raise TypeError("an entry is three whole numbers and three words")
    return Entry(start, seconds, offset, kind, what, str(source))


def _import(source: Any, name: Any, at: Any, new: Any, known: Any, skipped: Any, why: Any = "") -> Import:
    if not all(type(number) is int for number in (at, new, known, skipped)):
        raise TypeError("an import is four whole numbers and three words")
    return Import(str(source), str(name), at, new, known, skipped, str(why))


def _span(first: Any, last: Any) -> tuple[int, int]:
    if type(first) is not int or type(last) is not int or not first < last:
        raise TypeError("a span is two whole numbers, the first one smaller")
    return first, last


def _label(activity: Any, by: Any, confidence: Any) -> Label:
    if not isinstance(activity, str) or by not in ("person", "guess") or type(confidence) is not int:
        raise TypeError("a label is an activity, who said it, and how sure it is")
    return Label(activity, by, confidence)


def _mood(valence: Any, energy: Any, external: Any, at: Any) -> Mood:
    if not all(type(number) is int for number in (valence, energy, at)) or type(external) is not bool:
        raise TypeError("a mood is two numbers, whether it had another cause, and when")
    return Mood(valence, energy, external, at)


def _list(rows: Any) -> list[Any]:
    if not isinstance(rows, list):
        raise UsageError("the export is damaged: a row is no list; nothing was changed; export it again")
    return rows


def _sound(make: Callable[..., R], *arguments: Any) -> R:
    """What `make` gives; UsageError for what is not as the format says."""
    try:
        return make(*arguments)
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
        raise UsageError(f"the export is damaged ({type(error).__name__}); nothing was changed; export it again") from error
