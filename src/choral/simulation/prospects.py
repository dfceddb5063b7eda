"""What one mechanism would show, cost and risk for a question, by its own theory.

Knows the theory of every oracle through its `variance`. Leaves the choice between mechanisms to plan.py.
Rules: true shares are assumed to fall as 1 / rank (a sketch's error depends on them, no other's); the standard error is the
root of the mean variance over the dictionary; a mechanism's parameters are those with the fewest bits, then cells, within
5 % of its best standard error; an item is seen if it lies above the Bonferroni threshold of its own standard error.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choral.errors import UsageError
from choral.learning.post_processing import RATE, expected_false, threshold
from choral.mechanisms import FrequencyOracle, LocalHashing
from choral.mechanisms.advice import advice
from choral.mechanisms.optimum import best_subset_size, subset_chances
from choral.mechanisms.support import Support
from choral.privacy import shuffled
from choral.simulation.costs import Cost, cost
from choral.simulation.hiding import device_epsilon, two_level
from choral.simulation.oracles import ORACLES, check_question

POWER = 0.9  # chance to see an item of the smallest visible share
NEAR_BEST = 1.05
HEAD = 2**14  # items on which the settings of a mechanism are compared, where its error does not depend on their number
USUAL_SIGMAS = 3.0  # what a task's Count asks for if nobody says otherwise
STEPS = 20
MOST_HASHED = 2**16
MOST_BITS = 2**13

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Question:
    """How many devices answer, out of how many items, at which price.

    epsilon: of one report, nats; days: how long reports are collected for one release; delta: of the shuffled guarantee
    """

    devices: int
    domain: int
    epsilon: float
    days: int = 1
    reports_per_day: int = 1
    delta: float = 1e-6

    def __post_init__(self) -> None:
        check_question(self.epsilon, self.domain)
        for name in ("devices", "days", "reports_per_day"):
            if not 1 <= getattr(self, name) <= 10**12:
                raise UsageError(f"need {name.replace('_', ' ')} of at least 1, at most 10**12, got {getattr(self, name)}")
        if not 0 < self.delta < 1:
            raise UsageError(f"delta {self.delta:g} is out of range; choose one between 0 and 1, far below 1 / devices")

    @property
    def reports_per_device(self) -> int:
        """Reports of one device in one release."""
        return self.days * self.reports_per_day

    @property
    def reports(self) -> int:
        """All reports in one release."""
        return self.devices * self.reports_per_device

    @property
    def epsilon_per_day(self) -> float:
        """What one device pays each day; over days it adds up."""
        return self.epsilon * self.reports_per_day


@dataclass(frozen=True, slots=True)
class Prospect:
    """One mechanism's answer to the question.

    stderr: of a share; smallest_visible_share: seen with chance 0.9 at `threshold_sigmas`, or None if no share is;
    false_discoveries, false_discoveries_at_3_sigmas: empty items expected above either; over_optimum: mean squared error
    over that of the exact optimum; manipulation_factor: counts that one hostile report can move one item;
    epsilon_shuffled: closed form, epsilon_shuffled_numerical: for all of one device's reports in a release
    """

    name: str
    mechanism: str
    parameters: Mapping[str, int | str]
    bits_per_report: int
    stderr: float
    stderr_count: float
    over_optimum: float
    smallest_visible_share: float | None
    threshold_sigmas: float
    false_discoveries: float
    false_discoveries_at_3_sigmas: float
    manipulation_factor: float
    aggregate_seconds: float
    decode_seconds: float
    memory_mb: float
    epsilon: float
    epsilon_shuffled: float
    epsilon_shuffled_numerical: float
    warnings: tuple[str, ...]


def assumed_counts(question: Question) -> Floats:
    """Counts that fall as 1 / rank and sum to the question's reports, float64[domain]."""
    shares = 1 / np.arange(1, question.domain + 1)
    return np.asarray(question.reports * shares / shares.sum())


def chosen(name: str, question: Question) -> FrequencyOracle | None:
    """The oracle with the fewest bits, then cells, within 5 % of its best standard error; None if it cannot ask this."""
    kind = ORACLES[name]
    try:
        candidates = list(kind.candidates(question.epsilon, question.domain))
    except ValueError:
        return None
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    counts = assumed_counts(question)[: HEAD if kind.scales else None]
    errors = [stderr_of_counts(_on(candidate, len(counts)), counts, question.reports) for candidate in candidates]
    fit = [candidate for candidate, error in zip(candidates, errors, strict=True) if error <= NEAR_BEST * min(errors)]
    return min(fit, key=lambda one: (one.payload.itemsize, math.prod(one.cells)))


def prospect(name: str, oracle: FrequencyOracle, question: Question, *, memory_bytes: int, hidden: float) -> Prospect:
    """What `oracle` promises for the question; hidden: the shuffled epsilon that holds for every mechanism."""
    n, counts = question.reports, assumed_counts(question)
    stderr = stderr_of_counts(oracle, counts, n)
    level = threshold(question.domain, false_discoveries=RATE)
    price: Cost = cost(oracle, n)
    group = question.reports_per_device
    return Prospect(
        name=name,
        mechanism=type(oracle).__name__,
        parameters={field: _shown(value) for field, value in _parameters(oracle).items()},
        bits_per_report=oracle.bits,
        stderr=stderr / n,
        stderr_count=stderr,
        over_optimum=stderr**2 / optimal_mse(question.epsilon, counts),
        smallest_visible_share=smallest_visible_share(oracle, counts, level=level),
        threshold_sigmas=level,
        false_discoveries=RATE,
        false_discoveries_at_3_sigmas=expected_false(question.domain, USUAL_SIGMAS),
        manipulation_factor=oracle.manipulation,
        aggregate_seconds=price.aggregate_seconds,
        decode_seconds=price.decode_seconds,
        memory_mb=price.memory_bytes / 1e6,
        epsilon=oracle.epsilon,
        epsilon_shuffled=shuffled(oracle.epsilon, n, question.delta, reports_per_device=group).epsilon,
        epsilon_shuffled_numerical=_hidden(oracle, question, hidden),
        warnings=oracle_warnings(oracle) + _too_large(price, memory_bytes),
    )


def _hidden(oracle: FrequencyOracle, question: Question, generic: float) -> float:
    """The shuffled epsilon of one device: what holds for every oracle, or the oracle's own where that is smaller."""
    if (own := two_level(oracle)) is None:
        return generic
    reports, group = question.reports, question.reports_per_device
    return min(generic, device_epsilon(own, reports, question.delta, reports_per_device=group))


def smallest_visible_share(oracle: FrequencyOracle, counts: Floats, *, level: float) -> float | None:
    """The share whose estimate exceeds `level` of its own standard errors with chance POWER; None if no share below 1 does."""
    n, count = float(counts.sum()), 0.0
    needed = level + NormalDist().inv_cdf(POWER)
    for _ in range(STEPS):
        trial = np.append(counts[:-1] * (n - count) / n, count)
        further = needed * math.sqrt(float(oracle.variance(trial, round(n))[-1]))
        if further >= n:
            return None
        if abs(further - count) < 1e-6 * n**0.5:
            break
        count = further
    return count / n


def optimal_mse(epsilon: float, counts: Floats) -> float:
    """The least mean squared error of unbiased counts over the dictionary, in counts squared, for true counts float64[d].

    That of subset selection with the best size; for a large dictionary it is n * optimal_variance(epsilon, d).
    """
    truth, lie = subset_chances(math.exp(epsilon), len(counts), best_subset_size(epsilon, len(counts)))
    return float(Support(truth, lie).variance(counts, round(float(counts.sum()))).mean())


def oracle_warnings(oracle: FrequencyOracle) -> tuple[str, ...]:
    """In words, why this oracle would be a bad choice for its own epsilon and domain, and what is better."""
    kind, bits = type(oracle), oracle.bits
    rules = (
        (
            kind is LocalHashing and oracle.domain > MOST_HASHED,
            f"every report is hashed with all {oracle.domain:,} items; choose pgr",
        ),
        (bits > MOST_BITS, f"a report has {bits:,} bits; choose pgr"),
    )
    return advice(oracle) + tuple(words for applies, words in rules if applies)


def stderr_of_counts(oracle: FrequencyOracle, counts: Floats, n: int) -> float:
    """Root of the mean variance over the dictionary, for true counts float64[domain]."""
    return math.sqrt(float(oracle.variance(counts, n).mean()))


def _on(oracle: FrequencyOracle, domain: int) -> FrequencyOracle:
    """The same settings over a smaller dictionary."""
    same: Callable[..., FrequencyOracle] = replace
    return oracle if oracle.domain == domain else same(oracle, domain=domain)


def _parameters(oracle: FrequencyOracle) -> dict[str, Any]:
    return {field.name: getattr(oracle, field.name) for field in fields(oracle)}  # type: ignore[arg-type]


def _shown(value: int | bytes | str) -> int | str:
    return value.hex() if isinstance(value, bytes) else value


def _too_large(price: Cost, memory_bytes: int) -> tuple[str, ...]:
    if price.memory_bytes <= memory_bytes:
        return ()
    return (f"its state needs {price.memory_bytes / 1e9:,.1f} GB, there are {memory_bytes / 1e9:,.1f}; choose pgr",)
