"""Before anything is asked of anyone: every mechanism's prospect for a question, and which one to choose.

Knows prospects. Leaves their theory to prospects.py, and it to a simulation to confirm them.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from choral.errors import UsageError
from choral.learning.post_processing import RATE
from choral.mechanisms.optimum import optimal_variance
from choral.privacy import Clones
from choral.simulation.hiding import device_epsilon
from choral.simulation.oracles import ORACLES
from choral.simulation.prospects import (
    NEAR_BEST,
    POWER,
    Prospect,
    Question,
    assumed_counts,
    chosen,
    prospect,
    stderr_of_counts,
)

BYTES_PER_ITEM = 256
LEAST_EPSILON_SOUGHT, MOST_EPSILON_SOUGHT = 0.01, 10.0
DAYS_A_YEAR = 365


@dataclass(frozen=True, slots=True)
class Plan:
    """What to choose, why, and every mechanism's prospect, the most exact first."""

    question: Question
    recommended: str
    why: str
    prospects: tuple[Prospect, ...]
    warnings: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The plan as JSON takes it."""
        question = self.question
        return {
            "recommended": self.recommended,
            "why": self.why,
            "question": asdict(question) | {"reports": question.reports, "power": POWER, "error_rate": RATE},
            "budget": {
                "epsilon_per_report": question.epsilon,
                "epsilon_per_day": question.epsilon_per_day,
                "epsilon_per_release": question.epsilon_per_day * question.days,
                "epsilon_per_year": question.epsilon_per_day * DAYS_A_YEAR,
            },
            "warnings": list(self.warnings),
            "mechanisms": [asdict(prospect) for prospect in self.prospects],
        }


def plan(question: Question, *, memory_bytes: int) -> Plan:
    """Every mechanism that can answer within `memory_bytes`, and the one to choose; UsageError if none can."""
    needed = BYTES_PER_ITEM * question.domain
    if needed > memory_bytes:
        raise UsageError(
            f"a dictionary of {question.domain:,} items needs {needed / 1e9:,.1f} GB, there are {memory_bytes / 1e9:,.1f}; "
            "ask for fewer items, or find them without a dictionary (choral simulate words)"
        )
    oracles = {name: oracle for name in ORACLES if (oracle := chosen(name, question)) is not None}
    group = question.reports_per_device
    hidden = device_epsilon(Clones.generic(question.epsilon), question.reports, question.delta, reports_per_device=group)
    prospects = [prospect(name, one, question, memory_bytes=memory_bytes, hidden=hidden) for name, one in oracles.items()]
    ranked = tuple(sorted(prospects, key=lambda one: one.stderr))
    best = _recommended(ranked)
    return Plan(question, best.name, _why(best, ranked), ranked, _warnings(question, best))


def plan_for_error(question: Question, error: float, *, memory_bytes: int) -> Plan:
    """The plan with the smallest epsilon, to 1 %, whose recommended mechanism's standard error of a share is `error`.

    question.epsilon is not looked at. UsageError if an epsilon of 10 is not enough.
    """
    if not (math.isfinite(error) and 0 < error < 1):
        raise UsageError(f"a standard error of {error:g} is out of range; choose a share between 0 and 1, such as 0.0005")
    low, high = LEAST_EPSILON_SOUGHT, MOST_EPSILON_SOUGHT
    if (optimal_variance(high, question.domain) / question.reports) ** 0.5 > error:
        raise UsageError(f"{question.reports:,} reports cannot reach {error:g} at epsilon 10; ask more devices, or for longer")
    while high / low > 1.005:
        middle = math.sqrt(low * high)
        too_noisy = (optimal_variance(middle, question.domain) / question.reports) ** 0.5 > error
        low, high = (middle, high) if too_noisy else (low, middle)
    while _least_stderr(replace(question, epsilon=high)) > error and high < MOST_EPSILON_SOUGHT:
        high = min(1.01 * high, MOST_EPSILON_SOUGHT)
    return plan(replace(question, epsilon=high), memory_bytes=memory_bytes)


def _least_stderr(question: Question) -> float:
    """Of a share, over all mechanisms."""
    oracles = [one for name in ORACLES if (one := chosen(name, question)) is not None]
    counts = assumed_counts(question)
    return min(stderr_of_counts(one, counts, question.reports) for one in oracles) / question.reports


def error_curve(name: str, question: Question, devices: Sequence[int]) -> list[float]:
    """Standard errors of a share for other numbers of devices, with the parameters chosen for the question."""
    oracle = chosen(name, question)
    if oracle is None:
        return []
    questions = [replace(question, devices=one) for one in devices]
    return [stderr_of_counts(oracle, assumed_counts(one), one.reports) / one.reports for one in questions]


def _recommended(ranked: Sequence[Prospect]) -> Prospect:
    """Of those nobody warns of, within 5 % of the best error: the fewest bits, then the least work for the server."""
    sound = [one for one in ranked if not one.warnings] or list(ranked)
    near = [one for one in sound if one.stderr <= NEAR_BEST * sound[0].stderr]
    return min(near, key=lambda one: (one.bits_per_report, one.aggregate_seconds + one.decode_seconds, one.stderr))


def _why(best: Prospect, ranked: Sequence[Prospect]) -> str:
    others = [one for one in ranked if one is not best]
    rivals = [one for one in others if one.stderr <= NEAR_BEST * best.stderr]
    worse = [one for one in others if one.stderr > NEAR_BEST * best.stderr]
    as_exact = f"; as exact, but with more bits or work: {_listed(rivals, lambda one: f'{one.bits_per_report:,} bits')}"
    less = f"; less exact: {_listed(worse, lambda one: f'{one.stderr / best.stderr:.3g} times the error')}"
    return (
        f"its squared error is {best.over_optimum:.4g} times the exact optimum, with {best.bits_per_report} bits a report"
        + (as_exact if rivals else "")
        + (less if worse else "")
    )


def _listed(prospects: Sequence[Prospect], words: Callable[[Prospect], str]) -> str:
    return ", ".join(f"{one.name} ({words(one)})" for one in prospects)


def _warnings(question: Question, best: Prospect) -> tuple[str, ...]:
    """What is unwise about the question itself."""
    epsilon, reports = question.epsilon, question.reports_per_device
    rules = (
        (epsilon > 8, f"epsilon {epsilon:g} hides little: a guess may become {math.exp(epsilon):,.0f} times likelier"),
        (best.smallest_visible_share is None, "so few reports show nothing: ask more devices, for longer, or fewer items"),
        (
            question.delta * question.devices > 1,
            f"delta {question.delta:g} is not below 1 / devices: the shuffled guarantee may fail for somebody",
        ),
        (reports > 1, f"each device answers {reports} times: it pays {epsilon * reports:g} in all"),
    )
    return tuple(words for applies, words in rules if applies)
