"""One example of each message, with keys anyone may know: for tests and golden vectors only."""

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from choral.learning import Count
from choral.mechanisms import RandomizedResponse
from choral.privacy import micro
from choral.protocol import BatchRule, Bundle, Checkout, Opening, Openings, Release, Spec, Task, Terms, question_of, sign

OPERATOR = Ed25519PrivateKey.from_private_bytes(b"operator".ljust(32, b"\1"))
SERVER = Ed25519PrivateKey.from_private_bytes(b"server".ljust(32, b"\2"))
SHUFFLER = X25519PrivateKey.from_private_bytes(b"shuffler".ljust(32, b"\3"))
OPERATORS = frozenset({OPERATOR.public_key().public_bytes_raw()})

MECHANISM = RandomizedResponse.for_epsilon(1.0, domain=10)
TERMS = Terms(
    purpose="Learn which emoji are popular: 絵文字",
    signal="keyboard.emoji.ja",
    unit="one report",
    trust="nobody",
    price_micro=micro(MECHANISM.epsilon),
    reports_per_day=1,
    reports_for_life=365,
    minimum=100,
    retention_days=90,
)
TASK = Task(
    terms=TERMS,
    mechanism=Spec.of(MECHANISM),
    algorithm=Spec.of(Count(threshold_milli=2500)),
    rule=BatchRule(minimum=100, goal=1000, rounds_open=2, round_seconds=86_400, advance="time"),
    revision=1,
    start=1_800_000_000,
    expires=1_831_536_000,
    delay_seconds=3_600,
    chance=2**31,
    shuffler_key=SHUFFLER.public_key().public_bytes_raw(),
    server_key=SERVER.public_key().public_bytes_raw(),
    reviewer="A. Reviewer",
)
SIGNED_TASK = sign(TASK, OPERATOR)
CHECKOUT = Checkout(
    task=SIGNED_TASK, round=3, chance=2**31, issued=1_800_300_000, valid_until=1_800_386_400, params={"level": np.array([2])}
)
BUNDLE = Bundle((sign(CHECKOUT, SERVER),))
OPENING = Opening(TASK.hash, 3, 2**31, CHECKOUT.issued, CHECKOUT.valid_until, question=question_of(CHECKOUT.params), around={})
OPENINGS = Openings((sign(OPENING, SERVER),))
RELEASE = Release(
    task=TASK.hash,
    round=3,
    kind="histogram",
    reports=1234,
    created=1_800_390_000,
    guarantees=MECHANISM.guarantees(100, 2),
    arrays={"item": np.array([4, 2]), "estimate": np.array([61.5, 40.0]), "released": np.array([True, False])},
)
MESSAGES = {
    "terms": TASK.terms,
    "task": TASK,
    "signed": SIGNED_TASK,
    "checkout": CHECKOUT,
    "bundle": BUNDLE,
    "opening": OPENING,
    "openings": OPENINGS,
    "release": RELEASE,
}
