"""Importers: from the files that people have to entries that say little.

Knows: file formats, classes of sites, apps and places. Must not know: servers, reports, the store.
Interface: `Importer`, `IMPORTERS`, `importer_for`.
Add here: one file with one `Importer`, and its name in the tuple below.
Tested in: tests/apps/test_companion_importers.py.
"""

from pathlib import Path

from choral.apps.companion.importers.activitywatch import ACTIVITYWATCH
from choral.apps.companion.importers.android import ANDROID
from choral.apps.companion.importers.base import Context, Felt, Found, Importer, Skipped, head_of
from choral.apps.companion.importers.browsers import CHROMIUM, FIREFOX
from choral.apps.companion.importers.calendars import CALENDAR
from choral.apps.companion.importers.daylio import DAYLIO
from choral.apps.companion.importers.daylog import DAYLOG
from choral.apps.companion.importers.mailboxes import MAILBOX
from choral.apps.companion.importers.takeout import FILMS, MUSIC, MY_ACTIVITY
from choral.apps.companion.importers.timeline import TIMELINE
from choral.errors import UsageError

IMPORTERS = (
    ACTIVITYWATCH,
    TIMELINE,
    MY_ACTIVITY,
    MUSIC,
    DAYLOG,
    CHROMIUM,
    FIREFOX,
    DAYLIO,
    FILMS,
    CALENDAR,
    MAILBOX,
    ANDROID,
)
ARCHIVE = (b"PK\3\4", b"\x1f\x8b")  # ZIP and gzip, as services send what they have


def importer_for(path: Path, name: str = "") -> Importer:
    """The importer whose kind of file this is; UsageError that lists the kinds if it is none. name: as the person knows it"""
    head, name = head_of(path), name or path.name
    found = next((one for one in IMPORTERS if one.suits(name, head)), None)
    if found is not None:
        return found
    if not head:
        raise UsageError(f"the file {name} is empty; export it again")
    if head.startswith(ARCHIVE):
        raise UsageError(f"the file {name} is an archive; unpack it, then choose the files that are in it")
    kinds = ", ".join(one.name for one in IMPORTERS)
    raise UsageError(f"the file {name} is none of those that can be read here: {kinds}")


__all__ = ["IMPORTERS", "Context", "Felt", "Found", "Importer", "Skipped", "importer_for"]
