"""Buffered gradients: a report is one gradient, from whichever open round; a full buffer is one step of the server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.rows import Floats
from choral.learning.shared_model import SharedModel
from choral.learning.steps import MICRO, MILLI, linear_decay, tail_average


@dataclass(frozen=True, slots=True)
class BufferedGradient(SharedModel):
    """A report is minus the gradient of a device's loss; steps fall linearly to 0, and the tail's mean is served.

    rate_micro: of the first step, in millionths; horizon: steps until the rate is 0, after which the model rests
    tail_milli: share of the horizon whose iterates are averaged, in thousandths
    anchor_micro: pull of the start on the iterate, in millionths: the gradient of half the squared distance
    Source: Nguyen et al. (AISTATS 2022), "FedBuff"; Polyak and Juditsky (1992) for the mean.
    """

    NAME: ClassVar[str] = "buffered-gradient/1"
    asynchronous: ClassVar[bool] = True  # an update to an older version joins the buffer that is open now
    rate_micro: int = 1_000_000
    horizon: int = 200
    tail_milli: int = 500
    anchor_micro: int = 0

    def check_rates(self) -> None:
        """ValueError for rates with which nothing can be learnt."""
        if self.rate_micro < 1 or self.horizon < 1 or not 0 <= self.tail_milli <= MILLI or self.anchor_micro < 0:
            raise ValueError(f"need rate_micro, horizon >= 1, tail_milli <= 1000 and anchor_micro >= 0, got {self}")

    def local_update(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """Minus the gradient over all rows, [size]."""
        return -self.learner.gradient(xp, params, examples)

    def memory(self) -> Mapping[str, NDArray[Any]]:
        """Nothing but the state itself."""
        return {}

    def stepped(self, state: Arrays, mean: Floats) -> Mapping[str, NDArray[Any]]:
        """One step at this round's rate, and the mean of the tail so far."""
        number = int(state["round"][0])
        if number >= self.horizon:
            return {}
        rate = linear_decay(self.rate_micro / MICRO, number, self.horizon)
        pull = self.anchor_micro / MICRO * (state["start"] - state["params"])
        params = state["params"] + rate * (mean + pull)
        served = tail_average(state["served"], params, number, horizon=self.horizon, tail=self.tail_milli / MILLI)
        return {"params": params, "served": served}
