"""The two ways to ask devices for a detector: buffered private gradients, and draw and discard.

Device half: no server, no simulation. A device that fewer links came to than a contribution is made of stays silent, and the
Terms say so (`sending_is_visible`, and the number in `unit`): a report shows that this many links came. Whether they are
labelled changes nothing but the report's content. The other choice, a report of nothing before the links are there, would
spend one of the few reports of a person's life on no news; it is there for operators who want it (`silent=False`).
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime

from choral.apps.phishing.device.features import PUBLIC, WIDE
from choral.apps.phishing.device.records import LINKS, UNIT_LINKS, WIDE_LINKS, WINDOW
from choral.errors import UsageError
from choral.learning import BufferedGradient
from choral.learning.draw_and_discard import DrawAndDiscard
from choral.mechanisms.laplace_model import LaplaceModel
from choral.mechanisms.priv_unit import PrivUnit
from choral.privacy import micro
from choral.protocol import BatchRule, Spec, Task, Terms

DAY = 86_400
MODEL = "logistic/1"
SIZES = {LINKS: len(PUBLIC), UNIT_LINKS: len(PUBLIC), WIDE_LINKS: len(WIDE)}
PURPOSE = "Learn to tell phishing links from others, so that people are warned before they type a password."
CLIP, RATE, ANCHOR = 1.0, 0.7, 0.01  # as in study/buffered.py
DRAWN_CLIP, DRAWN_MEAN, DRAWN_RATE = 4.0, 1.0, 0.005  # and the rule of study/drawn.py
DRAWN_LEAST = 0.01  # epsilon below which noise fills the grid of 24 bits
RETENTION_DAYS = 30
REPORTS_FOR_LIFE = 4


@dataclass(frozen=True, slots=True)
class Desk:
    """What every task of one server has in common.

    start, expires: when it is asked; shuffler_key: X25519, server_key: Ed25519 public key
    canaries, first: hashes of public Releases: examples that judge every version, and the model to begin with; or empty
    issuer: hash of the public Release that names who issues tokens; zeros if none are needed
    """

    start: datetime
    expires: datetime
    shuffler_key: bytes
    server_key: bytes
    revision: int = 0
    reviewer: str = "nobody yet"
    canaries: bytes = b""
    first: bytes = b""
    issuer: bytes = bytes(32)


def buffered_task(
    desk: Desk,
    *,
    signal: str = LINKS,
    epsilon: float = 4.0,
    minimum: int = 500,
    goal: int = 500,
    steps: int = 200,
    rounds_open: int = 4,
    delay_seconds: int = DAY // 4,
    window: int = WINDOW,
    silent: bool = True,
    least_seconds: int = 3600,
) -> Task:
    """Private gradients, a buffer of `goal` of them a step; epsilon protects the whole device.

    least_seconds: between two steps, at least; steps: until the model rests; window: links a contribution, as the app has it
    silent: whether fewer mean silence
    """
    size = SIZES[signal]
    mechanism = PrivUnit.for_epsilon(_checked(epsilon), size + 1, clip_norm=CLIP)
    algorithm = BufferedGradient(
        model=MODEL,
        shape=str(size),
        start_micro=0,
        start=desk.first,
        canaries=desk.canaries,
        rate_micro=micro(RATE),
        horizon=steps,
        anchor_micro=micro(ANCHOR),
    )
    rule = BatchRule(minimum, goal, rounds_open=rounds_open, round_seconds=DAY, advance="release", least_seconds=least_seconds)
    terms = _terms(signal, micro(mechanism.epsilon), minimum, window, silent=silent)
    return _task(desk, terms, rule, mechanism=Spec.of(mechanism), algorithm=Spec.of(algorithm), delay_seconds=delay_seconds)


def drawn_task(
    desk: Desk,
    *,
    epsilon: float = 4.0,
    instances: int = 20,
    version_seconds: int = 60,
    window: int = WINDOW,
    silent: bool = True,
    reports_per_day: int = 1,
) -> Task:
    """Draw and discard over `instances` models, each report a batch of one; epsilon protects the whole device."""
    size = SIZES[UNIT_LINKS]
    mechanism = LaplaceModel.for_epsilon(_checked(epsilon, DRAWN_LEAST), size + 1, clip_norm=DRAWN_RATE * DRAWN_MEAN)
    algorithm = DrawAndDiscard.with_noise_of(
        mechanism,
        model=MODEL,
        shape=str(size),
        instances=instances,
        rate_micro=micro(DRAWN_RATE),
        clip_micro=micro(DRAWN_CLIP),
        mean_micro=micro(DRAWN_MEAN),
        canaries=desk.canaries,
        start=desk.first,
    )
    rule = BatchRule(1, 1, rounds_open=2, round_seconds=version_seconds, advance="time")
    terms = _terms(UNIT_LINKS, micro(mechanism.epsilon), 1, window, silent=silent)
    terms = replace(terms, reports_per_day=reports_per_day)
    return _task(desk, terms, rule, mechanism=Spec.of(mechanism), algorithm=Spec.of(algorithm), delay_seconds=0)


def _terms(signal: str, price_micro: int, minimum: int, window: int, *, silent: bool) -> Terms:
    return Terms(
        purpose=PURPOSE,
        signal=signal,
        unit=f"one update from {window} links on one device",
        trust="nobody",
        price_micro=price_micro,
        reports_per_day=1,
        reports_for_life=REPORTS_FOR_LIFE,
        minimum=minimum,
        retention_days=RETENTION_DAYS,
        sending_is_visible=silent,
    )


def _task(desk: Desk, terms: Terms, rule: BatchRule, *, mechanism: Spec, algorithm: Spec, delay_seconds: int) -> Task:
    return Task(
        terms=terms,
        mechanism=mechanism,
        algorithm=algorithm,
        rule=rule,
        revision=desk.revision,
        start=int(desk.start.timestamp()),
        expires=int(desk.expires.timestamp()),
        delay_seconds=delay_seconds,
        chance=2**32,
        shuffler_key=desk.shuffler_key,
        server_key=desk.server_key,
        reviewer=desk.reviewer,
        issuer=desk.issuer,
    )


def _checked(epsilon: float, least: float = 0.001) -> float:
    if not (math.isfinite(epsilon) and least <= epsilon < 20):
        raise UsageError(f"epsilon {epsilon:g} is out of range; choose one from {least:g} to below 20 nats")
    return epsilon
