"""Learning by draw and discard over a population: k instances, one report after another."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from choral.apps.phishing.buffered import Learnt
from choral.apps.phishing.gate import Gate
from choral.apps.phishing.ground import Ground
from choral.apps.phishing.population import source
from choral.learning.base import Arrays
from choral.learning.draw_and_discard import DrawAndDiscard, measured_spread
from choral.learning.draw_and_discard_kernels import Holders, Turns, logistic_updates
from choral.mechanisms.laplace_model import LaplaceModel
from choral.mechanisms.laplace_vector import LaplaceVector
from choral.numerics import SeededEntropy

Floats = NDArray[np.float64]
RATE, CLIP = 0.02, 2.0  # one rule for every epsilon and k, with features in [0, 1]
CHECKS = 20  # of the gate, evenly over the run
CHUNK = 10_000  # devices worked on at a time: what their noise takes in memory
MICRO = 1_000_000
ROUNDING = 0.99  # of the records over which a price is shared: rounding may part two steps further than one record does


def noisy(epsilon: float, unit: str, *, size: int, records: int) -> LaplaceModel:
    """The mechanism whose epsilon protects the unit: one weight's number, one of the records, or all that a device holds."""
    if unit == "feature":
        return LaplaceModel.around(LaplaceVector.for_one_coordinate(epsilon, size, most=RATE))
    share = max(1.0, ROUNDING * records) if unit == "record" else 1.0
    return LaplaceModel.around(LaplaceVector.for_epsilon(epsilon * share, size, clip_norm=RATE * CLIP))


def algorithm_for(ground: Ground, mechanism: LaplaceModel | None, *, instances: int, unit: str) -> DrawAndDiscard:
    """The algorithm with the rule of this study; per feature, as in the paper, rows are not shortened."""
    clip = float(ground.size) if unit == "feature" else CLIP
    return DrawAndDiscard(
        model="logistic/1",
        shape=str(ground.size - 1),
        instances=instances,
        rate_micro=round(RATE * MICRO),
        clip_micro=round(clip * MICRO),
        noise_nano=0 if mechanism is None else round(mechanism.noise * 1e9),
    )


def learn_drawn(
    ground: Ground,
    algorithm: DrawAndDiscard,
    mechanism: LaplaceModel | None,
    *,
    hostile: NDArray[np.bool_],
    push: Floats,
    seed: int,
    start: Floats | None = None,
    gated: bool = True,
    done: Callable[[int], None] | None = None,
) -> Learnt:
    """One report a device, in the order of devices; gated: by public canaries, with roll-back."""
    state = dict(algorithm.init(source("instances", seed)))
    if start is not None:
        state["instances"] = state["instances"] + start
    rows = np.column_stack([ground.inputs, np.ones(len(ground.inputs))])
    gate = Gate(lambda one: algorithm.judge(algorithm.publish(one), ground.canaries), {**state}, is_open=not gated)
    spreads: list[float] = []
    step = min(CHUNK, max(1, ground.devices // CHECKS))
    for first in range(0, ground.devices, step):
        part = slice(first, min(first + step, ground.devices))
        instances = state["instances"].copy()
        holders = Holders(rows, ground.labels, ground.held[part], hostile[part], push)
        turns = _turns(algorithm, mechanism, part, seed)
        logistic_updates(instances, turns, holders, rate=algorithm.rate, clip=algorithm.clip_micro / MICRO)
        state = dict(gate.admit({**state, "instances": instances}))
        spreads.append(measured_spread(instances)[0])
        if done:
            done(part.stop - part.start)
    return _learnt(algorithm, state, ground.devices, gate.rolled_back, spreads)


def _turns(algorithm: DrawAndDiscard, mechanism: LaplaceModel | None, part: slice, seed: int) -> Turns:
    """Draws and discards by the server's streams, noise by each device's own: as an agent draws it, after rounding."""
    count, size = part.stop - part.start, algorithm.learner.size
    server = source("server", seed, stream=part.start)
    draw, discard = (server.below(count, algorithm.instances).astype(np.int64) for _ in range(2))
    noise = np.zeros((count, size))
    if mechanism is not None:
        device, update = SeededEntropy(seed, stream=part.start), mechanism.update
        device.words(count, size)  # with which an agent rounds
        noise = update.step * np.clip(update.noise.draw(count, size, device), -update.limit, update.limit)
    return Turns(draw, discard, noise)


def _learnt(algorithm: DrawAndDiscard, state: Arrays, updates: int, rolled_back: int, spreads: list[float]) -> Learnt:
    """The served model, and the variance between instances: its mean over the second half of the run."""
    params = algorithm.publish(state)["params"].astype(np.float64)
    spread = float(np.mean(spreads[len(spreads) // 2 :]))
    return Learnt(params, updates, rolled_back, spread, algorithm.spread_law)
