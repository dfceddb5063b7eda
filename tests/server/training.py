"""Training tasks for the house: a small logistic model, canaries that know the truth, reports made as devices make them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from choral.errors import PeerError
from choral.learning import ALGORITHMS
from choral.learning.buffered_gradient import BufferedGradient
from choral.learning.draw_and_discard import DrawAndDiscard
from choral.learning.federated_averaging import FederatedAveraging
from choral.mechanisms.laplace_model import LaplaceModel
from choral.mechanisms.laplace_vector import LaplaceVector
from choral.mechanisms.priv_unit import PrivUnit
from choral.numerics import SeededEntropy
from choral.privacy import micro
from choral.protocol import Release, Spec, decode, open_checkout, seal, sign
from choral.protocol.messages import Checkout, Signed
from choral.protocol.task import Task
from choral.server import check_out, publish_release, stream_once
from tests.server.house import OPERATOR, SERVER, SHUFFLER, House, make_task

FEATURES = 3
SIZE = FEATURES + 1
OPERATORS = {OPERATOR.public_key().public_bytes_raw()}
TRUTH = np.array([2.0, -1.0, 0.5, 0.0])
SHAPE: dict[str, Any] = {"model": "logistic/1", "shape": str(FEATURES)}
UNIT = PrivUnit.for_epsilon(8.0, SIZE, clip_norm=1.0)
HOUR = 3_600


def examples(n: int, seed: int) -> dict[str, np.ndarray]:
    """Rows whose labels follow TRUTH."""
    words = SeededEntropy(seed).words(1, n * FEATURES + n)[0].astype(np.float64) / 2**64
    inputs = 4 * words[: n * FEATURES].reshape(n, FEATURES) - 2
    label = (words[n * FEATURES :] < 1 / (1 + np.exp(-(inputs @ TRUTH[:-1] + TRUTH[-1])))).astype(np.float64)
    return {"inputs": inputs, "label": label, "weight": np.ones(n)}


CANARIES = Release(bytes(32), 0, "examples", 0, 1, (), examples(400, 77))
GOOD_START = Release(bytes(32), 0, "model", 0, 1, (), {"params": TRUTH})


def publish_public(house: House, *releases: Release) -> None:
    """Canaries and starts, signed by the operator."""
    for release in releases:
        publish_release(house.store, sign(release, OPERATOR), operators=OPERATORS)


def averaging(**changes: Any) -> FederatedAveraging:
    """Federated averaging of the small model."""
    return FederatedAveraging(**{**SHAPE, "start_micro": 0, "batch": 0, "local_rate_micro": 500_000, **changes})


def buffered(**changes: Any) -> BufferedGradient:
    """Buffered gradients of the small model."""
    return BufferedGradient(**{**SHAPE, "start_micro": 0, "rate_micro": 2_000_000, "tail_milli": 0, **changes})


def training_task(algorithm: Any, **changes: Any) -> Task:
    """A task of the training signal; rounds by release of two hours, a second apart, unless told otherwise."""
    fixed = {"mechanism": Spec.of(UNIT), "price_micro": micro(UNIT.epsilon), "signal": "links", "advance": "release"}
    rule = {"goal": 6, "minimum": 3, "rounds_open": 2, "round_seconds": HOUR, "delay_seconds": 0, "least_seconds": 1}
    return make_task(**{**fixed, **rule, "algorithm": Spec.of(algorithm), **changes})


def streaming_task(
    *, canaries: bytes = b"", start: bytes = b"", instances: int = 4, epsilon: float = 8.0, **changes: Any
) -> tuple[Task, LaplaceModel]:
    """A draw-and-discard task of minutes, and its mechanism."""
    fields = {**SHAPE, "instances": instances, "rate_micro": 50_000, "clip_micro": 1_000_000}
    clip = DrawAndDiscard(noise_nano=0, **fields).clip_norm
    mechanism = LaplaceModel.around(LaplaceVector.for_epsilon(epsilon, SIZE, clip_norm=clip))
    algorithm = DrawAndDiscard.with_noise_of(mechanism, **fields, canaries=canaries, start=start)
    rule = {"goal": 1, "minimum": 1, "rounds_open": 2, "round_seconds": 60, "advance": "time"}
    price = micro(mechanism.guarantees(1, 1)[0].epsilon)
    task = training_task(algorithm, mechanism=Spec.of(mechanism), price_micro=price, **{**rule, **changes})
    return task, mechanism


def checkout_of(house: House, signal: str = "links", seed: int = 1) -> Checkout:
    """What a device downloads."""
    bundle = check_out(house.book, signal, server_key=SERVER, entropy=SeededEntropy(seed), now=house.now)
    return open_checkout(bundle.items[0], OPERATORS)[1]


def update(task: Task, checkout: Checkout, number: int, rows: int = 20) -> bytes:
    """A device's report: its own examples, its own noise, the check-out's round."""
    names = {kind.NAME: kind for kind in (PrivUnit, LaplaceModel)}
    algorithm, mechanism = task.algorithm.build(ALGORITHMS), task.mechanism.build(names)
    values = algorithm.contribute(checkout.params, examples(rows, number))
    payload = mechanism.randomize(values, SeededEntropy(number, stream=9))
    return seal(payload.tobytes(), task.hash, checkout.round, task.shuffler_key).to_bytes()


def train(house: House, task: Task, devices: range) -> Any:
    """One round from check-out to release, and the second until the next one may follow; what the release returned."""
    checkout = checkout_of(house)
    house.ingest(update(task, checkout, number) for number in devices)
    house.shuffle()
    release = house.release()
    house.second += 1
    return release


def params_of(house: House, hash_: bytes) -> np.ndarray:
    """The published model in a release."""
    return decode(decode(house.store.release(hash_), Signed).body, Release).arrays["params"]


def refused(problem: str, act: Callable[[], Any]) -> str:
    """What the refusal says, which must be this problem."""
    with pytest.raises(PeerError) as caught:
        act()
    assert caught.value.problem == problem
    return caught.value.detail


def stream(house: House, seed: int = 4) -> Any:
    """The duty of batches of one, once."""
    return stream_once(house.book, SHUFFLER, entropy=SeededEntropy(seed), now=house.now)
