"""Sealed reports that wait for their time, and what was sent, byte for byte, for the person to see.

A report is put here once, paid and sealed; a retry sends these very bytes. It leaves after a success, after a final
refusal, or when its time is over. It is sent only under a live consent, and only while the conditions that its person set
hold; what is lost by waiting is counted. Reports that come due together are not sent together: all but the first get a new
random time, as long as this device is awake often enough that their round will not close meanwhile.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from choral.device import consent
from choral.device.ledger import DAY
from choral.device.rows import Table
from choral.device.steps import Step
from choral.device.transport import Transport, Unreachable
from choral.errors import PeerError
from choral.numerics import Entropy
from choral.protocol import report_id
from choral.protocol.codec import Nested, Wire
from choral.protocol.task import SECONDS
from choral.protocol.wire import Blob, Fixed, Integer, Text
from choral.storage.device import DeviceStore, DeviceTransaction

FIRST_PAUSE_SECONDS = 900
LONGEST_PAUSE_SECONDS = DAY
DELIVERED = "delivered"
LONG = 2**40
FINAL = {  # what a server can say of a report that no later attempt would change
    "malformed-message",
    "wrong-size",
    "too-large",
    "unknown-task",
    "unknown-name",
    "round-closed",
    "task-expired",
    "broken-seal",
    "token-refused",
    "token-spent",
}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A report with what it means, what it cost and when it may go. Its key is the report's id.

    report: the exact bytes; token: the anonymous one that is spent with it, if its task needs one
    payload: what is sealed in the report, randomized already; due, deadline: unix seconds
    """

    KIND: ClassVar[int] = 73
    WIRE: ClassVar[Wire] = (
        ("report", Blob(65_536)),
        ("token", Blob(512)),
        ("payload", Blob(65_536)),
        ("task", Fixed(32)),
        ("terms", Fixed(32)),
        ("signal", Text(64)),
        ("meaning", Text(4096)),
        ("price_micro", Integer("I")),
        ("retention_days", Integer("H")),
        ("made", SECONDS),
        ("due", SECONDS),
        ("deadline", SECONDS),
        ("delay_seconds", Integer("I")),
        ("attempts", Integer("I")),
    )
    report: bytes
    token: bytes
    payload: bytes
    task: bytes
    terms: bytes
    signal: str
    meaning: str
    price_micro: int
    retention_days: int
    made: int
    due: int
    deadline: int
    delay_seconds: int
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class SentReport:
    """A report that has left, when, and what became of it: "delivered", or the problem that the server named."""

    KIND: ClassVar[int] = 74
    WIRE: ClassVar[Wire] = (("sent", SECONDS), ("outcome", Text(1024)), ("outgoing", Nested(Outgoing)))
    sent: int
    outcome: str
    outgoing: Outgoing


@dataclass(frozen=True, slots=True)
class Pulse:
    """When this device last sent what was due: from it follows how soon it can be expected to do so again."""

    KIND: ClassVar[int] = 76
    WIRE: ClassVar[Wire] = (("last", SECONDS),)
    last: int


@dataclass(frozen=True, slots=True)
class Lost:
    """How many paid reports under these Terms were never sent, because their time was over first."""

    KIND: ClassVar[int] = 80
    WIRE: ClassVar[Wire] = (("reports", Integer("Q")),)
    reports: int


LOST = Table("lost", Lost)
OUTBOX = Table("outbox", Outgoing)
PULSE = Table("pulse", Pulse)
SENT = Table("sent", SentReport)


def put(tx: DeviceTransaction, outgoing: Outgoing) -> None:
    """Let the report wait for its time."""
    OUTBOX.put(tx, report_id(outgoing.report), outgoing)


def send_due(store: DeviceStore, transport: Transport, *, entropy: Entropy, now: datetime) -> list[Step]:
    """Send what is due, one report a request; a step for each. After the first that finds no server the rest waits."""
    second, steps = int(now.timestamp()), list[Step]()
    with store.transaction() as tx:
        due = _spread(tx, entropy, second)
    for outgoing in due:
        if not _may_go(store, outgoing):
            continue
        try:
            transport.send(outgoing.report, outgoing.token)
            outcome = DELIVERED
        except Unreachable as error:
            steps.append(_retry(store, outgoing, str(error), entropy=entropy, second=second))
            break
        except PeerError as error:
            if error.problem not in FINAL:
                steps.append(_retry(store, outgoing, str(error), entropy=entropy, second=second))
                continue
            outcome = _plain(f"{error.problem}: {error.detail}")
        steps.append(_finish(store, outgoing, outcome, second))
    return steps


def _may_go(store: DeviceStore, outgoing: Outgoing) -> bool:
    """Whether the report still waits, and its person still agrees: asked right before it is sent."""
    with store.transaction() as tx:
        return OUTBOX.has(tx, report_id(outgoing.report)) and consent.has_agreed(tx, outgoing.terms)


def drop(tx: DeviceTransaction, terms: bytes) -> None:
    """Delete all waiting reports under these Terms."""
    for key, outgoing in OUTBOX.scan(tx):
        if outgoing.terms == terms:
            OUTBOX.delete(tx, key)


def purge(tx: DeviceTransaction, second: int) -> list[Step]:
    """Delete reports whose round is over, and the log of those sent longer ago than their Terms keep reports."""
    steps = []
    for key, outgoing in OUTBOX.scan(tx):
        if outgoing.deadline <= second:
            OUTBOX.delete(tx, key)
            lost = LOST.get(tx, outgoing.terms) or Lost(0)
            LOST.put(tx, outgoing.terms, Lost(lost.reports + 1))
            text = f"{outgoing.signal}: a report came too late to be sent and was deleted; it is not refunded"
            steps.append(Step("expired", text, outgoing.signal, outgoing.task))
    for key, sent in SENT.scan(tx):
        if sent.sent + sent.outgoing.retention_days * DAY <= second:
            SENT.delete(tx, key)
    return steps


def _spread(tx: DeviceTransaction, entropy: Entropy, second: int) -> list[Outgoing]:
    """What to send now: the first that came due, and those whose round leaves no time for another random moment."""
    due = sorted((one.due, key, one) for key, one in OUTBOX.scan(tx) if one.due <= second)
    pause = _pause(tx, second)
    now = [one for _, _, one in due[:1]]
    for _, key, one in due[1:]:
        room = min(one.delay_seconds, one.deadline - 1 - second - 2 * pause)
        if room > 0:
            OUTBOX.put(tx, key, replace(one, due=second + 1 + int(entropy.below(1, room)[0])))
        else:
            now.append(one)
    return now


def _pause(tx: DeviceTransaction, second: int) -> int:
    """Seconds since this device last did this; more than any round where that is not known, or the clock went back."""
    pulse = PULSE.get(tx, b"")
    PULSE.put(tx, b"", Pulse(second))
    return second - pulse.last if pulse is not None and pulse.last <= second else LONG


def _retry(store: DeviceStore, outgoing: Outgoing, why: str, *, entropy: Entropy, second: int) -> Step:
    """The same bytes again, after a pause that doubles and whose second half is random."""
    longest = min(FIRST_PAUSE_SECONDS << min(outgoing.attempts, 16), LONGEST_PAUSE_SECONDS)
    due = second + longest // 2 + int(entropy.below(1, longest // 2)[0])
    with store.transaction() as tx:
        key = report_id(outgoing.report)
        if OUTBOX.has(tx, key):
            OUTBOX.put(tx, key, replace(outgoing, due=due, attempts=outgoing.attempts + 1))
    text = f"{outgoing.signal}: not sent ({why}); the same bytes go again in {(due - second) // 60} minutes"
    return Step("retry", text, outgoing.signal, outgoing.task)


def _finish(store: DeviceStore, outgoing: Outgoing, outcome: str, second: int) -> Step:
    with store.transaction() as tx:
        key = report_id(outgoing.report)
        OUTBOX.delete(tx, key)
        SENT.put(tx, key, SentReport(second, outcome, outgoing))
    if outcome == DELIVERED:
        return Step("sent", f"{outgoing.signal}: one report sent", outgoing.signal, outgoing.task)
    text = f"{outgoing.signal}: the server refused a report for good ({outcome}); it was deleted and is not refunded"
    return Step("rejected", text, outgoing.signal, outgoing.task)


def _plain(text: str) -> str:
    """What a server said, as text that a row can hold."""
    return "".join(one for one in text if one.isprintable() and one.isascii())[:1000]
