"""Steps of gradient learning: a device's local ones, and the server's after each batch.

Knows vectors and rates. Leaves to algorithms what is summed, to models what a gradient is. An update points downhill:
a server adds it to the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.models import Model
from choral.learning.rows import Floats

MICRO = 1_000_000
MILLI = 1_000
SQUARES = 0.99  # Adam's memory of squared updates, as in Reddi et al. (ICLR 2021)
SMALLEST = 1e-8
OPTIMIZERS = ("sgd", "adam")


def descent(xp: Any, model: Model, params: Any, examples: Arrays, *, epochs: int, batch: int, rate: float) -> Any:
    """How far local SGD moves the parameters, [size]: passes over the rows in their order, `batch` rows a step, 0 for all.

    The way is summed apart from the parameters, so that 32 bits hold a short way as well as a long one.
    """
    rows = examples["weight"].shape[0]
    size = batch or max(rows, 1)
    moved = xp.zeros_like(params)
    for start in list(range(0, rows, size)) * epochs:
        part = {name: array[start : start + size] for name, array in examples.items()}
        moved = moved - rate * model.gradient(xp, params + moved, part)
    return moved


@dataclass(frozen=True, slots=True)
class Optimizer:
    """A server's step along a mean update: SGD with heavy-ball momentum, or Adam; what it remembers is part of the state.

    kind: "sgd" or "adam"; momentum: of the mean update, 0 to below 1
    Source: Reddi et al. (ICLR 2021), "Adaptive Federated Optimization"; Adam's corrected moments as Kingma and Ba (2015).
    """

    kind: str
    momentum: float

    def __post_init__(self) -> None:
        if self.kind not in OPTIMIZERS or not 0 <= self.momentum < 1:
            raise ValueError(f"need a kind of {OPTIMIZERS} and 0 <= momentum < 1, got {self.kind=}, {self.momentum=}")

    def memory(self, size: int) -> dict[str, Floats]:
        """Before the first step."""
        names = ("velocity", "squares") if self.kind == "adam" else ("velocity",)
        return {name: np.zeros(size) for name in names}

    def step(self, memory: Arrays, update: Floats, number: int) -> tuple[Floats, Mapping[str, NDArray[Any]]]:
        """The direction to go, at rate 1, and the memory after it; number: of this step, from 1."""
        if self.kind == "sgd":
            velocity = self.momentum * memory["velocity"] + update
            return velocity, {"velocity": velocity}
        velocity = self.momentum * memory["velocity"] + (1 - self.momentum) * update
        squares = SQUARES * memory["squares"] + (1 - SQUARES) * update**2
        first, second = velocity / (1 - self.momentum**number), squares / (1 - SQUARES**number)
        return first / (np.sqrt(second) + SMALLEST), {"velocity": velocity, "squares": squares}


def linear_decay(rate: float, number: int, horizon: int) -> float:
    """The rate of round `number`, from 0: it falls linearly to 0 at `horizon`, where steps end."""
    return rate * max(0.0, 1 - number / horizon)


def tail_average(served: Floats, params: Floats, number: int, *, horizon: int, tail: float) -> Floats:
    """Mean of the parameters since the share `tail` of `horizon` began, float64[size]; before that the parameters.

    served: the answer of the round before; number: of this round, from 0. Source: Polyak and Juditsky (1992).
    """
    count = number - int(horizon * (1 - tail)) + 1
    return params if count <= 1 else served + (params - served) / count
