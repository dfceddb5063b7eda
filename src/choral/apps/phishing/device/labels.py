"""Labels that arrive later: a signed public feed of hash prefixes, matched on the device without asking anyone.

Device half: no server, no simulation. The feed is the same for all and names no link: an entry is the first 64 bits of the
SHA-256 of a canonical expression (see canonical.py), whether it is phishing, and since which day. Operators make it from
lists, from reports that people send in, and by hand; what is curated by hand decides where the others disagree.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from choral.apps.phishing.device.canonical import listed, mark
from choral.apps.phishing.device.urls import belongs_to_many, read_link
from choral.errors import PeerError, Refused, UsageError
from choral.protocol import Release
from choral.protocol.task import NOBODY

KIND = "labels"
LABELS = {"phishing": True, "legitimate": False}
EPOCH = date(1970, 1, 1)
MOST_ENTRIES = 2_000_000  # of 13 bytes: less than what a device reads of one download
Source = Literal["list", "report", "curated"]
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a source. place: file and line, for messages; day: since 1970; source: who says so"""

    expression: str
    phishing: bool
    day: int
    source: Source
    place: str


@dataclass(frozen=True, slots=True, eq=False)
class LabelFeed:
    """Sorted marks uint64[n], whether each is phishing bool[n], and its day int32[n]; created: seconds since 1970."""

    marks: NDArray[np.uint64]
    phishing: NDArray[np.bool_]
    days: NDArray[np.int32]
    created: int

    @classmethod
    def empty(cls) -> Self:
        """The feed before the first one came."""
        return cls(np.zeros(0, np.uint64), np.zeros(0, np.bool_), np.zeros(0, np.int32), 0)

    @classmethod
    def built(cls, entries: Iterable[Entry], now: datetime) -> Self:
        """From all sources, which may say the same; UsageError, with the lines, for contradictions that nobody decided."""
        said: dict[int, list[Entry]] = {}
        for entry in entries:
            said.setdefault(mark(entry.expression), []).append(entry)
        chosen = {number: _decided(about) for number, about in said.items()}
        if len(chosen) > MOST_ENTRIES:
            raise UsageError(
                f"{len(chosen):,} entries are more than the {MOST_ENTRIES:,} that a device takes; leave old ones out"
            )
        numbers = sorted(chosen)
        rows = [chosen[number] for number in numbers]
        return cls(
            np.array(numbers, np.uint64),
            np.array([row.phishing for row in rows], np.bool_),
            np.array([row.day for row in rows], np.int32),
            int(now.timestamp()),
        )

    @classmethod
    def of(cls, release: Release) -> Self:
        """From public data; PeerError if it is no such feed, or contradicts itself."""
        try:
            marks, phishing, days = (release.arrays[name] for name in ("marks", "phishing", "days"))
        except KeyError as error:
            raise PeerError("malformed-message", f"a label feed has no {error}; get another one") from None
        is_one = release.kind == KIND and release.task == NOBODY and not release.reports and not release.guarantees
        types = [array.dtype.str for array in (marks, phishing, days)]
        shapes_fit = marks.ndim == 1 and marks.shape == phishing.shape == days.shape and len(marks) <= MOST_ENTRIES
        if not (is_one and shapes_fit and types == ["<u8", "|u1", "<i4"] and bool((phishing <= 1).all())):
            raise PeerError("malformed-message", "this public data is no label feed; get another one")
        if len(marks) and not bool((marks[1:] > marks[:-1]).all()):
            raise PeerError("malformed-message", "the label feed is out of order or names an entry twice; get another one")
        return cls(marks, phishing.astype(np.bool_), days, release.created)

    def release(self) -> Release:
        """The feed as public data, for an operator to sign."""
        arrays: dict[str, NDArray[Any]] = {"marks": self.marks, "days": self.days}
        arrays["phishing"] = self.phishing.astype(np.uint8)
        return Release(NOBODY, 0, KIND, 0, self.created, (), arrays)

    def label(self, marks: Sequence[int]) -> bool | None:
        """Whether the link with these marks is phishing, by the most exact entry about it; None if there is none."""
        wanted = np.array(marks, np.uint64)
        if not len(self.marks) or not len(wanted):
            return None
        places = np.minimum(np.searchsorted(self.marks, wanted), len(self.marks) - 1)
        found = np.flatnonzero(self.marks[places] == wanted)
        return bool(self.phishing[places[found[0]]]) if len(found) else None

    def __len__(self) -> int:
        return len(self.marks)


def read_source(path: Path, source: Source, today: date) -> list[Entry]:
    """The entries of a CSV with the columns url,label and perhaps day, or of a text with one phishing link a line.

    UsageError with the line for what is no link, no label, no day, or a whole public suffix.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({type(error).__name__}); give a CSV or text file in UTF-8") from error
    rows = _table(text, path) if path.suffix.lower() == ".csv" else _list(text.splitlines())
    return [_entry(row, f"{path.name}:{number}", source, today) for number, row in rows]


def entry_for(link: str, *, phishing: bool, day: date, source: Source, place: str) -> Entry:
    """The entry about a link, or a whole host if it names no more; Refused for what is no link or a whole public suffix."""
    found = read_link(link)
    expression = listed(found.text)
    if not found.label or (belongs_to_many(found.host) and expression == f"{found.host}/"):
        raise Refused(f"{found.host} belongs to many; name a registered domain, or a page")
    return Entry(expression, phishing, (day - EPOCH).days, source, place)


def _entry(row: dict[str, Any], place: str, source: Source, today: date) -> Entry:
    said, day = str(row.get("label") or "").strip().lower(), str(row.get("day") or "").strip()
    try:
        if said not in LABELS or (day and not DAY.fullmatch(day)):
            raise UsageError(f"{place}: need the label phishing or legitimate, and a day such as 2026-01-31 or none")
        when = date.fromisoformat(day) if day else today
        return entry_for(str(row.get("url") or ""), phishing=LABELS[said], day=when, source=source, place=place)
    except Refused as error:
        raise UsageError(f"{place}: {error}") from None
    except ValueError:
        raise UsageError(f"{place}: {day} is no day; write one such as 2026-01-31") from None


def _table(text: str, path: Path) -> list[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(StringIO(text, newline=""))
    try:
        if not {"url", "label"} <= set(reader.fieldnames or ()):
            raise UsageError(f"{path.name}:1: the columns must be url,label and perhaps day")
        return [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise UsageError(f"{path.name}:{reader.line_num}: {error}; give a CSV") from error


def _list(lines: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
    found = ((number, line.strip()) for number, line in enumerate(lines, 1))
    return [(number, {"url": line, "label": "phishing"}) for number, line in found if line and not line.startswith("#")]


def _decided(about: Sequence[Entry]) -> Entry:
    """What counts of several entries about one link: what was curated, else what all say; of those the earliest day."""
    voices = [entry for entry in about if entry.source == "curated"] or about
    other = next((entry for entry in voices if entry.phishing != voices[0].phishing), None)
    if other is not None:
        raise UsageError(
            f"{other.place} contradicts {voices[0].place}; leave one of them out, or let a curated file decide once"
        )
    return min(voices, key=lambda entry: entry.day)


def today(now: datetime) -> date:
    """The day in UTC."""
    return now.astimezone(UTC).date()
