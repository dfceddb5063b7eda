"""What a server keeps, as rows. Knows what each field says; leaves to the store how rows are kept.

A batch's life: open -> cut -> shuffled -> released; from each of the first three it can become erased instead.
"""

from dataclasses import dataclass
from typing import Literal

BatchState = Literal["open", "cut", "shuffled", "released", "erased"]
VersionState = Literal["published", "refused", "rolled back"]
Duty = Literal["shuffle", "stream", "release"]
BELOW_MINIMUM = "below minimum"
RETENTION_OVER = "retention over"


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a report belongs, and the rule of that batch, written down when its row is made.

    task: hash, 32 bytes; closes: when its round takes no more reports; erase_by: when it must be gone; unix seconds
    chance: of its check-out, in units of 2**-32; 0 where none was signed before the first report
    late: a report of up to so many rounds before the one that is open joins the batch of that one
    streams: each report is a batch of its own, folded as soon as it can be
    """

    task: bytes
    round: int
    minimum: int
    goal: int
    closes: int
    erase_by: int
    chance: int = 0
    late: int = 0
    streams: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """A report as it came, under its id. Nothing else about it is kept: no address, no header, no time.

    token: nonce of the anonymous token that it spends, 32 bytes; empty where its task needs none
    """

    id: bytes
    body: bytes
    slot: Slot
    token: bytes = b""


@dataclass(frozen=True, slots=True)
class BatchRow:
    """The ledger row of one (task, round).

    number: names the row here; reports: how many were acknowledged; legal, dropped: known once they are unsealed
    lease: grows with each lease, so that a worker whose lease ran out can no longer write; why: of an erased one
    cut_at: when it was cut, 0 before; the rest as in its Slot
    """

    number: int
    task: bytes
    round: int
    state: BatchState
    reports: int
    minimum: int
    goal: int
    closes: int
    erase_by: int
    legal: int = 0
    dropped: int = 0
    lease: int = 0
    lease_until: int = 0
    why: str = ""
    chance: int = 0
    late: int = 0
    streams: bool = False
    cut_at: int = 0

    @property
    def waiting(self) -> int:
        """Reports that were not unsealed yet."""
        return self.reports - self.legal - self.dropped

    @property
    def is_below(self) -> bool:
        """Whether, if it closed now, too few reports would be in it."""
        return self.reports < self.minimum or (self.streams and not self.waiting and self.legal < self.minimum)


@dataclass(frozen=True, slots=True)
class OpeningRow:
    """What every check-out of a round says, from the first one on; gone once the round takes no more reports.

    issued: when the round was opened, and closes: when its batch closes; unix seconds; params: encoded parameters
    """

    issued: int
    chance: int
    closes: int
    params: bytes


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as its operator signed it; `round` counts the batches that were cut, `state` is its algorithm's.

    revision: how often `state` was written; version: number of the model version that `state` is of
    """

    hash: bytes
    signal: str
    expires: int
    signed: bytes
    round: int = 0
    state: bytes = b""
    revision: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """What is said of a release without opening it; `task` is 32 zero bytes for public data."""

    hash: bytes
    task: bytes
    round: int
    kind: str
    reports: int
    created: int


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a task's model; number 0 is the start, whose parent it is itself.

    parent: the version that it was made from; release: hash of its Release, empty for the start and for a refused one
    metric, stderr: on public canaries, None without; parent_metric, parent_stderr: its parent's, on the same
    why: of one that the gate refused
    """

    task: bytes
    number: int
    parent: int
    round: int
    state: VersionState
    release: bytes
    reports: int
    created: int
    metric: float | None = None
    stderr: float | None = None
    parent_metric: float | None = None
    parent_stderr: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What an operator did to a task, and when."""

    at: int
    task: bytes
    deed: str
    detail: str
