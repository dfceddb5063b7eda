"""A report comes in: size, header, task, round. Whatever came with it is dropped before this room sees it."""

from datetime import datetime

from choral.errors import PeerError
from choral.protocol import Report, report_id
from choral.server.rounds import current_round, require_live, require_open, seconds, slot
from choral.server.tasks import Known, TaskBook
from choral.storage import Arrival

TOO_LATE = "the batch of this round was cut; it takes no more reports"


def admit(book: TaskBook, body: bytes, now: datetime) -> Arrival:
    """The report as a row to be kept; PeerError, before anything is stored, if it cannot belong to an open round."""
    report = Report.from_bytes(body)
    known = book.get(report.task)
    second = seconds(now)
    require_live(known.task, second)
    if len(body) != known.report_size:
        raise PeerError("wrong-size", f"a report of this task has {known.report_size} bytes, {len(body)} came")
    require_open(known.task, report.round, current_round(known.task, _cut(book, known), second))
    return Arrival(report_id(body), body, slot(known.task, known.hash, report.round, second))


def ingest(book: TaskBook, body: bytes, now: datetime) -> None:
    """Keep one report, once and durably; PeerError if it is refused. The server's road keeps many at once instead."""
    (kept,) = book.store.add([admit(book, body, now)])
    require_kept(kept)


def require_kept(kept: bool) -> None:
    """Raises if the store said that the report came too late."""
    if not kept:
        raise PeerError("round-closed", TOO_LATE)


def _cut(book: TaskBook, known: Known) -> int:
    """How many rounds of the task were cut; read only where that is what advances it."""
    if known.task.rule.advance == "time":
        return 0
    row = book.store.task(known.hash)
    return row.round if row else 0
