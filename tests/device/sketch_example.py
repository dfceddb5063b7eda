"""One real check-out with Apple's parameters, for measuring a bare device; imports only what a device has."""

from datetime import UTC, datetime

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from choral.device import Signal
from choral.learning import Count
from choral.mechanisms import CountMeanSketch
from choral.privacy import micro
from choral.protocol import BatchRule, Bundle, Checkout, Opening, Openings, Spec, Task, Terms, encode, question_of, sign

OPERATOR = Ed25519PrivateKey.from_private_bytes(bytes(32))
SERVER = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
SHUFFLER = X25519PrivateKey.from_private_bytes(b"\2" * 32)
OPERATORS = frozenset({OPERATOR.public_key().public_bytes_raw()})
NOW = datetime(2027, 1, 4, 9, tzinfo=UTC)
SECOND = int(NOW.timestamp())
SKETCH = CountMeanSketch.for_epsilon(4.0, 2600, seed=bytes(32))

SIGNAL = Signal(
    name="words",
    kinds=frozenset({"words.typed"}),
    examples=lambda events: {"category": np.array([len(str(one.data["word"])) for one in events] or [2599], np.int64)},
    limit=1,
    immediate=True,
)
TASK = Task(
    terms=Terms("Measure a bare device", "words", "one day of words", "nobody", micro(SKETCH.epsilon), 1, 28, 100, 30),
    mechanism=Spec.of(SKETCH),
    algorithm=Spec.of(Count()),
    rule=BatchRule(100, 1000, 2, 7 * 86_400, "time"),
    revision=0,
    start=SECOND,
    expires=SECOND + 100 * 86_400,
    delay_seconds=0,
    chance=2**32,
    shuffler_key=SHUFFLER.public_key().public_bytes_raw(),
    server_key=SERVER.public_key().public_bytes_raw(),
    reviewer="A. Reviewer",
)
CHECKOUT = Checkout(sign(TASK, OPERATOR), 0, 2**32, SECOND, SECOND + 7 * 86_400, {})
OPENING = Opening(TASK.hash, 0, 2**32, CHECKOUT.issued, CHECKOUT.valid_until, question_of({}), {})
ANSWERS = {
    "/v1/checkouts/words": encode(Bundle((sign(CHECKOUT, SERVER),))),
    "/v1/openings": encode(Openings((sign(OPENING, SERVER),))),
}
