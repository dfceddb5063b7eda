"""Batches and rounds: what a server may do with reports, each duty apart.

Knows: tasks, rounds, leases, the shuffler's key where it is handed over. Must not know: device code, any identity.
Interface: `ingest`, `check_out`, `shuffle_once`, `stream_once`, `release_once`, `close_once`, `publish_task`,
`application`.
Add here: a duty as one `*_once` function over a leased row; its loop belongs to cli.
Tested in: tests/server, tests/world.
"""

from choral.server.api import application
from choral.server.checkout import check_out
from choral.server.close import close_once
from choral.server.ingest import ingest
from choral.server.intake import Intake
from choral.server.keys import KeyFolder
from choral.server.publish import publish_release, publish_task
from choral.server.release import release_once
from choral.server.shuffle import shuffle_once
from choral.server.stream import stream_once
from choral.server.tasks import TaskBook

__all__ = [
    "Intake",
    "KeyFolder",
    "TaskBook",
    "application",
    "check_out",
    "close_once",
    "ingest",
    "publish_release",
    "publish_task",
    "release_once",
    "shuffle_once",
    "stream_once",
]
