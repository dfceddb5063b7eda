"""Reading a file into the diary: once, whatever its order, in steps that a crash does not undo. Device half."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from choral.apps.companion.device.diary import Diary, Import, Mood
from choral.apps.companion.device.entries import Entry
from choral.apps.companion.importers import Context, Felt, Found, Skipped, importer_for

STEP = 5_000  # entries of one transaction
CHUNK = 2**20


@dataclass(slots=True)
class Tally:
    """What became of a file so far. why: each reason for which something could not be read"""

    new: int = 0
    known: int = 0
    skipped: int = 0
    why: dict[str, None] = field(default_factory=dict)


def import_file(
    diary: Diary,
    path: Path,
    context: Context,
    *,
    now: datetime,
    name: str = "",
    per_day: int = 24,
    done: Callable[[int], None] = lambda _: None,
) -> Import:
    """What became of the file, which is read into the diary; a file that was read before is not read again.

    name: as the person knows the file; per_day: fragments of a day, for moods; done: is told how many more items were read
    Whatever stops it, what was read is kept, and the same file again goes on without doubling anything.
    """
    digest = file_digest(path)
    before = diary.was_imported(digest)
    if before is not None:
        return replace(before, new=0, known=before.new + before.known)
    importer = importer_for(path, name)
    tally = absorb(diary, importer.read(path, context), per_day=per_day, done=done)
    counts = (tally.new, tally.known, tally.skipped, "; ".join(tally.why))
    row = Import(importer.name, name or path.name, int(now.timestamp()), *counts)
    diary.imported(digest, row)
    return row


def absorb(diary: Diary, found: Iterable[Found], *, per_day: int = 24, done: Callable[[int], None] = lambda _: None) -> Tally:
    """Keep what an importer found, step by step."""
    tally = Tally()
    for step in _steps(iter(found)):
        new, known = diary.add(one for one in step if isinstance(one, Entry))
        felt = _feel(diary, [one for one in step if isinstance(one, Felt)], per_day)
        tally.new, tally.known = tally.new + new + felt, tally.known + known
        skipped = [one.why for one in step if isinstance(one, Skipped)]
        tally.skipped += len(skipped)
        tally.why |= dict.fromkeys(skipped)
        done(len(step))
    return tally


def file_digest(path: Path) -> bytes:
    """SHA-256 of the file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.digest()


def _feel(diary: Diary, moods: list[Felt], per_day: int) -> int:
    """Keep imported moods where the person has said nothing, nor redacted anything; how many are new."""
    new = 0
    for mood in moods:
        day, fragment = mood.at.date(), (mood.at.hour * 60 + mood.at.minute) * per_day // 1440
        said: Mapping[int, Mood] = diary.moods(day, day).get(day, {})
        if fragment not in said and fragment not in diary.redacted(day, per_day=per_day):
            diary.feel(day, {fragment: Mood(mood.valence, mood.energy, external=False, at=int(mood.at.timestamp()))})
            new += 1
    return new


def _steps(found: Iterator[Found]) -> Iterator[list[Found]]:
    while step := list(islice(found, STEP)):
        yield step
