"""What can happen in a World, as data: a list of them is a story that can be kept and told again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """The kinds of things that happen; `device` says to whom, `amount` how much, where it matters."""

    RECORD = "record"  # the app records an event that no other device records
    TICK = "tick"  # the device may contribute and send
    ADVANCE = "advance"  # time passes, `amount` seconds
    CLOCK_BACK = "clock-back"  # the device's clock is set back by `amount` seconds; a negative amount sets it forward
    AGREE = "agree"
    WITHDRAW = "withdraw"  # from the Terms of task number `amount`
    DROP_REQUEST = "drop-request"  # the device's next report is lost on its way
    DROP_RESPONSE = "drop-response"  # the answer to the device's next report is lost
    CRASH_DEVICE = "crash-device"  # the device dies in its transaction number `amount` from now, before the commit
    RESTART_DEVICE = "restart-device"
    REPLAY = "replay"  # someone sends the captured report number `amount` again
    FORGE = "forge"  # a stranger sends a report to task number `amount`, with a token captured on the way if it needs one
    PUBLISH = "publish"  # the operator publishes public data and a task that nobody is asked, numbers `amount`
    ROLL_BACK = "roll-back"  # the operator makes an earlier version current; `amount` says of which model, and which
    SHUFFLE = "shuffle-once"
    STREAM = "stream-once"
    RELEASE = "release-once"
    CLOSE = "close-once"
    STALL = "stall"  # before the next duty writes its last, `amount` seconds pass, and another worker takes its turn
    ROLL_BACK_MEANWHILE = "roll-back-meanwhile"  # before the next duty writes its last, a roll-back as above
    CRASH_BEFORE_COMMIT = "crash-before-commit"  # the server dies at its next write, which does not happen
    CRASH_AFTER_COMMIT = "crash-after-commit"  # the server dies right after it; `amount` of both: number in faults.WRITES, or 0
    RESTART_SERVER = "restart-server"


@dataclass(frozen=True, slots=True)
class Op:
    """One thing that happens."""

    kind: Kind
    device: int = 0
    amount: int = 0


def save(ops: Sequence[Op], path: Path, why: str) -> None:
    """Keep a story, and what it broke, as a reproduction."""
    lines = ",\n  ".join(json.dumps([op.kind.value, op.device, op.amount]) for op in ops)
    path.write_text(f'{{"why": {json.dumps(why)}, "ops": [\n  {lines}\n]}}\n', encoding="utf-8")


def load(path: Path) -> tuple[Op, ...]:
    """The story in a reproduction."""
    return tuple(Op(Kind(kind), device, amount) for kind, device, amount in json.loads(path.read_text(encoding="utf-8"))["ops"])
