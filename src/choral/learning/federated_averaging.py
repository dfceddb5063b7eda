"""Federated averaging: devices train for a few steps and report how far they went; the server steps along the mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.rows import Floats
from choral.learning.shared_model import SharedModel
from choral.learning.steps import MICRO, MILLI, Optimizer, descent

MOST_EPOCHS = 100  # what a device is willing to do


@dataclass(frozen=True, slots=True)
class FederatedAveraging(SharedModel):
    """A report is the difference that local SGD makes.

    epochs: passes over a device's rows; batch: rows of a local step, 0 for all at once
    local_rate_micro: of local steps; rate_micro: of the server's, both in millionths
    optimizer: the server's, "sgd" or "adam"; momentum_milli: its memory of the mean update, in thousandths
    Source: McMahan et al. (AISTATS 2017); server optimizers by Reddi et al. (ICLR 2021).
    """

    NAME: ClassVar[str] = "federated-averaging/1"
    epochs: int = 1
    batch: int = 10
    local_rate_micro: int = 100_000
    optimizer: str = "sgd"
    rate_micro: int = 1_000_000
    momentum_milli: int = 0

    def check_rates(self) -> None:
        """ValueError for rates with which nothing can be learnt."""
        if not 1 <= self.epochs <= MOST_EPOCHS or self.batch < 0 or self.local_rate_micro < 1 or self.rate_micro < 1:
            raise ValueError(f"need 1 <= epochs <= {MOST_EPOCHS}, batch >= 0 and rates above 0, got {self}")
        _ = self.server

    @property
    def passes(self) -> int:
        """Epochs."""
        return self.epochs

    @property
    def server(self) -> Optimizer:
        """How the server steps."""
        return Optimizer(self.optimizer, self.momentum_milli / MILLI)

    def local_update(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """How far local SGD goes, [size]."""
        rate = self.local_rate_micro / MICRO
        return descent(xp, self.learner, params, examples, epochs=self.epochs, batch=self.batch, rate=rate)

    def memory(self) -> Mapping[str, NDArray[Any]]:
        """The optimizer's."""
        return self.server.memory(self.learner.size)

    def stepped(self, state: Arrays, mean: Floats) -> Mapping[str, NDArray[Any]]:
        """The optimizer's step; what it leads to is served."""
        direction, memory = self.server.step(state, mean, int(state["round"][0]) + 1)
        params = state["params"] + self.rate_micro / MICRO * direction
        return {"params": params, "served": params, **memory}
