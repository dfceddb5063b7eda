"""Which value each device holds, from a table and a few rules.

Without a number of devices each row is a device (a row of weight w is w devices), or each person, who holds one of their
rows, chosen by weight; with a number, every device holds one value drawn by weight, each person weighing alike. What is
outside the dictionary is the item "other". Groups are asked apart: each is a task of its own.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from choral.errors import UsageError
from choral.numerics import SeededEntropy
from choral.simulation.study import Shard
from choral.simulation.tables import Table

OTHER = "other"
MOST_GROUPS = 1000
EVERYONE = ""  # the name of the only group where there are none

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Holders(Protocol):
    """Devices numbered from `first` on, and the category that each holds."""

    @property
    def first(self) -> int:
        """The number of the first device, which is its stream of entropy too."""
        ...

    @property
    def devices(self) -> int:
        """How many there are."""
        ...

    def values(self, shard: Shard) -> Integers:
        """Categories of some of them, int64[shard.devices]; shard.first counts from 0."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """As many devices of each category as were counted: upto is their running sum, int64[d]."""

    upto: Integers
    first: int = 0

    @property
    def devices(self) -> int:
        """All that were counted."""
        return int(self.upto[-1])

    def values(self, shard: Shard) -> Integers:
        """The lowest categories first."""
        numbers = np.arange(shard.first, shard.first + shard.devices)
        return np.asarray(np.searchsorted(self.upto, numbers, side="right"), np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Devices with a category each, drawn by weight from their own streams; upto is the weights' running sum, float64[d]."""

    upto: Floats
    devices: int
    seed: int
    first: int = 0

    def values(self, shard: Shard) -> Integers:
        """The same device always holds the same category."""
        words = _entropy(self.seed, "values", self.first + shard.first).words(shard.devices, 1)[:, 0]
        uniform = (words >> np.uint64(11)) * 2.0**-53 * self.upto[-1]
        drawn = np.searchsorted(self.upto, uniform, side="right")
        return np.asarray(np.minimum(drawn, np.searchsorted(self.upto, self.upto[-1])), np.int64)


def categories(table: Table, dictionary: tuple[str, ...] | None) -> tuple[tuple[str, ...], Integers]:
    """All names, and the category of each row, int64[n].

    With a dictionary its names in its order and then "other", unless it has that already; else the values found.
    """
    if dictionary is None:
        names, translation = table.values.names, np.arange(len(table.values.names))
    else:
        names = dictionary if OTHER in dictionary else (*dictionary, OTHER)
        numbers = {name: number for number, name in enumerate(names)}
        translation = np.array([numbers.get(name, numbers[OTHER]) for name in table.values.names], np.int64)
    if len(names) < 2:
        raise UsageError("all rows have the same value: there is nothing to learn; give the whole dictionary with --domain")
    return names, translation[table.values.codes]


def holders(
    table: Table, categories: Integers, *, domain: int, seed: int, devices: int | None = None
) -> Iterator[tuple[str, Holders]]:
    """The devices of each group, by name; one group named "" where the table has none. See the module's rules."""
    if table.groups is not None and len(table.groups.names) > MOST_GROUPS:
        raise UsageError(f"{len(table.groups.names):,} groups are too many; choose a column with at most {MOST_GROUPS:,} names")
    weights = _picked(table, seed) if devices is None else _alike(table)
    masses = list(_masses(table, categories, weights, domain))
    sizes = None if devices is None else _shared(devices, np.array([mass.sum() for _, mass in masses]))
    first = 0
    for place, (name, mass) in enumerate(masses):
        group: Holders
        if sizes is None:
            group = Counted(np.cumsum(np.rint(mass).astype(np.int64)), first)
        else:
            group = Drawn(np.cumsum(mass), int(sizes[place]), seed, first)
        first += group.devices
        if group.devices:
            yield name, group


def _picked(table: Table, seed: int) -> Floats:
    """How many devices each row is, float64[n]: of a person's rows one, chosen by weight."""
    weights = _weights(table)
    if table.people is None:
        if not np.array_equal(weights, np.rint(weights)):
            raise UsageError("without --devices a weight is a number of devices: give whole numbers, or say how many devices")
        return weights
    uniform = (_entropy(seed, "rows", 0).words(1, len(weights))[0] >> np.uint64(11)) * 2.0**-53
    with np.errstate(divide="ignore"):
        wait = -np.log1p(-uniform) / weights  # the shortest of exponential waiting times is each with chance by weight
    order = np.lexsort((wait, table.people))
    best = order[np.flatnonzero(np.diff(table.people[order], prepend=-1))]
    picked = np.zeros(len(weights))
    picked[best[np.isfinite(wait[best])]] = 1.0
    return picked


def _alike(table: Table) -> Floats:
    """The weight of each row, float64[n]; where people are named, each person's rows weigh 1 together."""
    weights = _weights(table)
    if table.people is None:
        return weights
    together = np.bincount(table.people, weights)[table.people]
    return np.divide(weights, together, out=np.zeros_like(weights), where=together > 0)


def _weights(table: Table) -> Floats:
    return np.ones(len(table)) if table.weights is None else table.weights


def _masses(table: Table, categories: Integers, weights: Floats, domain: int) -> Iterator[tuple[str, Floats]]:
    """Weight of each category in each group, float64[domain]."""
    if table.groups is None:
        yield EVERYONE, _mass(categories, weights, domain)
        return
    order = np.argsort(table.groups.codes, kind="stable")
    ends = np.cumsum(np.bincount(table.groups.codes, minlength=len(table.groups.names)))
    for name, rows in zip(table.groups.names, np.split(order, ends[:-1]), strict=True):
        yield name, _mass(categories[rows], weights[rows], domain)


def _mass(categories: Integers, weights: Floats, domain: int) -> Floats:
    return np.asarray(np.bincount(categories, weights, minlength=domain), np.float64)


def _shared(devices: int, masses: Floats) -> Integers:
    """`devices` split in proportion to `masses`, whole, the largest remainders first."""
    exact = devices * masses / masses.sum()
    sizes: Integers = np.floor(exact).astype(np.int64)
    missing = devices - int(sizes.sum())
    sizes[np.argsort(sizes - exact, kind="stable")[:missing]] += 1
    return sizes


def _entropy(seed: int, use: str, stream: int) -> SeededEntropy:
    """Streams that no mechanism's noise comes from."""
    key = hashlib.sha256(f"choral/histogram/1/{use}/{seed}".encode()).digest()
    return SeededEntropy(int.from_bytes(key, "little"), stream=stream)
