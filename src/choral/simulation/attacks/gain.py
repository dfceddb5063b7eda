"""The maximal gain attack: hostile reports that are legal and speak for the attacker's items as loudly as any can.

Knows oracles through their own two halves, and what a legal payload may hold. The gain is measured in the released
estimate, and laid beside the factor that the mechanism publishes.
Source: Cao, Jia and Gong, "Data Poisoning Attacks to Local Differential Privacy Protocols" (USENIX Security 2021).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms import (
    CountMeanSketch,
    FrequencyOracle,
    ProjectiveGeometryResponse,
    SubsetSelection,
    UnaryEncoding,
)
from choral.mechanisms.base import Payloads, Values, empty_state
from choral.numerics import Entropy, SeededEntropy

TRIED = 4096  # reports of honest senders among which an attacker looks for the loudest
SLACK = 1e-9  # of floats


@dataclass(frozen=True, slots=True)
class Gain:
    """What hostile reports did to the estimates of the attacker's items; all in counts for one hostile report.

    one: to the item that moved most, up; total: to all targets together; targets: how many
    down: to the item that moved most, down; published: the mechanism's factor
    """

    one: float
    total: float
    down: float
    targets: int
    published: float

    @property
    def exceeds(self) -> bool:
        """Whether an item moved further than the mechanism says that it can."""
        return max(self.one, self.down) > self.published * (1 + SLACK)


def measured_gain(oracle: FrequencyOracle, targets: Sequence[int], honest: Values, *, hostile: int, seed: int) -> Gain:
    """The gain of `hostile` reports, each the loudest found, among honest reports of these values: in the real estimate."""
    items = np.array(targets)
    before = oracle.accumulate(empty_state(oracle), oracle.randomize(honest, SeededEntropy(seed)))
    start = oracle.estimate(before, len(honest)).values[items]
    loud, quiet = (np.resize(one, hostile) for one in extremes(oracle, targets, SeededEntropy(seed, 2**40)))
    up, down = (_moved(oracle, before, one, len(honest), items, start) / hostile for one in (loud, quiet))
    return Gain(float(up.max()), float(up.sum()), float(-down.min()), len(items), float(oracle.manipulation))


def extremes(oracle: FrequencyOracle, targets: Sequence[int], entropy: Entropy) -> tuple[Payloads, Payloads]:
    """The legal payloads found that speak for most of the targets, and those that speak for fewest."""
    found = np.concatenate([_searched(oracle, targets, entropy), *_made(oracle, targets)])
    found = found[oracle.legal(found)]
    spoken = np.sum([oracle.supports(found, item) for item in targets], axis=0)
    return found[spoken == spoken.max()], found[spoken == spoken.min()]


def _moved(
    oracle: FrequencyOracle,
    before: NDArray[np.int64],
    hostile: Payloads,
    n: int,
    items: NDArray[np.int64],
    start: NDArray[np.floating],
) -> NDArray[np.float64]:
    after = oracle.accumulate(before.copy(), np.ascontiguousarray(hostile))
    return np.asarray(oracle.estimate(after, n + len(hostile)).values[items] - start, np.float64)


def _searched(oracle: FrequencyOracle, targets: Sequence[int], entropy: Entropy) -> Payloads:
    """What honest senders of the targets might send: all points of a small space, else as many as are tried."""
    if isinstance(oracle, ProjectiveGeometryResponse):
        points = np.zeros(oracle.cells[0], oracle.payload)
        points["point"] = np.arange(len(points))
        return points
    return oracle.randomize(np.resize(np.array(targets), TRIED), entropy)


def _made(oracle: FrequencyOracle, targets: Sequence[int]) -> list[Payloads]:
    """Payloads with a bit for each item or bucket: set for the targets and for nothing else, and the other way round."""
    if isinstance(oracle, CountMeanSketch):
        return [_sketched(oracle, targets)]
    if isinstance(oracle, UnaryEncoding):
        return [_bits(oracle, targets), _bits(oracle, np.setdiff1d(np.arange(oracle.domain), targets))]
    if isinstance(oracle, SubsetSelection):
        others = np.setdiff1d(np.arange(oracle.domain), targets)
        loud, quiet = np.concatenate([targets, others])[: oracle.size], np.concatenate([others, targets])[: oracle.size]
        return [_bits(oracle, loud), _bits(oracle, quiet)]
    return []


def _bits(oracle: UnaryEncoding | SubsetSelection, items: Sequence[int] | NDArray[np.int64]) -> Payloads:
    flags = np.zeros(8 * oracle.payload.itemsize, np.uint8)
    flags[np.asarray(items)] = 1
    payload = np.zeros(1, oracle.payload)
    payload["bits"] = np.packbits(flags, bitorder="little")
    return payload


def _sketched(oracle: CountMeanSketch, targets: Sequence[int]) -> Payloads:
    """In each row the targets' buckets set, and in each row nothing set."""
    rows = np.arange(oracle.rows)
    flags = np.zeros((oracle.rows, oracle.width), np.uint8)
    for item in targets:
        flags[rows, oracle.hashes(rows, np.full(oracle.rows, item))] = 1
    payloads = np.zeros(2 * oracle.rows, oracle.payload)
    payloads["row"] = np.resize(rows, 2 * oracle.rows)
    payloads["bits"][: oracle.rows] = np.packbits(flags, axis=1, bitorder="little")
    return payloads
