"""What a disk can hold after a power cut: what was synced, and any part of what was not.

A `Journal` makes of what happened to some files all that can be left of them after a cut at any moment: unsynced writes
are lost, or torn at the bounds of sectors, or put down in another order; unsynced names of files are lost from some
moment on. What a write brings to a sector comes whole or not at all.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import attrgetter

from choral.numerics import SeededEntropy

CHANGES = ("write", "truncate")
SECTORS = (0, 512, 4096)  # 0: a write is kept or lost as a whole
KEPT_OF_8 = range(9)


@dataclass(frozen=True, slots=True)
class Event:
    """What was done to a file: make, write, truncate, sync, remove; `folder`: the folder of all files was synced.

    file: number of the file, which a new file under an old name does not share
    """

    kind: str
    file: int
    name: str = ""
    offset: int = 0
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Synced:
    """What no cut from `moment` on can take: contents by file, names; and from which events on each is unsynced."""

    moment: int
    contents: dict[int, bytes]
    since: dict[int, int]
    names: dict[str, int]
    names_since: int


@dataclass(frozen=True, slots=True)
class Cut:
    """When the power goes, in events, and what the disk makes of unsynced writes.

    sector: where a write can tear, 0: nowhere; kept: the chance of each piece in eighths; shuffled: in any order
    """

    moment: int
    sector: int
    kept: int
    shuffled: bool


class Journal:
    """All that can be left of these events; the power goes after the first `start` of them."""

    def __init__(self, events: Sequence[Event], start: int = 0) -> None:
        self.events = tuple(events)
        self.start = start
        self._synced = list(_synced(self.events))

    def cut(self, entropy: SeededEntropy) -> Cut:
        """One cut of all there are."""
        moment, sector, kept, shuffled = entropy.words(1, 4)[0].tolist()
        moment = self.start + moment % (len(self.events) + 1 - self.start)
        return Cut(moment, SECTORS[sector % len(SECTORS)], KEPT_OF_8[kept % len(KEPT_OF_8)], shuffled % 4 == 0)

    def image(self, cut: Cut, entropy: SeededEntropy) -> dict[str, bytes]:
        """The files after this cut."""
        synced = self._synced[bisect_right(self._synced, cut.moment, key=attrgetter("moment")) - 1]
        renames = [event for event in self.events[synced.names_since : cut.moment] if event.kind in ("make", "remove")]
        if cut.kept < 8:
            renames = renames[: int(entropy.below(1, len(renames) + 1)[0])]
        return {
            name: _applied(
                synced.contents.get(file, b""),
                _survivors(_changes(self.events, file, synced.since.get(file, 0), cut.moment), cut, entropy),
            )
            for name, file in _renamed(synced.names, renames).items()
        }


def _synced(events: Sequence[Event]) -> Iterator[Synced]:
    now = Synced(0, {}, {}, {}, 0)
    yield now
    for moment, event in enumerate(events, 1):
        file = event.file
        if event.kind == "sync":
            unsynced = _changes(events, file, now.since.get(file, 0), moment)
            contents = {**now.contents, file: _applied(now.contents.get(file, b""), unsynced)}
            now = replace(now, moment=moment, contents=contents, since={**now.since, file: moment})
            yield now
        elif event.kind == "folder":
            names = _renamed(now.names, events[now.names_since : moment])
            now = replace(now, moment=moment, names=names, names_since=moment)
            yield now


def _changes(events: Sequence[Event], file: int, start: int, end: int) -> list[Event]:
    return [event for event in events[start:end] if event.file == file and event.kind in CHANGES]


def _renamed(names: dict[str, int], events: Iterable[Event]) -> dict[str, int]:
    left = dict(names)
    for event in events:
        if event.kind == "make":
            left[event.name] = event.file
        elif event.kind == "remove":
            left.pop(event.name, None)
    return left


def _survivors(changes: Sequence[Event], cut: Cut, entropy: SeededEntropy) -> list[Event]:
    """The pieces of these writes that reached the disk, in the order in which they did."""
    pieces = [piece for change in changes for piece in _pieces(change, cut.sector)]
    if not pieces:
        return []
    luck, place = entropy.words(1, 2 * len(pieces)).reshape(2, len(pieces)).tolist()
    order = sorted(range(len(pieces)), key=place.__getitem__) if cut.shuffled else range(len(pieces))
    return [pieces[index] for index in order if luck[index] % 8 < cut.kept]


def _pieces(change: Event, sector: int) -> Iterator[Event]:
    """The change, torn at all bounds of sectors."""
    if change.kind != "write" or not sector:
        yield change
        return
    start, end = change.offset, change.offset + len(change.data)
    bounds = [start, *range(start - start % sector + sector, end, sector), end]
    for left, right in pairwise(bounds):
        yield replace(change, offset=left, data=change.data[left - start : right - start])


def _applied(content: bytes, changes: Iterable[Event]) -> bytes:
    left = bytearray(content)
    for change in changes:
        left.extend(bytes(max(0, change.offset - len(left))))  # what was never written reads as zeros
        if change.kind == "truncate":
            del left[change.offset :]
        else:
            left[change.offset : change.offset + len(change.data)] = change.data
    return bytes(left)
