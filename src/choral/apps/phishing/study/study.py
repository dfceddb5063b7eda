"""One simulated task: who takes part, what is learnt, how well it judges links of unseen domains, and what it costs.

Knows both ways to learn and their prices. Leaves to the command what is printed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choral.apps.phishing.study import buffered, drawn
from choral.apps.phishing.study.buffered import Learnt, Reporters, buffer_size, learn_buffered
from choral.apps.phishing.study.data import Links
from choral.apps.phishing.study.drawn import RULE, Rule, learn_drawn
from choral.apps.phishing.study.ground import Ground, Quality, ground
from choral.apps.phishing.study.poisoning import hostile, hostile_push, hostile_report, worst_direction
from choral.learning.draw_and_discard import MOST_INSTANCES
from choral.mechanisms.base import DELTA
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.mechanisms.laplace_model import LaplaceModel
from choral.mechanisms.priv_unit import PrivUnit
from choral.privacy.clones import Clones

ALGORITHMS = ("draw-and-discard", "buffered", "central")
UNITS = ("feature", "record", "device")
LEAST_EPSILON = 0.01
MOST_EPSILON = {"buffered": 19.0, "central": 99.0}
MOST_EPSILON_OF = {"feature": 10.0, "record": 1000.0, "device": 1000.0}  # of draw and discard
MOST_HELD = 100_000_000  # records on all devices together, of which each takes some 24 bytes
SPLITS = 1_000_000  # seeds below it name splits
Done = Callable[[int], None]
Run = Callable[..., tuple[Learnt, "Prices"]]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is simulated.

    epsilon: of `unit`; for "central" of the sum over a buffer, at delta 1e-6
    hostile: share of devices that collude; warm: whether learning starts from the public model
    public: about how many rows have public labels; wrong_labels: share of labels turned round on devices
    gated: whether versions that are worse on public canaries are rolled back
    seed: of the split by domain, of who holds which links, and of all draws; repeat: the same again with other draws
    rule: how a device of draw and discard steps
    """

    algorithm: str = "buffered"
    instances: int = 20
    epsilon: float = 4.0
    unit: str = "device"
    devices: int = 100_000
    records: int = 5
    hostile: float = 0.0
    seed: int = 1
    warm: bool = False
    public: int = 1000
    wrong_labels: float = 0.0
    gated: bool = True
    repeat: int = 0
    rule: Rule = RULE

    @property
    def draws(self) -> int:
        """The seed of noise, of who is hostile, and of the server's draws."""
        return self.seed + self.repeat * SPLITS

    @property
    def most_epsilon(self) -> float:
        """What the mechanism of this algorithm and unit takes."""
        return MOST_EPSILON.get(self.algorithm, MOST_EPSILON_OF[self.unit])

    def __post_init__(self) -> None:
        _require(
            self.algorithm in ALGORITHMS, f"there is no algorithm {self.algorithm!r}; choose one of {', '.join(ALGORITHMS)}"
        )
        _require(self.unit in UNITS, f"epsilon can protect no {self.unit!r}; choose a unit of {', '.join(UNITS)}")
        many, holds = f"{self.devices:,} devices with {self.records:,} records each", self.devices * self.records
        for is_met, problem in (
            (
                LEAST_EPSILON <= self.epsilon <= self.most_epsilon,
                f"epsilon {self.epsilon:g} is out of range; choose {LEAST_EPSILON:g} to {self.most_epsilon:g} nats",
            ),
            (
                1 <= self.instances <= MOST_INSTANCES,
                f"{self.instances:,} instances cannot be held; choose 1 to {MOST_INSTANCES:,}",
            ),
            (
                min(self.devices, self.records) >= 1 and holds <= MOST_HELD,
                f"{many} cannot be simulated; choose 1 or more of each, {MOST_HELD:,} records in all at most",
            ),
            (self.public >= 1, f"{self.public:,} public rows teach nothing; choose 1 or more"),
            (0 <= self.hostile < 1, f"{self.hostile:g} is no share of hostile devices; choose 0 to below 1"),
            (0 <= self.wrong_labels <= 1, f"{self.wrong_labels:g} is no share of wrong labels; choose 0 to 1"),
        ):
            _require(is_met, problem)


@dataclass(frozen=True, slots=True)
class Prices:
    """What one report costs whom, in nats: pure, without trust in anyone, but for the last two.

    feature: two values of one number of the update; record: one of the records a device holds; device: all of them
    shuffled, central: of the device, at `delta`, if the server shuffles honestly, or sees nothing but sums; else None
    """

    feature: float
    record: float
    device: float
    shuffled: float | None
    central: float | None
    delta: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How well the private model judges, beside the same without noise, all rows in one place, and public rows alone."""

    private: Quality
    nonprivate: Quality
    central: Quality
    public_only: Quality
    prices: Prices
    learnt: Learnt


def study(links: Links, setting: Setting, *, done: Done | None = None) -> Outcome:
    """The outcome of one task; the same setting gives the same numbers."""
    base, run = _begun(links, setting)
    learnt, prices = run(base, setting, done)
    plain, _ = run(base, setting, done, private=False)
    return Outcome(
        private=base.quality(learnt.params),
        nonprivate=base.quality(plain.params),
        central=base.quality(base.central()),
        public_only=base.quality(base.public_only()),
        prices=prices,
        learnt=learnt,
    )


def repeated(links: Links, setting: Setting, repeats: int) -> list[tuple[Quality, Learnt]]:
    """The private model alone, learnt again so many times on the same split and devices with other draws and noise."""
    base, run = _begun(links, setting)
    again = (run(base, replace(setting, repeat=setting.repeat + 1 + number), None)[0] for number in range(repeats))
    return [(base.quality(learnt.params), learnt) for learnt in again]


def _begun(links: Links, setting: Setting) -> tuple[Ground, Run]:
    """Who holds what, and how they learn."""
    is_drawn = setting.algorithm == "draw-and-discard"
    base = ground(
        links,
        devices=setting.devices,
        records=setting.records,
        seed=setting.seed,
        unit=is_drawn,
        public=setting.public,
        wrong_labels=setting.wrong_labels,
    )
    return base, _drawn if is_drawn else _buffered


def _start(base: Ground, setting: Setting) -> NDArray[np.float64] | None:
    return base.public_only() if setting.warm else None


def _buffered(base: Ground, setting: Setting, done: Done | None, *, private: bool = True) -> tuple[Learnt, Prices]:
    mechanism = _vector(base, setting)
    used, share = (mechanism, setting.hostile) if private else (None, 0.0)
    target = worst_direction(base) if share else np.zeros(base.size)
    report = hostile_report(used, buffered.CLIP, target, seed=setting.draws) if share else target
    reporters = Reporters(used, hostile(base.devices, share, setting.draws), report, setting.draws)
    return learn_buffered(base, reporters, start=_start(base, setting), gated=setting.gated, done=done), _vector_prices(
        mechanism, buffer_size(base)
    )


def _vector(base: Ground, setting: Setting) -> PrivUnit | GaussianVector:
    if setting.algorithm == "buffered":
        return PrivUnit.for_epsilon(setting.epsilon, base.size, clip_norm=buffered.CLIP)
    return GaussianVector.for_sum(setting.epsilon, base.size, clip_norm=buffered.CLIP, minimum=buffer_size(base))


def _vector_prices(mechanism: PrivUnit | GaussianVector, reports: int) -> Prices:
    """A report compares any two values: a single number or record of a device is no better hidden than all of them."""
    local, conditional = mechanism.guarantees(reports)[:2]
    price = local.epsilon if math.isfinite(local.epsilon) else math.inf
    if isinstance(mechanism, GaussianVector):
        return Prices(price, price, price, None, conditional.epsilon, DELTA)
    clones = Clones.generic(price).epsilon(reports, DELTA)
    if clones < conditional.epsilon:
        return Prices(price, price, price, clones, None, DELTA)
    return Prices(price, price, price, conditional.epsilon, None, conditional.delta)


def _drawn(base: Ground, setting: Setting, done: Done | None, *, private: bool = True) -> tuple[Learnt, Prices]:
    rule = setting.rule
    mechanism = drawn.noisy(setting.epsilon, setting.unit, size=base.size, records=setting.records, rule=rule)
    used, share = (mechanism, setting.hostile) if private else (None, 0.0)
    algorithm = drawn.algorithm_for(base, used, instances=setting.instances, unit=setting.unit, rule=rule)
    push = hostile_push(algorithm, worst_direction(base)) if share else np.zeros(base.size)
    who = hostile(base.devices, share, setting.draws)
    options: dict[str, Any] = {"seed": setting.draws, "start": _start(base, setting), "gated": setting.gated, "done": done}
    learnt = learn_drawn(base, algorithm, used, hostile=who, push=push, **options)
    return learnt, _model_prices(mechanism, algorithm.distance(setting.records))


def _model_prices(mechanism: LaplaceModel, distance: float) -> Prices:
    """A batch of one is not shuffled. distance: in L1, by which one record can change a device's step."""
    update = mechanism.update
    record = update.epsilon_of_change(distance)
    return Prices(update.epsilon_of_one, record, update.epsilon, update.epsilon, None, 0.0)


def _require(is_met: bool, problem: str) -> None:
    if not is_met:
        raise ValueError(problem)
