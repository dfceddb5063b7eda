"""The tasks of a server, each decoded once, with what they name."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from choral.errors import PeerError
from choral.learning import Algorithm
from choral.mechanisms import Mechanism
from choral.protocol import Release, Signed, Task, decode
from choral.protocol.report import HEADER, SEAL_OVERHEAD, plaintext_size
from choral.protocol.tokens import Issuer
from choral.server.rounds import slot
from choral.storage import ServerStore, Slot

Names = Mapping[str, type[Any]]
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


def issuer_of(store: ServerStore, task: Task) -> Issuer:
    """The issuer that the task names; PeerError if that public Release is not here."""
    signed = store.release(task.issuer)
    if signed is None:
        raise PeerError(
            "conflict", f"the task's issuer is in Release {task.issuer.hex()}, which is not published; publish it first"
        )
    return Issuer.from_release(decode(decode(signed, Signed).body, Release))
