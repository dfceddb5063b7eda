"""The models of training tasks: where each starts, how a candidate is judged, which state is the current one.

Knows what a training algorithm offers beyond counting: `judge`, `started`. Leaves leases and signatures to others.
"""

import math
from dataclasses import dataclass

import numpy as np

from choral.errors import StoreError
from choral.learning import Arrays
from choral.learning.gate import TOLERANCE, is_worse
from choral.numerics import Entropy
from choral.protocol import Release, decode, encode
from choral.server.public_data import public_arrays
from choral.server.tasks import Known
from choral.storage import ServerStore, TaskRow, VersionRow

UNPUBLISHED = "unpublished"
NOT_A_NUMBER = "a number in it is NaN or infinite"
OTHER_SHAPE = "its arrays do not have the shapes of the version before"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of a candidate: both figures on the canaries, None without; why not, empty for yes."""

    metric: float | None = None
    stderr: float | None = None
    parent_metric: float | None = None
    parent_stderr: float | None = None
    why: str = ""


def begun(store: ServerStore, known: Known, entropy: Entropy, now: int) -> TaskRow:
    """The task's row; a training task's model has begun then: its start is drawn once, and kept."""
    row = store.task(known.hash)
    if row is None:
        raise StoreError("the store holds a batch without its task; restore it from a copy")
    if not known.trains or row.revision:
        return row
    state = _start(store, known, entropy)
    metric, stderr = judged(store, known, known.algorithm.publish(state))
    start = VersionRow(known.hash, 0, 0, 0, "published", b"", 0, now, metric, stderr)
    store.begin_model(start, packed(known, state, round_=0, reports=0, now=now))
    return begun(store, known, entropy, now)


def state_of(row: TaskRow, known: Known, entropy: Entropy) -> Arrays:
    """The algorithm's state as the last release left it; a fresh one where the algorithm keeps nothing."""
    return unpacked(row.state) if row.state else known.algorithm.init(entropy)


def packed(known: Known, state: Arrays, *, round_: int, reports: int, now: int) -> bytes:
    """A whole state as the operator can read it, under the guarantees of what it was made of."""
    guarantees = known.mechanism.guarantees(known.task.rule.minimum, known.task.reports_per_device) if reports else ()
    return encode(Release(known.hash, round_, UNPUBLISHED, reports, now, guarantees, state))


def unpacked(state: bytes) -> Arrays:
    """The arrays of a packed state."""
    return decode(state, Release).arrays


def gate(store: ServerStore, known: Known, *, state: Arrays, parent: Arrays) -> Verdict:
    """Whether a state may become the next version after `parent`: never one with NaN, or clearly worse on the canaries.

    Worse than the best of all published versions, by the rule of `is_worse`.
    """
    candidate, current = known.algorithm.publish(state), known.algorithm.publish(parent)
    if not (is_finite(state) and is_finite(candidate)):
        return Verdict(why=NOT_A_NUMBER)
    if {name: array.shape for name, array in candidate.items()} != {name: array.shape for name, array in current.items()}:
        return Verdict(why=OTHER_SHAPE)
    figures = judged(store, known, candidate)
    return Verdict(*figures, *judged(store, known, current), why=_why_not(known, *figures, _best(store, known)))


def judged(store: ServerStore, known: Known, published: Arrays) -> tuple[float | None, float | None]:
    """The metric on the task's canaries and its standard error; None without canaries, and for what is not a number."""
    canaries = public_arrays(store, known, "canaries")
    if canaries is None:
        return None, None
    metric, stderr = known.algorithm.judge(published, canaries)  # type: ignore[attr-defined]  # of training algorithms
    return _number(metric), _number(stderr)


def is_finite(arrays: Arrays) -> bool:
    """Whether no float in any of the arrays is NaN or infinite."""
    return all(bool(np.isfinite(array).all()) for array in arrays.values() if array.dtype.kind == "f")


def metric_name(known: Known) -> str:
    """What the metric on the canaries is called."""
    return str(getattr(getattr(known.algorithm, "learner", None), "METRIC", "metric"))


def _best(store: ServerStore, known: Known) -> float | None:
    """The best metric of the published versions, all on the same canaries; None without canaries."""
    metrics = (one.metric for one in store.versions(known.hash) if one.state == "published")
    return max((metric for metric in metrics if metric is not None), default=None)


def _why_not(known: Known, metric: float | None, stderr: float | None, best: float | None) -> str:
    if best is None:
        return ""
    name = metric_name(known)
    if metric is None:
        return f"its {name} on the canaries is not a number; the best version has {best:.4g}"
    if not is_worse(metric, math.inf if stderr is None else stderr, best=best):
        return ""
    return f"{name} of {metric:.4g} on the canaries, over {TOLERANCE:g} standard errors below the best version's {best:.4g}"


def _start(store: ServerStore, known: Known, entropy: Entropy) -> Arrays:
    arrays = public_arrays(store, known, "start")
    if arrays is None:
        return known.algorithm.init(entropy)
    started: Arrays = known.algorithm.started(arrays)  # type: ignore[attr-defined]  # of training algorithms
    return started


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
