"""What adding up and decoding reports costs the server: counted work times measured rates.

Knows how much work each oracle does. The rates come from medians of five runs of `accumulate` and `estimate`, compiled
kernels warm, over domains of 2,600 to 250,000 items on MACHINE. An order of magnitude, not a promise: `choral bench
statistics` measures this machine.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from choral.mechanisms import FrequencyOracle

MACHINE = "one core of a 2-core x86-64 machine, November 2026"
NUMBERS_AN_ITEM = 4  # sums, estimates, variances and one of scratch, float64 each


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds to add up all reports, seconds from their sum to an estimate, and memory for both."""

    aggregate_seconds: float
    decode_seconds: float
    memory_bytes: int


def cost(oracle: FrequencyOracle, reports: int) -> Cost:
    """The cost of `reports` reports of `oracle` on MACHINE."""
    rates = RATES[type(oracle).__name__]
    memory = 8 * (math.prod(oracle.cells) + NUMBERS_AN_ITEM * oracle.domain)
    return Cost(1e-9 * reports * rates.add(oracle), 1e-9 * rates.decode(oracle), memory)


@dataclass(frozen=True, slots=True)
class Rates:
    """Nanoseconds to add one report, and to decode."""

    add: Callable[[Any], float]
    decode: Callable[[Any], float]


def _items(oracle: Any) -> float:
    return float(10.0 * oracle.domain)


def _sketch_decode(oracle: Any) -> float:
    """One hash and one look-up for each item and row."""
    return float(0.6 * oracle.domain * oracle.rows + _items(oracle))


def _hadamard_decode(oracle: Any) -> float:
    """A fast transform of each row, then as a sketch."""
    return float(0.3 * oracle.rows * oracle.width * math.log2(oracle.width) + _sketch_decode(oracle))


def _space_decode(oracle: Any) -> float:
    """Dynamic programming: for each point and coordinate a sum over the field."""
    return float((oracle.dimension - 1) * (oracle.order + 70.0) * math.prod(oracle.cells) + _items(oracle))


def _bitmap_add(oracle: Any) -> float:
    return float(10 + 0.07 * oracle.domain)


RATES: Mapping[str, Rates] = {
    "RandomizedResponse": Rates(lambda _: 2.5, _items),
    "CountMeanSketch": Rates(lambda oracle: 20 + 0.05 * oracle.width, _sketch_decode),
    "HadamardCountMeanSketch": Rates(lambda _: 12.0, _hadamard_decode),
    "UnaryEncoding": Rates(_bitmap_add, _items),
    "SubsetSelection": Rates(_bitmap_add, _items),
    "LocalHashing": Rates(lambda oracle: 1.1 * oracle.domain, _items),
    "ProjectiveGeometryResponse": Rates(lambda _: 1.5, _space_decode),
}
