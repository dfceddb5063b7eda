"""The interface of a randomizer and of its estimator, which are one object.

Knows values, payloads, sums and estimates. Leaves devices, time and the wire to others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from choral.numerics import Entropy
from choral.privacy import Guarantee

Values = NDArray[Any]  # what a device puts in: int64[n] categories, or float64[n, d] vectors
Payloads = NDArray[np.void]  # what leaves it: n records of the mechanism's `payload` type
State = NDArray[np.int64]  # what the server sums: one int64 array of shape `cells`
Mask = NDArray[np.bool_]
DELTA = 1e-6  # at which conditional guarantees are stated


@dataclass(frozen=True, slots=True)
class Estimate:
    """An unbiased estimate of a sum over `n` reports, with its variance.

    values: float64[d]; variance: float64[d], with the estimate plugged in; n: reports summed
    items: names of what was discovered, where the mechanism discovers; else None
    """

    values: NDArray[np.floating]
    variance: NDArray[np.floating]
    n: int
    items: tuple[str, ...] | None = None

    @property
    def stderr(self) -> NDArray[np.floating]:
        """Standard errors, float64[d]."""
        return np.asarray(np.sqrt(self.variance), np.float64)


class Mechanism(Protocol):
    """One private value in, one payload out; a sum of payloads in, one estimate out.

    Implementations are frozen dataclasses whose fields are integers and bytes: they travel in a Task.
    """

    NAME: ClassVar[str]  # a contract of bytes: changed fields are a new name

    @property
    def payload(self) -> np.dtype[np.void]:
        """The wire form: a packed, little-endian record of one size."""
        ...

    @property
    def bits(self) -> int:
        """What a report must say, in whole bits; on the wire it is padded to a size class."""
        ...

    @property
    def cells(self) -> tuple[int, ...]:
        """Shape of the state; empty is zeros, merge is addition."""
        ...

    @property
    def epsilon(self) -> float:
        """Pure local epsilon of one report in nats, an upper bound from the integers in use."""
        ...

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """The local guarantee first, then conditional ones for a batch of at least `minimum` reports."""
        ...

    def randomize(self, values: Values, entropy: Entropy) -> Payloads:
        """Payloads[n]; refuses a value outside the domain (ValueError) before it draws; row i draws from stream i."""
        ...

    def legal(self, payloads: Payloads) -> Mask:
        """bool[n]: which payloads a device could have sent. Decoded is not yet legal."""
        ...

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """State plus the payloads' sum; owns `state` and may write into it. Payloads are legal."""
        ...

    def estimate(self, state: State, n: int) -> Estimate:
        """Unbiased estimate of the sum of the `n` accumulated values."""
        ...


class FrequencyOracle(Mechanism, Protocol):
    """A mechanism whose values are categories in [0, domain) and whose estimate is a histogram of counts."""

    @property
    def domain(self) -> int:
        """Number of categories."""
        ...

    @property
    def manipulation(self) -> float:
        """Counts by which one hostile report can move one item's estimate, at most: what poisoning costs."""
        ...

    def supports(self, payloads: Payloads, item: int) -> Mask:
        """bool[n]: which payloads speak for `item`; what an auditor looks at."""
        ...

    def variance(self, counts: NDArray[np.floating], n: int) -> NDArray[np.floating]:
        """Theoretical variance of each estimate, float64[domain], for true counts float64[domain] summing to n."""
        ...


def checked_categories(values: Values, domain: int) -> NDArray[np.int64]:
    """The categories as int64[n]; ValueError, without the value, if one is outside [0, domain)."""
    categories = np.asarray(values)
    if categories.ndim != 1 or categories.dtype.kind not in "iu":
        raise ValueError(f"categories are an integer array of one axis, got {categories.dtype} with {categories.ndim} axes")
    if len(categories) and not (int(categories.min()) >= 0 and int(categories.max()) < domain):
        raise ValueError(f"a category lies outside [0, {domain}); map unknown values to a reserved one first")
    return categories.astype(np.int64)


def empty_state(mechanism: Mechanism) -> State:
    """The state of no reports."""
    return np.zeros(mechanism.cells, np.int64)


def payloads_from(mechanism: Mechanism, records: Sequence[bytes]) -> Payloads:
    """Payloads[n] from n records as they came off the wire, each of the payload's size."""
    return np.frombuffer(b"".join(records), mechanism.payload)
