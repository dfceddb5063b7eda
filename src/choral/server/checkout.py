"""What a device downloads to contribute: the same for everyone who asks within the same minute."""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from choral.errors import PeerError
from choral.learning import Arrays
from choral.numerics import Entropy
from choral.protocol import Bundle, Checkout, Release, Signed, decode, sign
from choral.server.rounds import current_round, seconds
from choral.server.tasks import Known, TaskBook
from choral.storage import TaskRow

FRESH_SECONDS = 60  # check-outs are issued on whole minutes, so that no two devices can be told apart by theirs


def check_out(book: TaskBook, signal: str, *, server_key: Ed25519PrivateKey, entropy: Entropy, now: datetime) -> Bundle:
    """The signed check-outs of all live tasks of `signal` whose current round is open; PeerError if there are none."""
    second = seconds(now)
    items = tuple(
        signed
        for row in book.store.tasks()
        if row.signal == signal and row.expires > second
        for signed in _one(book, row.hash, server_key, entropy, second)
    )
    if not items:
        raise PeerError("unknown-task", f"no task of the signal {signal!r} takes reports now")
    return Bundle(items)


def state_of(row: TaskRow, known: Known, entropy: Entropy) -> Arrays:
    """The algorithm's state as the last release left it."""
    return decode(row.state, Release).arrays if row.state else known.algorithm.init(entropy)


def _one(book: TaskBook, hash_: bytes, server_key: Ed25519PrivateKey, entropy: Entropy, now: int) -> tuple[Signed, ...]:
    """The check-out of one task, or none while its current round takes no reports."""
    known, row = book.get(hash_), book.store.task(hash_)
    if row is None or now < known.task.start:
        return ()
    round_ = current_round(known.task, row.round, now)
    batch = book.store.batch(hash_, round_)
    if (batch is not None and batch.state != "open") or _is_between(book, known):
        return ()
    issued = max(known.task.start, now - now % FRESH_SECONDS)
    params = known.algorithm.check_out(state_of(row, known, entropy), entropy)
    until = _valid_until(known, round_, issued)
    return (sign(Checkout(known.signed, round_, known.task.chance, issued, until, params), server_key),)


def _is_between(book: TaskBook, known: Known) -> bool:
    """Whether the next round's parameters follow from a batch that is cut but not folded yet."""
    if known.task.rule.advance == "time":
        return False
    return any(batch.state in ("cut", "shuffled") for batch in book.store.batches(known.hash))


def _valid_until(known: Known, round_: int, issued: int) -> int:
    """The end of the round, so that whoever reports by this check-out is not late; or one round's length from now."""
    rule, task = known.task.rule, known.task
    end = task.start + (round_ + 1) * rule.round_seconds if rule.advance == "time" else issued + rule.round_seconds
    return min(task.expires, end)
