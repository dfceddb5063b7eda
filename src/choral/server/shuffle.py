"""A batch is cut, unsealed, sifted and permuted. The only duty that holds the shuffler's private key."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from choral.errors import PeerError, StoreError
from choral.mechanisms import Payloads
from choral.numerics import Entropy
from choral.protocol import Report, unseal
from choral.server.rounds import seconds
from choral.server.tasks import Known, Names, TaskBook
from choral.storage import BELOW_MINIMUM, BatchRow, ServerStore

LEASE_SECONDS = 120
PART_BYTES = 2**25  # payloads of a batch are kept in parts of this size


def shuffle_once(
    store: ServerStore, shuffler_key: X25519PrivateKey, *, names: Names, entropy: Entropy, now: datetime
) -> BatchRow | None:
    """The row of one batch that was due and is now shuffled, or erased if too few of its reports were legal; else None."""
    second = seconds(now)
    batch = store.lease("shuffle", now=second, until=second + LEASE_SECONDS)
    if batch is None:
        return None
    known = TaskBook(store, names).get(batch.task)
    require_key(known, shuffler_key)
    legal = legal_payloads(known, store.sealed(batch), batch, shuffler_key)
    dropped = batch.reports - len(legal)
    sifted = replace(batch, legal=len(legal), dropped=dropped, lease_until=0)  # as left: another duty may go on
    if len(legal) < batch.minimum:
        store.finish_erased(batch, BELOW_MINIMUM, legal=len(legal), dropped=dropped, now=second)
        return replace(sifted, state="erased", why=BELOW_MINIMUM)
    parts = _parts(grouped(legal[permutation(len(legal), entropy)]))
    store.finish_shuffle(batch, parts, legal=len(legal), dropped=dropped, now=second)
    return replace(sifted, state="shuffled")


def permutation(n: int, entropy: Entropy) -> NDArray[np.intp]:
    """A uniformly random order of n things: the ranks of n random words, drawn again if two are equal."""
    while True:
        words = entropy.words(1, n)[0]
        order = np.argsort(words)
        ordered = words[order]
        if not (ordered[1:] == ordered[:-1]).any():
            return order


def grouped(payloads: Payloads) -> Payloads:
    """Payloads with a `row` in the order of their rows, and in the given order within a row; others as they are.

    A sketch's sum then goes through memory once. The order says nothing that the payloads do not say themselves.
    """
    if "row" not in (payloads.dtype.names or ()):
        return payloads
    return payloads[np.argsort(payloads["row"], kind="stable")]


def require_key(known: Known, key: X25519PrivateKey) -> None:
    """Raises, with nothing erased, rather than take every seal for broken because the wrong key was given."""
    if key.public_key().public_bytes_raw() != known.task.shuffler_key:
        raise StoreError(f"task {known.hash.hex()} is sealed to another shuffler's key; start the shuffle with that key file")


def legal_payloads(known: Known, sealed: Iterable[bytes], batch: BatchRow, key: X25519PrivateKey) -> Payloads:
    """The payloads that a device could have sent; broken seals, foreign headers and illegal rows are left out."""
    rounds = range(batch.round - batch.late, batch.round + 1)
    records = b"".join(_opened(known, body, rounds, key) for body in sealed)
    payloads: Payloads = np.frombuffer(records, known.mechanism.payload)
    return payloads[known.mechanism.legal(payloads)]


def _opened(known: Known, body: bytes, rounds: range, key: X25519PrivateKey) -> bytes:
    """One payload, or nothing if the seal does not open."""
    report = Report.from_bytes(body)
    if report.task != known.hash or report.round not in rounds:
        return b""
    try:
        return unseal(report, known.payload_size, key)
    except PeerError:
        return b""


def _parts(payloads: Payloads) -> Iterator[bytes]:
    """The records in order, in pieces of at most PART_BYTES."""
    step = max(1, PART_BYTES // payloads.dtype.itemsize)
    return (payloads[start : start + step].tobytes() for start in range(0, len(payloads), step))
