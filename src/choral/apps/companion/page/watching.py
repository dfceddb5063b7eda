"""What the watcher saw, until it can be written down: while the companion is locked there is no key to write it with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from choral.apps.companion.device.diary import Diary
from choral.apps.companion.device.entries import Entry
from choral.apps.companion.device.watcher import Seen, Watch

MOST_KEPT = 2_000  # entries in memory, about a day of busy hours; the oldest go first


@dataclass(slots=True, eq=False)
class Watching:
    """look: asks the desktop. What waits is in memory alone, and gone when the program ends."""

    look: Callable[[], Seen | None]
    is_on: bool = False
    _watch: Watch = field(default_factory=Watch, init=False)
    _kept: dict[int, Entry] = field(default_factory=dict, init=False, repr=False)

    def step(self, now: datetime) -> None:
        """Look once, if it is on. now: by the clock on the wall"""
        if not self.is_on:
            return
        self._watch, entry = self._watch.grown(self.look(), now)
        if entry is not None:
            self._kept[entry.start] = entry
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]

    def write(self, diary: Diary) -> None:
        """Write down what waits."""
        waiting, self._kept = self._kept, {}
        if waiting:
            diary.add(waiting.values())

    def forget(self) -> None:
        """Let go of what waits."""
        self._kept, self._watch = {}, Watch()

    @property
    def waiting(self) -> int:
        """How many entries wait."""
        return len(self._kept)
