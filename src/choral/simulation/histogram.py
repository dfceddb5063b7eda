"""What a server would learn from a column of somebody's own data, one report a device, through any frequency oracle.

Knows devices that hold values, and mechanisms. Leaves to holders.py who holds what, and shows nothing itself.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from choral.engines import Engine
from choral.mechanisms import Estimate, FrequencyOracle, Payloads, empty_state
from choral.numerics import SeededEntropy
from choral.simulation.holders import Floats, Holders, Integers
from choral.simulation.study import Shard, shards

SHARD = 2**16  # devices randomized at a time, unless their reports are long
SHARD_BYTES = 2**25


@dataclass(frozen=True, slots=True)
class Part:
    """What one shard sends, and what is true of it: truth int64[domain]."""

    payloads: Payloads
    truth: Integers


@dataclass(frozen=True, slots=True)
class Senders:
    """Holders who report once; called with a Shard, they answer a Part. Device i draws its noise from stream i of `seed`."""

    mechanism: FrequencyOracle
    holders: Holders
    seed: int

    def __call__(self, shard: Shard) -> Part:
        """Payloads[devices], row i from device shard.first + i alone."""
        values = self.holders.values(shard)
        payloads = self.mechanism.randomize(values, SeededEntropy(self.seed, stream=self.holders.first + shard.first))
        return Part(payloads, np.bincount(values, minlength=self.mechanism.domain))


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """An estimate beside the truth. truth: int64[domain]; variance: float64[domain], the theory's, for the true counts."""

    estimate: Estimate
    truth: Integers
    variance: Floats

    @property
    def mse(self) -> float:
        """Mean squared error over the domain, in counts squared."""
        return float(((self.estimate.values - self.truth) ** 2).mean())

    @property
    def mse_theory(self) -> float:
        """What `mse` should be on average."""
        return float(self.variance.mean())


def histogram(senders: Senders, *, engine: Engine, done: Callable[[int], None] | None = None) -> Histogram:
    """What a server learns from one report of each device; `done` is told how many more are finished."""
    mechanism, n = senders.mechanism, senders.holders.devices
    if n < 1:
        raise ValueError(f"need at least one device, got {n}")
    state, truth = empty_state(mechanism), np.zeros(mechanism.domain, np.int64)
    size = min(SHARD, max(1, SHARD_BYTES // mechanism.payload.itemsize))
    for part in engine.map(senders, shards(n, size)):
        state = mechanism.accumulate(state, part.payloads)
        truth += part.truth
        if done:
            done(len(part.payloads))
    variance = np.asarray(mechanism.variance(truth.astype(np.float64), n), np.float64)
    return Histogram(mechanism.estimate(state, n), truth, variance)


def bytes_needed(mechanism: FrequencyOracle) -> int:
    """Memory for the state, for its estimate and for what is shown of it, roughly: eight numbers a cell and an item."""
    return 8 * (math.prod(mechanism.cells) + 24 * mechanism.domain)
