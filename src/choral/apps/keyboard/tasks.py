"""The question: which emoji are typed on the keyboards of one language?

Apple's parameters are the defaults: CMS with m = 1,024, k = 65,536, epsilon 4, one report a day.
Device half: no server, no simulation.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from datetime import datetime

from choral.apps.keyboard.dictionary import DICTIONARY, dictionary, dictionary_release
from choral.apps.keyboard.events import LOCALES, signal_name
from choral.errors import UsageError
from choral.learning import Count
from choral.mechanisms import CountMeanSketch, FrequencyOracle, RandomizedResponse
from choral.privacy import micro
from choral.protocol import BatchRule, Spec, Task, Terms

EPSILON = 4.0
DAY = 86_400
HASH_SEED = hashlib.sha256(b"choral/keyboard/emoji/count-mean-sketch/1").digest()  # the published seed of all hash functions


def _sketch(epsilon: float) -> CountMeanSketch:
    return CountMeanSketch.for_epsilon(epsilon, len(dictionary()), seed=HASH_SEED)


def _response(epsilon: float) -> RandomizedResponse:
    return RandomizedResponse.for_epsilon(epsilon, len(dictionary()))


CHOICES: Mapping[str, Callable[[float], FrequencyOracle]] = {"cms": _sketch, "rr": _response}


def oracle(mechanism: str = "cms", *, epsilon: float = EPSILON) -> FrequencyOracle:
    """The randomizer of that short name over all emoji; UsageError for an unknown name or an epsilon out of range.

    >>> oracle("rr", epsilon=2.0).epsilon <= 2.0
    True
    """
    if mechanism not in CHOICES:
        raise UsageError(f"there is no mechanism {mechanism!r} for emoji; choose one of {', '.join(CHOICES)}")
    if not (math.isfinite(epsilon) and 2**-10 < epsilon < 20):
        raise UsageError(f"epsilon {epsilon:g} is out of range; choose one above 0.001 and below 20 nats (Apple's emoji: 4)")
    return CHOICES[mechanism](epsilon)


def task(
    locale: str,
    *,
    start: datetime,
    expires: datetime,
    minimum: int,
    goal: int,
    shuffler_key: bytes,
    server_key: bytes,
    mechanism: str = "cms",
    epsilon: float = EPSILON,
    days: int = 7,
    reports_for_life: int = 28,
    delay_seconds: int = DAY // 4,
    chance: int = 2**32,
    revision: int = 0,
    reviewer: str = "nobody yet",
) -> Task:
    """The task for one locale, for an operator to sign: one report a device-day, one batch every `days` days.

    minimum, goal: reports without which a batch is erased, and at which it is cut early
    shuffler_key: X25519 public key; server_key: Ed25519 public key
    """
    signal, randomizer = signal_name(locale), oracle(mechanism, epsilon=epsilon)
    return Task(
        terms=Terms(
            purpose=f"See which emoji are typed on {LOCALES[locale]} keyboards, so that suggestions suit the language.",
            signal=signal,
            unit="one day of emoji on one device",
            trust="nobody",
            price_micro=micro(randomizer.epsilon),
            reports_per_day=1,
            reports_for_life=reports_for_life,
            minimum=minimum,
            retention_days=days * 2 + 7,
            dictionary=DICTIONARY,
        ),
        mechanism=Spec.of(randomizer),
        algorithm=Spec.of(Count(dictionary=dictionary_release().hash)),
        rule=BatchRule(minimum, goal, rounds_open=2, round_seconds=days * DAY, advance="time"),
        revision=revision,
        start=int(start.timestamp()),
        expires=int(expires.timestamp()),
        delay_seconds=delay_seconds,
        chance=chance,
        shuffler_key=shuffler_key,
        server_key=server_key,
        reviewer=reviewer,
    )
