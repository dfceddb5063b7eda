"""A report comes in: size, header, task, round. Whatever came with it is dropped before this room sees it."""

from datetime import datetime

from choral.errors import PeerError
from choral.protocol import Report, report_id
from choral.protocol.tokens import Token
from choral.server.rounds import current_round, require_live, require_open, seconds
from choral.server.tasks import Known, TaskBook, slot_of
from choral.storage import Arrival, ServerStore

TOO_LATE = "the batch of this round was cut; it takes no more reports"


def admit(book: TaskBook, body: bytes, now: datetime, token: bytes = b"") -> Arrival:
    """The report as a row to be kept; PeerError, before anything is stored, if it cannot belong to an open round.

    token: what came with it; read only where the task needs one
    """
    report = Report.from_bytes(body)
    known = book.get(report.task)
    second = seconds(now)
    require_live(known.task, second)
    if len(body) != known.report_size:
        raise PeerError("wrong-size", f"a report of this task has {known.report_size} bytes, {len(body)} came")
    require_open(known.task, report.round, current_round(known.task, _cut(book, known), second))
    return Arrival(report_id(body), body, slot_of(known, report.round, second), _nonce(book, known, token))


def ingest(book: TaskBook, body: bytes, now: datetime, token: bytes = b"") -> None:
    """Keep one report, once and durably; PeerError if it is refused. The server's road keeps many at once instead."""
    arrival = admit(book, body, now, token)
    (kept,) = book.store.add([arrival])
    require_kept(book.store, arrival, kept)


def require_kept(store: ServerStore, arrival: Arrival, kept: bool) -> None:
    """Raises if the store did not keep the report, and says why."""
    if kept:
        return
    if arrival.token and store.is_spent(arrival.slot.task, arrival.token):
        raise PeerError("token-spent", "this token was spent on another report; each report needs one of its own")
    raise PeerError("round-closed", TOO_LATE)


def _nonce(book: TaskBook, known: Known, data: bytes) -> bytes:
    """The nonce of a token that is good for the task; empty where the task needs none."""
    issuer = book.issuer(known)
    if issuer is None:
        return b""
    token = Token.from_bytes(data)
    token.require(issuer.key, issuer.challenge(known.hash))
    return token.nonce


def _cut(book: TaskBook, known: Known) -> int:
    """How many rounds of the task were cut; read only where that is what advances it."""
    if known.task.rule.advance == "time":
        return 0
    row = book.store.head(known.hash)
    return row.round if row else 0
