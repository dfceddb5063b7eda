"""Android usage events, as `adb shell dumpsys usagestats` prints them: which app was in front, and when. Device half."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from choral.apps.companion.device.entries import MOST_SECONDS, Entry
from choral.apps.companion.importers.base import Context, Found, Importer, Skipped, entry_or_skipped, spell, text_of
from choral.apps.companion.importers.classes import app_class

SOURCE = "android"
EVENT = re.compile(r'time="(?P<time>[^"]+)" type=(?P<type>\w+) package=(?P<package>[\w.]+)')
BEGIN = frozenset({"ACTIVITY_RESUMED", "MOVE_TO_FOREGROUND"})
END = frozenset({"ACTIVITY_PAUSED", "ACTIVITY_STOPPED", "MOVE_TO_BACKGROUND", "SCREEN_NON_INTERACTIVE", "DEVICE_SHUTDOWN"})
EVERYONE = frozenset({"SCREEN_NON_INTERACTIVE", "DEVICE_SHUTDOWN"})  # events that end whatever is in front


def read(path: Path, context: Context) -> Iterator[Found]:
    """A use from each time an app came to the front to when it left, or another one came."""
    front: tuple[str, datetime] | None = None
    with text_of(path) as file:
        for line in file:
            found = EVENT.search(line)
            if found is None:
                continue
            try:
                at = datetime.fromisoformat(found["time"])
            except ValueError:
                yield Skipped("an event has no time that can be read")
                continue
            kind, package = found["type"], found["package"]
            if front is not None and (kind in BEGIN or (kind in END and (kind in EVERYONE or package == front[0]))):
                yield from entry_or_skipped(lambda front=front, at=at: _use(front, at, context))  # type: ignore[misc]
                front = None
            if kind in BEGIN:
                front = (package, at)


def _use(front: tuple[str, datetime], end: datetime, context: Context) -> Entry | None:
    """The use of one app; None if it lasted no second; a clock that jumped is refused."""
    package, begin = front
    seconds = (end - begin).total_seconds()
    if not 0 <= seconds <= MOST_SECONDS:
        raise ValueError("the clock jumped")
    return spell(begin, end, context, kind="app", what=app_class(package), source=SOURCE) if seconds >= 1 else None


def _suits(name: str, head: bytes) -> bool:
    return b"type=ACTIVITY_" in head or b"type=MOVE_TO_" in head or (b"usagestats" in head and name.lower().endswith(".txt"))


ANDROID = Importer("Android usage events", _suits, read, "adb shell dumpsys usagestats > usage.txt")
