"""What algorithms with one shared model have in common: a flat vector that all devices get, and a mean of their updates.

Knows flat vectors and estimates. Leaves to the algorithms what a device sends and how the server steps.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.models import Model, model_of
from choral.learning.rows import Floats, checked_params, wide
from choral.learning.schema import Work, require_arrays, weights
from choral.learning.steps import MICRO
from choral.mechanisms import Estimate
from choral.numerics import Entropy

LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class SharedModel(ABC):
    """One model for all; a report says in which direction it should move, and the server steps along the mean.

    model, shape: of what is learnt, see `model_of`; start_micro: scale of the random start, in millionths
    start: hash of a public Release whose `params` are the start instead; empty for a random one
    canaries: hash of a public Release of examples, on which no version may be clearly worse; empty for none
    State: `params` (the iterate that devices get), `served` (what is published), `start`, all float64[size]; `round`
    int64[1], `noise` float64[1], and what the server's steps remember.
    """

    model: str
    shape: str
    start_micro: int = 100_000
    canaries: bytes = b""
    start: bytes = b""

    def __post_init__(self) -> None:
        model_of(self.model, self.shape)
        for name, value in (("canaries", self.canaries), ("start", self.start)):
            if len(value) not in (0, 32):
                raise ValueError(f"{name} is a Release's hash of 32 bytes, or empty; got {len(value)} bytes")
        self.check_rates()

    @abstractmethod
    def check_rates(self) -> None:
        """ValueError for rates with which nothing can be learnt."""

    @abstractmethod
    def local_update(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """Device half: which way the parameters [size] should move, [size]; pure, and the same source for a cohort."""

    @abstractmethod
    def memory(self) -> Mapping[str, NDArray[Any]]:
        """What the server's steps remember before the first one."""

    @abstractmethod
    def stepped(self, state: Arrays, mean: Floats) -> Mapping[str, NDArray[Any]]:
        """What a step along the mean update changes in the state."""

    @property
    def passes(self) -> int:
        """How often the device half goes over all rows."""
        return 1

    @property
    def learner(self) -> Model:
        """The model itself."""
        return model_of(self.model, self.shape)

    def init(self, entropy: Entropy) -> Arrays:
        """A random start; where a public Release is the start, use `started`."""
        if self.start:
            raise ValueError(f"this task starts from Release {self.start.hex()}; give its arrays to `started`")
        return self._begun(self.learner.init(entropy) * (self.start_micro / MICRO))

    def started(self, release: Arrays) -> Arrays:
        """The state that begins from a Release's `params`; ValueError for a wrong shape, NaN or infinity."""
        return self._begun(checked_params(release, self.learner.size))

    def check_out(self, state: Arrays, entropy: Entropy) -> Arrays:
        """`params` float32[size], the iterate."""
        return {"params": state["params"].astype(np.float32)}

    def require_params(self, params: Arrays) -> None:
        """ValueError unless `params` is float[size], finite and no number beyond all learning."""
        require_arrays(params, {"params": weights(self.learner.size)}, trains=True)

    def device_work(self, params: Arrays, rows: int) -> Work:
        """Passes over the rows, each of which costs its gradient a few times."""
        return Work(16 * self.passes * rows * self.learner.size, 8 * (rows + 8) * self.learner.size)

    def nothing(self, params: Arrays) -> NDArray[Any]:
        """What a device contributes whose rows weigh nothing, float64[1, size]: zeros."""
        return np.zeros((1, self.learner.size))

    def contribute(self, params: Arrays, examples: Arrays) -> NDArray[Any]:
        """One report, float64[1, size]: zeros where no row has weight; ValueError for a model that does not fit.

        Training that leaves all bounds answers NaN or infinity: a device puts 0 there, a mechanism refuses it.
        """
        vector = checked_params(params, self.learner.size)
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(self.local_update(np, vector, wide(examples)), np.float64)[None, :]

    def fold(self, state: Arrays, update: Estimate, entropy: Entropy) -> Arrays:
        """One step along the mean of the batch."""
        size = self.learner.size
        if update.values.shape != (size,) or update.n < 1:
            raise ValueError(f"need a sum of {size} numbers over reports, got {update.values.shape} over {update.n} reports")
        with np.errstate(over="ignore", invalid="ignore"):
            noise = float(np.sqrt(update.variance.sum())) / update.n
        return self.folded(state, update.values / update.n, noise)

    def folded(self, state: Arrays, mean: NDArray[np.floating], noise: float = 0.0) -> Arrays:
        """The same from a mean update float64[size] and its L2 standard error.

        Where the step would lead to NaN or beyond a float of 32 bits, the model stays as it was and only the round counts.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            changed = {**self.stepped(state, np.asarray(mean, np.float64)), "noise": np.array([noise])}
            is_safe = all(bool((np.abs(array) <= LARGEST).all()) for array in changed.values())
        return {**state, **(changed if is_safe else {}), "round": state["round"] + 1}

    def publish(self, state: Arrays) -> Arrays:
        """`params` float32[size], and `noise` float64[1]: the L2 standard error of the last mean update."""
        return {"params": state["served"].astype(np.float32), "noise": state["noise"]}

    def judge(self, params: Arrays, canaries: Arrays) -> tuple[float, float]:
        """How well the published arrays do on public examples, and its standard error; higher is better."""
        return self.learner.judge(checked_params(params, self.learner.size), wide(canaries))

    def _begun(self, params: Floats) -> Arrays:
        state = {"params": params, "served": params, "start": params}
        return {**state, "round": np.zeros(1, np.int64), "noise": np.zeros(1), **self.memory()}
