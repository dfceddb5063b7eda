"""The two questions about stickers: how should they be ranked, and is the ranking any good?

Device half: no server, no simulation. Few participations at a high price beat many at a low one: with PrivUnit the noise
of one report at epsilon 8 is 48 times smaller than at epsilon 1, so that a person's budget goes into a few reports for life.
"""

import math
from dataclasses import dataclass
from datetime import datetime

from choral.apps.stickers.device.events import CHOICE, RANK, RANKS, rank_dictionary, rank_names
from choral.apps.stickers.device.suggestion import CHOICES
from choral.errors import UsageError
from choral.learning import BufferedGradient, Count
from choral.mechanisms.advice import best_choice
from choral.mechanisms.priv_unit import PrivUnit
from choral.privacy import micro
from choral.protocol import BatchRule, Spec, Task, Terms

DAY = 86_400
MODEL = "bilinear-ranking/1"


@dataclass(frozen=True, slots=True)
class Head:
    """What is learnt and how: a head of `personal` x `item` numbers.

    clip_norm: L2 norm to which a device's gradient is shortened; rate: of the server's first step; steps: until it rests
    tail: share of the steps whose models are averaged; start: scale of the random first model
    """

    personal: int = 10
    item: int = 15
    clip_norm: float = 0.5
    rate: float = 2.0
    steps: int = 200
    tail: float = 0.5
    start: float = 0.1

    @property
    def size(self) -> int:
        """Numbers learnt."""
        return self.personal * self.item

    def algorithm(self, canaries: bytes = b"") -> BufferedGradient:
        """How a task names it; canaries: hash of the public Release that the gate judges by."""
        return BufferedGradient(
            model=MODEL,
            shape=f"{self.personal}x{self.item}",
            start_micro=round(self.start * 1e6),
            canaries=canaries,
            rate_micro=round(self.rate * 1e6),
            horizon=self.steps,
            tail_milli=round(self.tail * 1000),
        )

    def mechanism(self, epsilon: float) -> PrivUnit:
        """The randomizer of one update."""
        return PrivUnit.for_epsilon(_checked(epsilon), self.size, clip_norm=self.clip_norm)


HEADLINE = Head(clip_norm=0.1, rate=28.7)  # fixed by the rule of study.rate for 100,000 devices at epsilon 4
SMALL = Head(personal=4, item=8)


@dataclass(frozen=True, slots=True)
class Desk:
    """What every task of one server has in common.

    start, expires: when it is asked; shuffler_key: X25519, server_key: Ed25519 public key; delay_seconds: of a report, at most
    """

    start: datetime
    expires: datetime
    shuffler_key: bytes
    server_key: bytes
    delay_seconds: int = DAY // 4
    revision: int = 0
    reviewer: str = "nobody yet"


def choice_task(
    desk: Desk,
    *,
    head: Head = HEADLINE,
    epsilon: float = 4.0,
    minimum: int = 1000,
    goal: int = 1000,
    rounds_open: int = 4,
    reports_per_day: int = 1,
    reports_for_life: int = 4,
    chance: int = 2**32,
    canaries: bytes = b"",
    least_seconds: int = 3600,
) -> Task:
    """The training task, for an operator to sign: a buffer of `goal` reports is one step of the model.

    minimum: reports without which a round is erased; rounds_open: versions whose updates are still taken
    canaries: hash of a public Release of choices; no version that is worse on them is published
    least_seconds: between two versions, at least
    """
    mechanism = head.mechanism(epsilon)
    terms = Terms(
        purpose="Learn which of the suggested stickers people choose, so that suggestions suit people's taste.",
        signal=CHOICE,
        unit=f"one update from up to {CHOICES} choices on one device",
        trust="nobody",
        price_micro=micro(mechanism.epsilon),
        reports_per_day=reports_per_day,
        reports_for_life=reports_for_life,
        minimum=minimum,
        retention_days=30,
    )
    rule = BatchRule(minimum, goal, rounds_open=rounds_open, round_seconds=DAY, advance="release", least_seconds=least_seconds)
    return _task(desk, terms, rule, mechanism=Spec.of(mechanism), algorithm=Spec.of(head.algorithm(canaries)), chance=chance)


def rank_task(
    desk: Desk, *, epsilon: float = 1.0, minimum: int = 1000, goal: int = 100_000, days: int = 7, reports_for_life: int = 28
) -> Task:
    """The quality task: at which rank did the model have what was chosen? One report a device-day, one batch every `days` days.

    Among 45 categories the better of projective geometry and randomized response is taken, whichever epsilon it is.
    """
    mechanism = best_choice(_checked(epsilon), len(rank_names()))
    terms = Terms(
        purpose="See at which rank people find the sticker that they choose, so that a worse model is noticed.",
        signal=RANK,
        unit="one day of choices on one device",
        trust="nobody",
        price_micro=micro(mechanism.epsilon),
        reports_per_day=1,
        reports_for_life=reports_for_life,
        minimum=minimum,
        retention_days=days * 2 + 7,
        dictionary=RANKS,
    )
    rule = BatchRule(minimum, goal, rounds_open=2, round_seconds=days * DAY, advance="time")
    count = Count(threshold_milli=0, dictionary=rank_dictionary().hash)
    return _task(desk, terms, rule, mechanism=Spec.of(mechanism), algorithm=Spec.of(count), chance=2**32)


def _task(desk: Desk, terms: Terms, rule: BatchRule, *, mechanism: Spec, algorithm: Spec, chance: int) -> Task:
    return Task(
        terms=terms,
        mechanism=mechanism,
        algorithm=algorithm,
        rule=rule,
        revision=desk.revision,
        start=int(desk.start.timestamp()),
        expires=int(desk.expires.timestamp()),
        delay_seconds=desk.delay_seconds,
        chance=chance,
        shuffler_key=desk.shuffler_key,
        server_key=desk.server_key,
        reviewer=desk.reviewer,
    )


def _checked(epsilon: float) -> float:
    if not (math.isfinite(epsilon) and 2**-10 < epsilon < 20):
        raise UsageError(f"epsilon {epsilon:g} is out of range; choose one above 0.001 and below 20 nats")
    return epsilon
