"""Publishing a task, or public data that no person is in: what an operator signed, checked before it is kept."""

import hashlib
from collections.abc import Collection
from datetime import datetime

from choral.errors import PeerError
from choral.privacy import required_price
from choral.protocol import Release, Signed, Task, encode, verify_any
from choral.server.public_data import require_public_data
from choral.server.rounds import DAY, MINUTE, seconds
from choral.server.tasks import PUBLIC_DATA, Known, Names, issuer_of, known
from choral.storage import ReleaseRow, ServerStore, TaskRow

MOST_LIVE = 16  # tasks of one signal; a Bundle holds no more
MOST_TOLD = 4_096  # tasks of all signals; Openings hold no more


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
    told = [row for row in store.tasks() if row.expires > seconds(now)]
    live = [row for row in told if row.signal == task.terms.signal]
    if task.expires <= seconds(now):
        raise PeerError("task-expired", f"the task expired at {task.expires}; sign one that expires later")
    if len(live) >= MOST_LIVE:
        raise PeerError("conflict", f"{len(live)} tasks of the signal {task.terms.signal!r} are live, which is the most; wait")
    if len(told) >= MOST_TOLD:
        raise PeerError("conflict", f"{len(told)} tasks are live, which is the most that one server asks; wait")
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
    if task.rule.advance == "release" and task.rule.rounds_open * task.rule.round_seconds <= MINUTE:
        raise PeerError(
            "conflict", "a round that follows a release opens on a whole minute; let it take reports for longer than one"
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
