"""A World's training tasks: federated averaging, buffered gradients, draw and discard, all of one small model.

Knows tasks, what their examples are, and who issues tokens. They differ from a count in what a server keeps between
batches; nothing here moves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from numpy.typing import NDArray

from choral.device import Event, Signal
from choral.learning import Arrays, BufferedGradient, DrawAndDiscard, FederatedAveraging
from choral.mechanisms.laplace_model import LaplaceModel
from choral.mechanisms.laplace_vector import LaplaceVector
from choral.numerics import Entropy
from choral.privacy import micro
from choral.protocol import BatchRule, Release, Spec, Task
from choral.protocol.tokens import REQUEST, Issuer, TokenKey, issue

DAY = 86_400
START = datetime(2026, 3, 2, tzinfo=UTC)
SERIAL = "world.serial"
EPSILON = 8.0
MODEL: dict[str, Any] = {"model": "logistic/1", "shape": "2"}
WEIGHTS = 3
VECTOR = LaplaceVector.for_epsilon(EPSILON, WEIGHTS, clip_norm=1.0)
STEPS: dict[str, Any] = {"instances": 4, "rate_micro": 50_000, "clip_micro": 1_000_000, "reach_milli": 1_000_000}
STEP_NORM = DrawAndDiscard(noise_nano=0, **MODEL, **STEPS).clip_norm
RETURNED = LaplaceModel.around(LaplaceVector.for_epsilon(EPSILON, WEIGHTS, clip_norm=STEP_NORM))


def rows(serials: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Two inputs and a label from each serial number."""
    inputs = np.stack([serials % 7 - 3, serials % 5 - 2], axis=1).astype(np.float64)
    return {"inputs": inputs, "label": (serials % 2).astype(np.float64), "weight": np.ones(len(serials))}


CANARIES = Release(bytes(32), 0, "examples", 0, 1, (), rows(np.arange(40)))


def signals() -> tuple[Signal, ...]:
    """The doors through which the tasks read the same events."""
    return tuple(Signal(name, frozenset({SERIAL}), _examples, limit=4, immediate=False) for name in ROADS)


def tasks(count: Task, issuer: RSAPrivateKey | None) -> tuple[Task, ...]:
    """One task a road, in all else like `count`; updates to be averaged need tokens if there is an issuer."""
    averaged, buffered, drawn = (_task(count, name) for name in ROADS)
    if issuer is not None:
        averaged = replace(averaged, issuer=issuer_of(issuer).release(START).hash)
    return averaged, buffered, drawn


def issuer_of(key: RSAPrivateKey) -> Issuer:
    """Whose tokens are good in a World."""
    return Issuer("issuer.world", TokenKey(key.public_key()))


@dataclass(frozen=True, slots=True)
class InProcessIssuer:
    """The road to an issuer that knows no limits: what a World tests is who may spend."""

    key: RSAPrivateKey
    entropy: Entropy

    def ask(self, requests: bytes) -> bytes:
        """The answers to as many requests, in their order."""
        return b"".join(issue(self.key, request, self.entropy) for request in _parts(requests, REQUEST.size))


def _parts(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


@dataclass(frozen=True, slots=True)
class Road:
    """What tells one way of training from another."""

    mechanism: LaplaceVector | LaplaceModel
    algorithm: Any
    rule: BatchRule
    delay_seconds: int


ROADS = {
    "world.averaged": Road(
        VECTOR,
        FederatedAveraging(**MODEL, canaries=CANARIES.hash),
        BatchRule(2, 3, rounds_open=2, round_seconds=DAY, advance="release"),
        DAY // 4,
    ),
    "world.buffered": Road(
        VECTOR,
        BufferedGradient(**MODEL),
        BatchRule(2, 2, rounds_open=3, round_seconds=DAY, advance="release"),
        DAY // 4,
    ),
    "world.drawn": Road(
        RETURNED,
        DrawAndDiscard.with_noise_of(RETURNED, **MODEL, **STEPS, canaries=CANARIES.hash),
        BatchRule(1, 1, rounds_open=2, round_seconds=DAY, advance="time"),
        0,
    ),
}


def _task(count: Task, name: str) -> Task:
    road = ROADS[name]
    price = micro(road.mechanism.guarantees(1)[0].epsilon)
    terms = replace(count.terms.unbound, signal=name, price_micro=price, reports_per_day=1, minimum=road.rule.minimum)
    return replace(
        count,
        terms=terms,
        mechanism=Spec.of(road.mechanism),
        algorithm=Spec.of(road.algorithm),
        rule=road.rule,
        delay_seconds=road.delay_seconds,
    )


def _examples(events: Sequence[Event]) -> Arrays:
    """A row an event; without any, one row that weighs nothing."""
    found = rows(np.array([int(event.data["serial"]) for event in events] or [0], np.int64))
    return {**found, "weight": np.full(len(found["weight"]), float(bool(events)))}
