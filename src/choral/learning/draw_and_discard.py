"""Draw and discard: k instances of one model; a device gets one of them, and what it returns replaces another one.

Knows instances and returned models. Leaves noise to the mechanism `laplace-model/2`, and batches of one to the server.
Made for generalized linear models, whose gradient for a row is its inputs times a surplus.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.models import Model, model_of
from choral.learning.rows import Floats, checked_params, wide
from choral.learning.schema import Work, require_arrays, weights
from choral.learning.steps import MICRO, MILLI
from choral.mechanisms import Estimate
from choral.mechanisms.laplace_model import LaplaceModel
from choral.numerics import Entropy, SeededEntropy

NANO = 1_000_000_000
MOST_INSTANCES = 1_000
TAIL = 8  # standard deviations by which one weight alone may stand out: Laplace tails are heavy
ROUNDING = 2.0**-20  # relative slack of a distance between weights of 32 bits
SERVED = ("average", "one")


@dataclass(frozen=True, slots=True)
class DrawAndDiscard:
    """A device steps once from the instance that it drew; the server puts the answer in a random instance's place.

    model, shape: of what is learnt, see `model_of`; instances: k, well above the reports in flight
    rate_micro: of a device's step, in millionths; clip_micro: L1 norm to which one row's gradient is shortened
    mean_micro: L1 norm to which the mean of a device's rows is shortened after that; 0 if no further
    noise_nano: standard deviation of the mechanism's noise in one weight, in billionths
    reach_milli: how far from the nearest held instance a returned model may lie, in thousandths of what an honest one that
        comes in time exceeds with chance about 1e-6
    serve: "average" of the instances, or "one" of them
    start_micro: scale of a random start, in millionths; start: hash of a public Release whose `params` are the start
    canaries: hash of a public Release of examples on which versions are judged
    State: `instances` float64[k, size], `updates` int64[1]. They start where noise would spread them in the long run.
    Laws, with sigma the noise: between instances the variance is k sigma**2 / 2, reached in k**2 / 2 updates; their mean
    walks sigma**2 / k an update, and drifts 1 / (k + late) of a step when answers come `late` updates after the draw.
    Source: Pihur et al. (2018, arXiv 1807.04369).
    """

    NAME: ClassVar[str] = "draw-and-discard/2"
    streams: ClassVar[bool] = True  # every report is a batch of one
    model: str
    shape: str
    instances: int
    rate_micro: int
    clip_micro: int
    noise_nano: int
    mean_micro: int = 0
    reach_milli: int = 1000
    serve: str = "average"
    start_micro: int = 0
    canaries: bytes = b""
    start: bytes = b""

    def __post_init__(self) -> None:
        model_of(self.model, self.shape)
        if not 1 <= self.instances <= MOST_INSTANCES or min(self.rate_micro, self.clip_micro, self.reach_milli) < 1:
            raise ValueError(f"need 1 <= instances <= {MOST_INSTANCES} and rates and limits above 0, got {self}")
        if self.serve not in SERVED or min(self.noise_nano, self.start_micro, self.mean_micro) < 0:
            raise ValueError(f"need serve in {SERVED}, and noise_nano, start_micro and mean_micro at least 0, got {self}")
        if len(self.canaries) not in (0, 32) or len(self.start) not in (0, 32):
            raise ValueError("canaries and start are hashes of 32 bytes, or empty")

    @classmethod
    def with_noise_of(cls, mechanism: LaplaceModel, **fields: Any) -> Self:
        """The algorithm with these fields, told the noise of the mechanism that will randomize its updates."""
        return cls(noise_nano=round(mechanism.noise * NANO), **fields)

    @property
    def learner(self) -> Model:
        """The model itself."""
        return model_of(self.model, self.shape)

    @property
    def rate(self) -> float:
        """Of a device's step."""
        return self.rate_micro / MICRO

    @property
    def longest(self) -> float:
        """L1 norm that no mean of rows exceeds: rows are shortened, then their mean."""
        return min(self.clip_micro, self.mean_micro or self.clip_micro) / MICRO

    @property
    def clip_norm(self) -> float:
        """L1 norm that no device's step exceeds: what the mechanism has to cover for a whole device."""
        return self.rate * self.longest

    def distance(self, records: int) -> float:
        """L1 norm by which one of so many records can change a device's step.

        A mean moves by an n-th of what a row can; shortening two vectors to a length at most doubles their distance.
        """
        moved = 2 * self.clip_micro / MICRO / records
        return self.rate * min(2 * self.longest, moved if self.longest == self.clip_micro / MICRO else 2 * moved)

    @property
    def noise(self) -> float:
        """Standard deviation of noise in one weight."""
        return self.noise_nano / NANO

    @property
    def spread_law(self) -> float:
        """Variance between instances in the long run, of each weight."""
        return self.instances * self.noise**2 / 2

    @property
    def drawn_within(self) -> float:
        """How far a weight of an instance that is given out lies from `around`, at most: 8 standard deviations of the spread.

        An honest check-out never lies farther, for `near` cuts what does: a device that refuses one raises no false alarm.
        Weights are cut where the instances walk during a round, whose mean has walked as far as the spread is wide after
        k**2 / 2 answers. In simulated rounds (4, 10 and 20 instances, noise alone, seed 1) 3e-5 of all weights were cut after
        k**2 / 2 answers, 2e-4 after k**2, 1e-3 after 2 k**2, 1e-2 after 4 k**2. A cut weight is a step back to where the round
        began, and an answer to it may be dropped as too far from all instances: let a round have fewer than k**2 answers.
        """
        return TAIL * math.sqrt(self.spread_law) * (1 + ROUNDING)

    @property
    def limit(self) -> float:
        """Distance from the nearest held instance beyond which a returned model is refused."""
        return self.clip_norm + self.reach_milli / MILLI * self.noise * (math.sqrt(self.learner.size) + TAIL)

    def init(self, entropy: Entropy) -> Arrays:
        """Instances spread around zeros, or around a random start; where a public Release is the start, use `started`."""
        if self.start:
            raise ValueError(f"this task starts from Release {self.start.hex()}; give its arrays to `started`")
        around = self.learner.init(entropy) * (self.start_micro / MICRO)
        return self._spread(around, entropy)

    def started(self, release: Arrays) -> Arrays:
        """Instances spread around a Release's `params`; where they begin is public, and so is its seed: the Release's hash."""
        return self._spread(checked_params(release, self.learner.size), SeededEntropy(int.from_bytes(self.start)))

    def check_out(self, state: Arrays, entropy: Entropy) -> Arrays:
        """`params` float32[size]: one instance, each equally likely; one draw."""
        return {"params": state["instances"][int(entropy.below(1, self.instances)[0])].astype(np.float32)}

    def around(self, state: Arrays) -> Arrays:
        """`params` float32[size]: the mean of the instances, around which what is drawn in a round must lie."""
        return {"params": state["instances"].mean(axis=0).astype(np.float32)}

    def near(self, drawn: Arrays, around: Arrays) -> Arrays:
        """`params` float32[size] that were drawn, each weight cut at the distance `drawn_within` from `around`."""
        centre, reach = around["params"].astype(np.float64), TAIL * math.sqrt(self.spread_law)
        cut = np.clip(drawn["params"].astype(np.float64), centre - reach, centre + reach).astype(np.float32)
        beyond = np.abs(cut - centre) > reach  # by what rounding to 32 bits added
        return {"params": np.where(beyond, np.nextafter(cut, around["params"]), cut)}

    def require_params(self, params: Arrays) -> None:
        """ValueError unless `params` is float[size], finite and no number beyond all learning."""
        require_arrays(params, {"params": weights(self.learner.size)}, trains=True)

    def device_work(self, params: Arrays, rows: int) -> Work:
        """A gradient a row."""
        return Work(16 * rows * self.learner.size, 8 * (rows + 8) * self.learner.size)

    def contribute(self, params: Arrays, examples: Arrays) -> NDArray[Any]:
        """One report, float64[1, 2 size]: the instance that was drawn, and the step from it that is to be hidden."""
        centre = checked_params(params, self.learner.size)
        return np.concatenate([centre, self.local_step(centre, wide(examples))])[None, :]

    def local_step(self, params: Floats, examples: Arrays) -> Floats:
        """Minus the rate times the weighted mean of the rows' gradients, each shortened, then shortened itself.

        Zeros where no row has weight. All rows together change it by at most 2 clip_norm, one of n equal ones by `distance`.
        """
        weight, total = examples["weight"], np.zeros(self.learner.size)
        for row in np.flatnonzero(weight > 0):
            one = {name: array[row : row + 1] for name, array in examples.items()}
            gradient = self.learner.gradient(np, params, one)
            total += weight[row] * gradient * min(1.0, self.clip_micro / MICRO / max(float(np.abs(gradient).sum()), 1e-300))
        mean = total / max(float(weight.sum()), 1e-300)
        share = min(1.0, self.longest / max(float(np.abs(mean).sum()), 1e-300))
        return np.asarray(mean * (-self.rate * share), np.float64)

    def fold(self, state: Arrays, update: Estimate, entropy: Entropy) -> Arrays:
        """A returned model in a random instance's place, whichever was drawn; ValueError if it is too far from all held."""
        held, returned = state["instances"], update.values
        if returned.shape != held.shape[1:] or update.n != 1:
            raise ValueError(f"need one model of {held.shape[1]} weights, got {returned.shape} from {update.n} reports")
        discarded = int(entropy.below(1, self.instances)[0])
        nearest = math.sqrt(float(((held - returned) ** 2).sum(axis=1).min()))
        if not nearest <= self.limit:
            raise ValueError(f"a returned model lies {nearest:.3g} from the nearest instance, beyond {self.limit:.3g}; drop it")
        instances = held.copy()
        instances[discarded] = returned
        return {**state, "instances": instances, "updates": state["updates"] + 1}

    def publish(self, state: Arrays) -> Arrays:
        """`params` float32[size], and of the variance between instances: its mean over weights, that mean's error, the law."""
        held = state["instances"]
        served = held.mean(axis=0) if self.serve == "average" else held[0]
        spread, error = measured_spread(held)
        figures: Mapping[str, float] = {"spread": spread, "spread_stderr": error, "spread_law": self.spread_law}
        return {"params": served.astype(np.float32), **{name: np.array([one]) for name, one in figures.items()}}

    def judge(self, params: Arrays, canaries: Arrays) -> tuple[float, float]:
        """How well the published arrays do on public examples, and its standard error; higher is better."""
        return self.learner.judge(checked_params(params, self.learner.size), wide(canaries))

    def _spread(self, around: Floats, entropy: Entropy) -> Arrays:
        scores = gaussians(entropy, self.instances, self.learner.size)
        held = around + math.sqrt(self.spread_law) * scores
        return {"instances": held, "updates": np.zeros(1, np.int64)}


def measured_spread(instances: Floats) -> tuple[float, float]:
    """Mean over weights of the variance between instances float64[k, size], and its standard error; (0, 0) for one."""
    if len(instances) < 2:
        return 0.0, 0.0
    variances = instances.var(axis=0, ddof=1)
    return float(variances.mean()), float(variances.std() / math.sqrt(len(variances)))


def gaussians(entropy: Entropy, rows: int, size: int) -> Floats:
    """Standard Gaussians float64[rows, size] of 2**53 levels, for where instances start; one word each, all of stream 0."""
    words = entropy.words(1, rows * size)[0] >> np.uint64(11)
    inverse = NormalDist().inv_cdf
    return np.array([inverse((int(word) + 0.5) * 2.0**-53) for word in words]).reshape(rows, size)
