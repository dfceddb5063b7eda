"""A shuffled batch becomes a Release: sum, estimate, fold, publish. Once, or never."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from choral.engines import Engine
from choral.errors import StoreError
from choral.learning import Arrays
from choral.mechanisms import Estimate, Mechanism, empty_state
from choral.numerics import Entropy
from choral.protocol import Release, encode, sign
from choral.server.models import begun, packed, state_of
from choral.server.rounds import seconds
from choral.server.shuffle import LEASE_SECONDS
from choral.server.tasks import Known, Names, TaskBook
from choral.server.versions import candidate, pass_over, refuse
from choral.storage import BatchRow, ReleaseRow, ServerStore, TaskRow, VersionRow

ROWS_AT_ONCE = 2**14  # payloads summed at a time
HISTOGRAM = frozenset({"item", "estimate", "stderr"})


def release_once(
    store: ServerStore, server_key: Ed25519PrivateKey, *, names: Names, engine: Engine, entropy: Entropy, now: datetime
) -> Release | BatchRow | None:
    """The Release of one batch that was due, signed, kept and its payloads erased in one transaction; None if none is due.

    Where a model is trained, a candidate that its gate refuses is never published: the batch is spent, the model stays
    what it was, and the erased row that says why is returned instead. So is that of a streaming round with nothing new.
    """
    second = seconds(now)
    batch = store.lease("release", now=second, until=second + LEASE_SECONDS)
    if batch is None:
        return None
    known = TaskBook(store, names).get(batch.task)
    row = begun(store, known, entropy, second)
    state = state_of(row, known, entropy)
    if not batch.streams:  # what streams was folded report by report
        estimate = known.mechanism.estimate(total(known.mechanism, store.parts(batch), engine), batch.legal)
        state = known.algorithm.fold(state, _require_whole(estimate, batch), entropy)
    version = candidate(store, known, batch, row, state=state, now=second) if known.trains else None
    if version is not None and not version.reports:
        return pass_over(store, batch, now=second)
    if version is not None and version.state == "refused":
        return refuse(store, batch, version, now=second)
    return _published(store, server_key, known, Candidate(batch, row, state, version), second)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is about to be released: a state made of a batch and, where a model is trained, its version."""

    batch: BatchRow
    row: TaskRow
    state: Arrays
    version: VersionRow | None

    @property
    def reports(self) -> int:
        """How many it was made of."""
        return self.batch.legal if self.version is None else self.version.reports


def _published(store: ServerStore, server_key: Ed25519PrivateKey, known: Known, due: Candidate, now: int) -> Release:
    """The release, kept with the state and the version in one transaction."""
    batch, reports = due.batch, due.reports
    release = _release(known, batch, known.algorithm.publish(due.state), reports, now)
    signed = sign(release, server_key)
    hash_ = hashlib.sha256(signed.body).digest()
    full = packed(known, due.state, round_=batch.round, reports=reports, now=now)
    store.finish_release(
        batch,
        ReleaseRow(hash_, batch.task, batch.round, release.kind, reports, now),
        signed=encode(signed),
        unpublished=full,
        state=None if batch.streams else full,
        base=due.row.revision,
        version=None if due.version is None else replace(due.version, release=hash_),
    )
    return release


def total(mechanism: Mechanism, parts: Iterator[bytes], engine: Engine) -> NDArray[np.int64]:
    """The sum over all parts: at most two states are in memory at a time."""
    sums = engine.map(partial(accumulated, mechanism), parts)
    state = next(sums, None)
    if state is None:
        return empty_state(mechanism)
    for other in sums:
        state += other
    return state


def accumulated(mechanism: Mechanism, part: bytes) -> NDArray[np.int64]:
    """The state of one part of a batch; a function of its own so that other processes can run it."""
    payloads = np.frombuffer(part, mechanism.payload)
    state = empty_state(mechanism)
    for start in range(0, len(payloads), ROWS_AT_ONCE):
        state = mechanism.accumulate(state, payloads[start : start + ROWS_AT_ONCE])
    return state


def _require_whole(estimate: Estimate, batch: BatchRow) -> Estimate:
    if estimate.n < batch.minimum:
        raise StoreError(f"a batch of {estimate.n} reports, below its minimum of {batch.minimum}, came up for release")
    return estimate


def _release(known: Known, batch: BatchRow, arrays: Arrays, reports: int, now: int) -> Release:
    kind = "histogram" if arrays.keys() >= HISTOGRAM else known.task.algorithm.name
    guarantees = known.mechanism.guarantees(known.task.rule.minimum, known.task.reports_per_device)
    return Release(batch.task, batch.round, kind, reports, now, guarantees, arrays)
