"""Publishing a task, and the book of tasks that a server has decoded."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from choral.errors import PeerError
from choral.learning import Algorithm
from choral.mechanisms import Mechanism
from choral.privacy import required_price
from choral.protocol import Release, Signed, Task, decode, encode, verify_any
from choral.protocol.report import HEADER, SEAL_OVERHEAD, plaintext_size
from choral.protocol.tokens import Issuer
from choral.server.public_data import require_public_data
from choral.server.rounds import DAY, seconds, slot
from choral.storage import ReleaseRow, ServerStore, Slot, TaskRow

Names = Mapping[str, type[Any]]
MOST_LIVE = 16  # tasks of one signal; a Bundle holds no more
PUBLIC_DATA = bytes(32)  # the task of a release that no person is in


@dataclass(frozen=True, slots=True)
class Known:
    """A published task with what it names, built. It never changes: its hash is its name.

    payload_size: bytes of one payload; report_size: bytes of one report, sealed and padded
    trains: whether it learns a model, which has versions; streams: whether each report is a batch of its own
    asynchronous: whether updates to an older version are as welcome as those to the latest
    """

    hash: bytes
    task: Task
    signed: Signed
    mechanism: Mechanism
    algorithm: Algorithm
    payload_size: int
    report_size: int
    trains: bool = False
    streams: bool = False
    asynchronous: bool = False

    @property
    def late(self) -> int:
        """A report of up to so many rounds before the one that is open joins the batch of that one."""
        rule = self.task.rule
        return rule.rounds_open - 1 if self.asynchronous and rule.advance == "release" else 0


@dataclass(slots=True)
class TaskBook:
    """The tasks of a store, each decoded once."""

    store: ServerStore
    names: Names
    _known: dict[bytes, Known] = field(default_factory=dict)
    _issuers: dict[bytes, Issuer] = field(default_factory=dict)

    def find(self, hash_: bytes) -> Known | None:
        """The task with this hash, if it was published."""
        found = self._known.get(hash_)
        if found is None and (row := self.store.task(hash_)) is not None:
            found = self._known[hash_] = known(decode(row.signed, Signed), self.names)
        return found

    def issuer(self, known: Known) -> Issuer | None:
        """Who issues the tokens that the task's reports need; None if they need none."""
        if not known.task.needs_tokens:
            return None
        found = self._issuers.get(known.task.issuer)
        if found is None:
            found = self._issuers[known.task.issuer] = issuer_of(self.store, known.task)
        return found

    def get(self, hash_: bytes) -> Known:
        """The task with this hash; PeerError if there is none."""
        found = self.find(hash_)
        if found is None:
            raise PeerError("unknown-task", "no task with this hash was published here")
        return found


def known(signed: Signed, names: Names) -> Known:
    """The task in `signed`, whose signature was checked when it was published, with its parts built."""
    task = decode(signed.body, Task)
    hash_ = hashlib.sha256(signed.body).digest()
    mechanism, algorithm = task.mechanism.build(names), task.algorithm.build(names)
    payload_size = mechanism.payload.itemsize
    try:
        report_size = HEADER.size + SEAL_OVERHEAD + plaintext_size(payload_size)
    except ValueError as error:
        raise PeerError("conflict", str(error)) from None
    trains = hasattr(algorithm, "judge")
    streams, asynchronous = (bool(getattr(algorithm, name, False)) for name in ("streams", "asynchronous"))
    return Known(hash_, task, signed, mechanism, algorithm, payload_size, report_size, trains, streams, asynchronous)


def slot_of(found: Known, round_: int, now: int) -> Slot:
    """Where a report of this round goes."""
    return slot(found.task, found.hash, round_, now, late=found.late, streams=found.streams)


def publish_task(
    store: ServerStore, signed: Signed, *, operators: Collection[bytes], names: Names, server_key: bytes, now: datetime
) -> bytes:
    """The hash of a task that is published from now on; the same task twice is one task.

    server_key: this server's public key, with which devices will check what it signs
    """
    task = verify_any(signed, Task, operators)
    found = known(signed, names)
    _require_sound(task, found, server_key)
    require_public_data(store, found)
    if task.needs_tokens:
        issuer_of(store, task)
    if store.head(found.hash) is not None:
        return found.hash
    live = [row for row in store.tasks() if row.signal == task.terms.signal and row.expires > seconds(now)]
    if task.expires <= seconds(now):
        raise PeerError("task-expired", f"the task expired at {task.expires}; sign one that expires later")
    if len(live) >= MOST_LIVE:
        raise PeerError("conflict", f"{len(live)} tasks of the signal {task.terms.signal!r} are live, which is the most; wait")
    store.put_task(TaskRow(found.hash, task.terms.signal, task.expires, encode(signed)))
    return found.hash


def publish_release(store: ServerStore, signed: Signed, *, operators: Collection[bytes]) -> bytes:
    """The hash of public data that no person is in (a dictionary, a catalogue), which everyone can read from now on."""
    release = verify_any(signed, Release, operators)
    if release.task != PUBLIC_DATA or release.reports or release.guarantees:
        raise PeerError("conflict", "public data names no task, no reports and no guarantees; only a batch has those")
    hash_ = hashlib.sha256(signed.body).digest()
    row = ReleaseRow(hash_, PUBLIC_DATA, release.round, release.kind, 0, release.created)
    store.put_release(row, encode(signed))
    return hash_


def issuer_of(store: ServerStore, task: Task) -> Issuer:
    """The issuer that the task names; PeerError if that public Release is not here."""
    signed = store.release(task.issuer)
    if signed is None:
        raise PeerError(
            "conflict", f"the task's issuer is in Release {task.issuer.hex()}, which is not published; publish it first"
        )
    return Issuer.from_release(decode(decode(signed, Signed).body, Release))


def _require_sound(task: Task, found: Known, server_key: bytes) -> None:
    """What a Task cannot check of itself: price, keys, sizes, retention."""
    price = _price(task, found)
    if task.terms.price_micro < price:
        raise PeerError(
            "conflict", f"the Terms' price of {task.terms.price_micro} millionths is below the mechanism's epsilon of {price}"
        )
    if task.server_key != server_key:
        raise PeerError("conflict", "the task names another server's key; name this server's, so that devices can check it")
    open_days = -(-task.rule.rounds_open * task.rule.round_seconds // DAY)
    if task.rule.advance == "time" and open_days >= task.terms.retention_days:
        raise PeerError(
            "conflict",
            f"a round takes reports for {open_days} days, which leaves no day of the {task.terms.retention_days} that they "
            "may be kept to release them; allow a longer retention or open fewer rounds",
        )

    if found.streams:
        _require_stream(task)


def _require_stream(task: Task) -> None:
    """A batch of one report hides nobody among others: each rule that leans on a larger one is refused."""
    rule = task.rule
    for holds, problem in (
        (task.terms.trust == "nobody" and rule.minimum == rule.goal == 1, "need trust `nobody` and a minimum and goal of 1"),
        (task.delay_seconds == 0, "a delay would hide nothing and let each answer grow old; say delay_seconds = 0"),
        (rule.advance == "time", "a round is a published version, and as long as the clock says; say advance = `time`"),
    ):
        if not holds:
            raise PeerError("conflict", f"{task.algorithm.name} folds each report by itself: {problem}")


def _price(task: Task, found: Known) -> int:
    """What a report must cost at least; PeerError if nothing pays for it under the trust of its Terms."""
    try:
        return required_price(
            found.mechanism,
            trust=task.terms.trust,
            minimum=task.rule.minimum,
            reports_per_device=task.reports_per_device,
            reports_for_life=task.terms.reports_for_life,
        )
    except (ValueError, OverflowError) as error:
        raise PeerError("conflict", str(error)) from None
