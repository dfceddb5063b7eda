"""The companion's one question: how do hours of each kind feel, to people at large? Device half.

Asked of people who trust whoever forms the sum, and have said so: one report alone hides little, a sum of hundreds hides
each. Without that, the companion works alone.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime

from choral.apps.companion.device.signals import ITEMS, RATINGS
from choral.errors import UsageError
from choral.learning.alternating_least_squares import AlternatingLeastSquares
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.privacy import micro, required_price
from choral.protocol import BatchRule, Spec, Task, Terms

DAY = 86_400
MOST_TRIES = 20
CENTRE, NOISE, PERSON, ITEM, TASTE = 550, 90, 100, 100, 60  # thousandths of the mood scale


@dataclass(frozen=True, slots=True)
class Desk:
    """What every task of one server has in common. shuffler_key: X25519, server_key: Ed25519 public key"""

    start: datetime
    expires: datetime
    shuffler_key: bytes
    server_key: bytes
    delay_seconds: int = DAY // 4
    revision: int = 0
    reviewer: str = "nobody yet"


def ratings_filter(*, items: int = ITEMS, rank: int = 0) -> AlternatingLeastSquares:
    """The shared model; rank: hidden numbers of each item, worth their reports from some ten thousand people on."""
    return AlternatingLeastSquares(items, rank, CENTRE, NOISE, PERSON, ITEM, TASTE, per_person=1)


def ratings_task(
    desk: Desk,
    *,
    epsilon: float = 4.0,
    items: int = ITEMS,
    rank: int = 0,
    minimum: int = 300,
    goal: int = 1000,
    reports_for_life: int = 4,
) -> Task:
    """The task, for an operator to sign: one report a night, a night's batch is one sum. UsageError for sizes that do not fit.

    epsilon: price of one report in nats, when it hides in a sum of `minimum`; minimum: reports below which a night is erased
    """
    if not (math.isfinite(epsilon) and 0.05 <= epsilon <= 16 and 2 <= minimum <= goal):
        raise UsageError(f"need .05 <= epsilon <= 16 and 2 <= minimum <= goal, got {epsilon=}, {minimum=}, {goal=}")
    algorithm = ratings_filter(items=items, rank=rank)
    terms = Terms(
        purpose="Learn which kinds of hours feel good to people, so that suggestions are better than one record allows.",
        signal=RATINGS,
        unit="one night's report of how hours felt, from one device",
        trust="sum",
        price_micro=micro(epsilon),
        reports_per_day=1,
        reports_for_life=reports_for_life,
        minimum=minimum,
        retention_days=14,
    )
    draft = Task(
        terms=terms,
        mechanism=Spec.of(algorithm),
        algorithm=Spec.of(algorithm),
        rule=BatchRule(minimum, goal, rounds_open=2, round_seconds=DAY, advance="time"),
        revision=desk.revision,
        start=int(desk.start.timestamp()),
        expires=int(desk.expires.timestamp()),
        delay_seconds=desk.delay_seconds,
        chance=2**32,
        shuffler_key=desk.shuffler_key,
        server_key=desk.server_key,
        reviewer=desk.reviewer,
    )
    return replace(draft, terms=terms, mechanism=Spec.of(_mechanism(draft, algorithm)))


def _mechanism(draft: Task, algorithm: AlternatingLeastSquares) -> GaussianVector:
    """The least noise that the task's price pays for, a batch holding as many of one device's reports as the rule allows."""
    epsilon = draft.terms.epsilon
    for _ in range(MOST_TRIES):
        try:
            mechanism = GaussianVector.for_sum(
                epsilon, algorithm.size, clip_norm=algorithm.clip_norm, minimum=draft.rule.minimum
            )
            cost = required_price(
                mechanism,
                trust="sum",
                minimum=draft.rule.minimum,
                reports_per_device=draft.reports_per_device,
                reports_for_life=draft.terms.reports_for_life,
            )
        except ValueError as error:
            raise UsageError(f"{error}; ask for fewer items, a smaller rank or more people") from error
        if cost <= draft.terms.price_micro:
            return mechanism
        epsilon *= 0.99 * draft.terms.price_micro / cost
    raise UsageError(f"no noise fits epsilon {draft.terms.epsilon:g}; ask for a larger one")
