"""Millions of devices without their phones: the mechanisms called in shards, with the bits the devices would send.

Knows both halves of a mechanism. Leaves consent, budgets and the wire to the World, which runs the real ones.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from choral.engines import Engine
from choral.mechanisms import Estimate, FrequencyOracle, Payloads, empty_state
from choral.numerics import SeededEntropy
from choral.simulation.population import Floats, Integers, Population

SHARD = 2**13  # devices randomized at a time: their events fit the processor's cache
TOGETHER = 2**18  # payloads summed at a time: a sketch's cells are then visited several times in a row


@dataclass(frozen=True, slots=True)
class Shard:
    """Devices first .. first + devices."""

    first: int
    devices: int


@dataclass(frozen=True, slots=True)
class Rows:
    """What one shard sends, beside what is true of it.

    sampled, typed: int64[domain], the sampled events' and all typed events' categories counted
    """

    payloads: Payloads
    sampled: Integers
    typed: Integers


@dataclass(frozen=True, slots=True)
class Cohort:
    """Devices of one population that report one device-day each; called with a Shard, it answers Rows.

    Device i draws its noise from stream i of `seed`, as an Agent with SeededEntropy(seed, stream=i) does.
    """

    mechanism: FrequencyOracle
    population: Population
    seed: int

    def __call__(self, shard: Shard) -> Rows:
        """Payloads[devices] for the population's first day, row i from device shard.first + i alone."""
        events = self.population.events(shard.first, shard.devices, days=1)
        values = events.sampled[:, 0]
        payloads = self.mechanism.randomize(values, SeededEntropy(self.seed, stream=shard.first))
        domain = self.mechanism.domain
        return Rows(payloads, np.bincount(values, minlength=domain), np.bincount(events.category, minlength=domain))


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """An estimate beside its three truths. Only `sampled` carries the mechanism's standard error.

    sampled: int64[domain], what the sampled reports say; typed: int64[domain], all events of the day;
    marginal: float64[domain], shares; variance: float64[domain], the theory's, for the true counts
    """

    estimate: Estimate
    sampled: Integers
    typed: Integers
    marginal: Floats
    variance: Floats

    @property
    def mse(self) -> float:
        """Mean squared error over the domain, in counts squared."""
        return float(((self.estimate.values - self.sampled) ** 2).mean())

    @property
    def mse_theory(self) -> float:
        """What `mse` should be on average."""
        return float(self.variance.mean())


def shards(devices: int, size: int = SHARD) -> Iterator[Shard]:
    """Consecutive shards of at most `size` devices."""
    return (Shard(first, min(size, devices - first)) for first in range(0, devices, size))


def study(cohort: Cohort, devices: int, *, engine: Engine, done: Callable[[int], None] | None = None) -> Study:
    """What a server would learn from `devices` devices, one report each; `done` is told how many more are finished."""
    mechanism, population = cohort.mechanism, cohort.population
    if mechanism.domain != population.nothing + 1 or devices < 1:
        raise ValueError(f"need devices >= 1 and a category for nothing, got {devices=}, {mechanism.domain=}")
    sampled, typed = np.zeros(mechanism.domain, np.int64), np.zeros(mechanism.domain, np.int64)
    state, answers = empty_state(mechanism), _told(engine.map(cohort, shards(devices)), done)
    while together := list(islice(answers, TOGETHER // SHARD)):
        state = mechanism.accumulate(state, np.concatenate([rows.payloads for rows in together]))
        for rows in together:
            sampled += rows.sampled
            typed += rows.typed
    return Study(
        mechanism.estimate(state, devices),
        sampled,
        typed,
        np.append(population.marginal, 0.0),
        np.asarray(mechanism.variance(sampled.astype(np.float64), devices), np.float64),
    )


def _told(answers: Iterator[Rows], done: Callable[[int], None] | None) -> Iterator[Rows]:
    """The same answers; `done` hears of each as it passes."""
    for rows in answers:
        if done:
            done(len(rows.payloads))
        yield rows
