"""What a tick did or left undone, and why, in words fit for the person and in kinds fit for a program."""

from dataclasses import dataclass
from typing import Literal

from choral.errors import ChoralError, Refused
from choral.protocol.problems import shown

StepKind = Literal[
    "contributed",  # a report was paid, sealed and put into the outbox
    "sent",  # the server has it
    "retry",  # it could not be sent now; the same bytes go again later
    "rejected",  # the server refused it for good
    "expired",  # it was deleted because its time was over
    "skipped",  # nothing was due, or the coin said no
    "refused",  # our own guard said no; `error` says why
    "unreachable",  # no answer from the server
    "waiting",  # the device is busy, on battery or on a metered network, or its clock and the server's are a round apart
    "restored",  # an older copy of the store was found; the larger totals count
]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened or did not. task: a task's hash, where there is one; code: of the reason, where it has one"""

    kind: StepKind
    text: str
    signal: str = ""
    task: bytes = b""
    error: ChoralError | None = None
    code: str = ""

    def __str__(self) -> str:
        return self.text


def refusal(error: ChoralError, *, signal: str, task: bytes = b"") -> Step:
    """The step that tells of an error of ours."""
    code = error.code if isinstance(error, Refused) else ""
    return Step("refused", f"{signal}: {shown(str(error))}", signal, task, error, code)
