"""Hours that the person took out: what of an entry lies outside of them, and that no later import brings them back.

A span is told in seconds since the wall clock said 1970, its end left out: hours are redacted as the person saw them on the
wall, wherever that was. Device half.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from choral.apps.companion.device.entries import MOST_SECONDS, Entry

DAY_SECONDS = 86_400
FIRST = date(1970, 1, 1).toordinal()
Span = tuple[int, int]


def spans_of(day: date, fragments: Iterable[int], per_day: int) -> tuple[Span, ...]:
    """The spans of a day's fragments.

    >>> spans_of(date(1970, 1, 2), [3, 4, 23], 24)
    ((97200, 104400), (169200, 172800))
    """
    midnight, width = _midnight(day), DAY_SECONDS // per_day
    return joined((midnight + place * width, midnight + (place + 1) * width) for place in fragments)


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same time in as few spans as it takes, in order."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def near(spans: Iterable[Span], day: date) -> tuple[Span, ...]:
    """Those that an entry which began on that day can reach into."""
    midnight = _midnight(day)
    return tuple(span for span in spans if span[1] > midnight and span[0] < midnight + DAY_SECONDS + MOST_SECONDS)


def fragments_in(spans: Sequence[Span], day: date, per_day: int) -> frozenset[int]:
    """The fragments of a day of which anything lies in the spans."""
    midnight, width = _midnight(day), DAY_SECONDS // per_day
    starts = ((place, midnight + place * width) for place in range(per_day))
    return frozenset(place for place, at in starts if any(first < at + width and at < last for first, last in spans))


def widened(spans: Iterable[Span], seconds: int) -> tuple[Span, ...]:
    """The spans, so much longer on both sides."""
    return joined((first - seconds, last + seconds) for first, last in spans)


def without(entry: Entry, spans: Iterable[Span]) -> tuple[Entry, ...]:
    """What is left of an entry outside of the spans, in order; a moment stays or goes whole."""
    wall = entry.offset * 60
    left = [(entry.start, max(entry.end, entry.start + 1))]
    for first, last in spans:
        cuts = [((begin, min(end, first - wall)), (max(begin, last - wall), end)) for begin, end in left]
        left = [part for both in cuts for part in both if part[0] < part[1]]
    return tuple(replace(entry, start=begin, seconds=max(0, min(end, entry.end) - begin)) for begin, end in left)


def left_of(by_day: Mapping[date, Iterable[Entry]], spans: Sequence[Span]) -> dict[date, set[Entry]]:
    """What is left of entries outside of the spans, by the day that it begins on."""
    found: dict[date, set[Entry]] = {}
    for day, entries in by_day.items():
        reached = near(spans, day)
        parts = (part for entry in entries for part in without(entry, reached)) if reached else entries
        for part in parts:
            found.setdefault(part.day if reached else day, set()).add(part)
    return found


def _midnight(day: date) -> int:
    return (day.toordinal() - FIRST) * DAY_SECONDS
