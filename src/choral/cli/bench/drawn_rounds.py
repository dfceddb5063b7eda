"""The load of draw and discard for `choral bench rounds`: each report is folded while it is measured, and spends a token.

Real: the phishing app's task, randomized and sealed models, valid tokens of an issuer that the task names. Modelled: the
devices of one run all drew the same instance, and were issued their tokens beforehand, by signing without blinding: what
comes out is the same kind of signature, and issuing is not what is measured.
"""

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx
import numpy as np
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from numpy.typing import NDArray

from choral.apps.phishing.device.records import UNIT_LINKS
from choral.apps.phishing.device.tasks import DAY, SIZES, Desk, drawn_task
from choral.cli.bench.round_trips import Trips
from choral.cli.local.server import LocalServer
from choral.mechanisms import Mechanism, Payloads
from choral.mechanisms.laplace_model import LaplaceModel
from choral.numerics import SystemEntropy
from choral.protocol import Bundle, Checkout, Release, Task, decode, seal
from choral.protocol.blind_rsa import BITS, PADDING
from choral.protocol.tokens import NONCE_BYTES, Issuer, Token, TokenKey, challenge_digest
from choral.server import KeyFolder
from choral.server.keys import SERVER, SHUFFLER

INSTANCES = 20
EPSILON = 4.0
MOST_A_SECOND = 1_200  # round trips that a run has reports for: four times what is aimed at; then it ends early
WORKERS = 2


@dataclass(frozen=True, slots=True)
class DrawnLoad:
    """Reports and tokens for the phishing app's task. key: of the issuer, DER; reports: of one run"""

    messages: Sequence[Task | Release]
    issuer: Issuer
    key: bytes
    reports: int
    words: Mapping[str, str]
    most_bytes: int = 2_000

    @classmethod
    def for_runs(cls, seconds: float) -> Callable[[KeyFolder], Self]:
        """What makes the load for a server's keys, for runs of so many seconds."""
        return lambda keys: cls.prepared(keys, max(1, round(seconds * MOST_A_SECOND)))

    @classmethod
    def prepared(cls, keys: KeyFolder, reports: int) -> Self:
        """The task that these keys ask, with an issuer of its own."""
        now, key = datetime.now(UTC), generate_private_key(65_537, BITS)
        issuer = Issuer("issuer.example", TokenKey(key.public_key()))
        named = issuer.release(now)
        desk = Desk(
            start=now - timedelta(minutes=1),
            expires=now + timedelta(days=1),
            shuffler_key=keys.public(SHUFFLER),
            server_key=keys.public(SERVER),
            issuer=named.hash,
        )
        task = drawn_task(desk, epsilon=EPSILON, instances=INSTANCES, version_seconds=DAY)
        words = {
            "algorithm": f"{task.algorithm.name}, {INSTANCES} instances",
            "head": f"{SIZES[UNIT_LINKS] + 1} weights, {task.mechanism.name} at epsilon {EPSILON:g}",
            "reports": "sealed models, each with a token of its own; folded while it is measured",
        }
        encoded = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return cls((named, task), issuer, encoded, reports, words)

    @property
    def task(self) -> Task:
        """What is asked."""
        task = self.messages[-1]
        assert isinstance(task, Task)
        return task

    def trips(self, server: LocalServer, number: int) -> Trips:
        """Of devices that draw an instance now."""
        signal, challenge = self.task.terms.signal, self.issuer.challenge(self.task.hash)
        shares = np.array_split(self._returned(_drawn(server, signal)), WORKERS)
        orders = [Order(self.task.hash, self.task.shuffler_key, self.key, challenge, share) for share in shares]
        with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
            made = [pair for part in pool.map(reports_with_tokens, orders) for pair in part]
        return Trips(signal, [report for report, _ in made], tokens=[token for _, token in made])

    def _returned(self, instance: NDArray[Any]) -> Payloads:
        """What devices return that drew this instance and had nothing to add to it."""
        mechanism: Mechanism = self.task.mechanism.build({LaplaceModel.NAME: LaplaceModel})
        still = np.concatenate([instance, np.zeros(len(instance))])
        return mechanism.randomize(np.tile(still, (self.reports, 1)), SystemEntropy())


@dataclass(frozen=True, slots=True)
class Order:
    """Reports to be sealed in a process of its own, and tokens to be signed for them.

    task: its hash; shuffler_key: X25519, public; key: the issuer's, DER
    """

    task: bytes
    shuffler_key: bytes
    key: bytes
    challenge: bytes
    payloads: Payloads


def reports_with_tokens(order: Order) -> list[tuple[bytes, bytes]]:
    """Sealed reports, each with its token."""
    key, entropy = load_der_private_key(order.key, None), SystemEntropy()
    assert isinstance(key, RSAPrivateKey)
    named, challenge = TokenKey(key.public_key()).id, challenge_digest(order.challenge)
    found = []
    for payload, nonce in zip(order.payloads, entropy.words(len(order.payloads), NONCE_BYTES // 8), strict=True):
        unsigned = Token(nonce.tobytes(), challenge, named, b"").to_bytes()
        report = seal(payload.tobytes(), order.task, 0, order.shuffler_key)
        found.append((report.to_bytes(), unsigned + key.sign(unsigned, PADDING, SHA384())))
    return found


def _drawn(server: LocalServer, signal: str) -> NDArray[Any]:
    """An instance, as a device gets it."""
    (offered,) = decode(httpx.get(f"{server.url}/v1/checkouts/{signal}", trust_env=False).content, Bundle).items
    return np.asarray(decode(offered.body, Checkout).params["params"], np.float64)
