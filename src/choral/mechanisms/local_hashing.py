"""Optimized local hashing: randomized response over a hash of the value, with a hash function of the report's own."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import DELTA, Estimate, Mask, Payloads, State, Values, checked_categories
from choral.mechanisms.fast import kernels
from choral.mechanisms.support import Support
from choral.numerics import UNIT, Entropy
from choral.numerics.fields import prime_power
from choral.privacy import Guarantee, local, shuffled

PAYLOAD: np.dtype[np.void] = np.dtype([("slope", "<u4"), ("offset", "<u4"), ("bucket", "<u4")])
MERSENNE = 2**31 - 1
CHUNK_CELLS = 2**20  # hashes computed at a time: 8 MiB


@dataclass(frozen=True, slots=True)
class LocalHashing:
    """Report a fresh public hash function and the value's bucket under it, or with some chance another bucket.

    domain: number of categories, 2 <= domain <= prime; buckets: 2 <= buckets <= prime
    keep: chance of the true bucket, in units of 2**-64; prime: below 2**31; hashes are (slope * d + offset) mod prime,
    pairwise independent, cut into `buckets` intervals of nearly one length
    Source: Wang et al. (USENIX Security 2017), OLH; the chance of a collision is exact for the uneven intervals.
    """

    NAME: ClassVar[str] = "local-hashing/1"
    domain: int
    buckets: int
    keep: int
    prime: int

    def __post_init__(self) -> None:
        if not 2 <= self.buckets <= self.prime <= MERSENNE or not 2 <= self.domain <= self.prime:
            raise ValueError(f"need 2 <= domain, buckets <= prime < 2**31, got {self.domain=}, {self.buckets=}, {self.prime=}")
        if prime_power(self.prime) != (self.prime, 1):
            raise ValueError(f"need a prime, got {self.prime=}")
        if not UNIT // self.buckets < self.keep < UNIT:
            raise ValueError(f"need 2**64 / buckets < keep < 2**64, got {self.keep=}")

    @classmethod
    def for_epsilon(cls, epsilon: float, domain: int, *, prime: int = MERSENNE) -> Self:
        """The least noisy hashing whose realised epsilon is at most `epsilon` nats: about e**epsilon + 1 buckets."""
        if not 2**-20 < epsilon < 16:
            raise ValueError(f"need 2**-20 < epsilon < 16, got {epsilon=}")
        odds = math.exp(epsilon)
        buckets = min(max(2, round(odds + 1)), prime)
        return cls(domain, buckets, int(UNIT * odds / (odds + buckets - 1) * (1 - 2**-40)), prime)

    @property
    def payload(self) -> np.dtype[np.void]:
        """The hash function's two numbers and the bucket."""
        return PAYLOAD

    @property
    def bits(self) -> int:
        """The hash function's two numbers and the bucket."""
        return 2 * (self.prime - 1).bit_length() + (self.buckets - 1).bit_length()

    @property
    def cells(self) -> tuple[int, ...]:
        """Reports whose bucket is the category's."""
        return (self.domain,)

    @property
    def epsilon(self) -> float:
        """Of the randomized response over buckets; the hash function says nothing about the value."""
        rarest_lie = (UNIT - self.keep) * (UNIT // (self.buckets - 1))
        return math.log(self.keep * UNIT / rarest_lie) + 2**-45

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """Local, then shuffled among `minimum` reports."""
        return local(self.epsilon), shuffled(self.epsilon, minimum, DELTA, reports_per_device=reports_per_device)

    def randomize(self, values: Values, entropy: Entropy) -> Payloads:
        """Payloads[n] from int64[n] in [0, domain); draws four words each."""
        truth = checked_categories(values, self.domain)
        n = len(truth)
        payloads = np.empty(n, PAYLOAD)
        payloads["slope"] = slope = entropy.below(n, self.prime).astype(np.int64)
        payloads["offset"] = offset = entropy.below(n, self.prime).astype(np.int64)
        bucket = (slope * truth + offset) % self.prime * self.buckets // self.prime
        kept = entropy.chance(n, self.keep)
        step = 1 + entropy.below(n, self.buckets - 1).astype(np.int64)
        payloads["bucket"] = np.where(kept, bucket, (bucket + step) % self.buckets)
        return payloads

    def legal(self, payloads: Payloads) -> Mask:
        """Functions of the family, buckets that exist."""
        mask: Mask = np.maximum(payloads["slope"], payloads["offset"]) < self.prime
        return mask & (payloads["bucket"] < self.buckets)

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """Reports that support each category added: n * domain hashes."""
        low, high = self._interval(payloads["bucket"])
        if (fast := kernels(len(payloads))) is not None:
            columns = (payloads["slope"], payloads["offset"], low, high)
            fast.add_intervals(np.stack(columns, axis=1).astype(np.uint32), np.uint32(self.prime), state)
            return state
        step = max(1, CHUNK_CELLS // self.domain)
        for start in range(0, len(payloads), step):
            part = slice(start, start + step)
            hashes = self._hash(payloads[part, None], np.arange(self.domain))
            state += ((low[part, None] <= hashes) & (hashes < high[part, None])).sum(axis=0)
        return state

    def estimate(self, state: State, n: int) -> Estimate:
        """Unbiased counts, float64[domain]."""
        return self.support.estimate(state, n)

    def variance(self, counts: NDArray[np.floating], n: int) -> NDArray[np.floating]:
        """Theoretical variance of each estimate, float64[domain]."""
        return self.support.variance(counts, n)

    @property
    def support(self) -> Support:
        """Chances of the true bucket, and of any other category's bucket."""
        truth = self.keep / UNIT
        floor, longer = divmod(self.prime, self.buckets)
        collision = (longer * (floor + 1) ** 2 + (self.buckets - longer) * floor**2) / self.prime**2
        return Support(truth, truth * collision + (UNIT - self.keep) / UNIT * (1 - collision) / (self.buckets - 1))

    @property
    def manipulation(self) -> float:
        """About (e**epsilon + buckets - 1) / (e**epsilon - 1); a chosen function can support many items at once."""
        return self.support.manipulation

    def supports(self, payloads: Payloads, item: int) -> Mask:
        """Reports whose bucket is the item's."""
        low, high = self._interval(payloads["bucket"])
        hashes = self._hash(payloads, np.array(item))
        return np.asarray((low <= hashes) & (hashes < high), np.bool_)

    def _hash(self, payloads: Payloads, items: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray((payloads["slope"].astype(np.int64) * items + payloads["offset"]) % self.prime, np.int64)

    def _interval(self, bucket: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Hashes low <= h < high whose bucket h * buckets // prime is the one given."""
        least = bucket.astype(np.int64) * self.prime
        return -(-least // self.buckets), -(-(least + self.prime) // self.buckets)
