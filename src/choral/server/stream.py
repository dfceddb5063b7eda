"""Reports that are batches of their own: unsealed and folded as they come, each once or never, many in one transaction."""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from choral.learning import Arrays
from choral.mechanisms import Payloads, empty_state
from choral.numerics import Entropy
from choral.server.models import begun, is_finite, packed, state_of
from choral.server.rounds import seconds
from choral.server.shuffle import LEASE_SECONDS, legal_payloads, permutation, require_key
from choral.server.tasks import Known, TaskBook
from choral.storage import BatchRow
from choral.storage.server import LeaseLost

MOST_TURNS = 4  # at a fold whose state has changed meanwhile
MOST_AT_ONCE = 512  # reports of one transaction


def stream_once(book: TaskBook, shuffler_key: X25519PrivateKey, *, entropy: Entropy, now: datetime) -> BatchRow | None:
    """The row of a batch whose waiting reports were folded into the model, one by one in a fresh order; None if none waits.

    A report that no device could have sent, or that its algorithm refuses, is counted as dropped.
    """
    second = seconds(now)
    batch = book.store.lease("stream", now=second, until=second + LEASE_SECONDS)
    if batch is None:
        return None
    known = book.get(batch.task)
    require_key(known, shuffler_key)
    waiting = book.store.waiting(batch, MOST_AT_ONCE)
    payloads = legal_payloads(known, (body for _, body in waiting), batch, shuffler_key)
    ids = [id_ for id_, _ in waiting]
    for turn in range(MOST_TURNS):
        row = begun(book.store, known, entropy, second)
        state, folded = _folded(known, state_of(row, known, entropy), payloads, entropy)
        full = packed(known, state, round_=batch.round, reports=batch.legal + folded, now=second)
        try:
            book.store.finish_stream(batch, ids, legal=folded, dropped=len(ids) - folded, state=full, base=row.revision)
            break
        except LeaseLost:  # a version or a roll-back came between, while the lease is still this worker's: fold anew
            if turn == MOST_TURNS - 1:
                raise
    return book.store.batch(batch.task, batch.round)


def _folded(known: Known, state: Arrays, payloads: Payloads, entropy: Entropy) -> tuple[Arrays, int]:
    """The state after each payload by itself, and how many of them it took."""
    folded = 0
    for index in permutation(len(payloads), entropy):
        summed = known.mechanism.accumulate(empty_state(known.mechanism), payloads[index : index + 1])
        try:
            after = known.algorithm.fold(state, known.mechanism.estimate(summed, 1), entropy)
        except ValueError:  # the algorithm's own check, such as a distance
            continue
        if is_finite(after):
            state, folded = after, folded + 1
    return state, folded
