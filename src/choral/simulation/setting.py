"""What a World is like: its people, its questions, its keys. Everything follows from the fields; nothing here moves."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from choral.device import Budget, Event, Signal
from choral.learning import ALGORITHMS, Arrays, Count
from choral.mechanisms import MECHANISMS, RandomizedResponse
from choral.privacy import micro
from choral.protocol import BatchRule, Release, Spec, Task, Terms
from choral.simulation import training
from choral.simulation.training import DAY, SERIAL, START, issuer_of

NAMES = {**MECHANISMS, **ALGORITHMS}
NOTHING = 1024  # below it: serial numbers of events, each recorded once in a World
MECHANISM = RandomizedResponse.for_epsilon(19.9, NOTHING + 1)
PRICE_MICRO = micro(MECHANISM.epsilon)


@dataclass(frozen=True, slots=True)
class Setting:
    """How many devices, and the tasks that they agree to: a count, and where it `trains` one of each road of training.

    The count's mechanism hardly ever lies (2 in a million), and no two events are alike: a count of two proves that
    something counted twice. affordable: reports of the count that each person's lifetime budget pays for
    issuer: key that signs anonymous tokens, which federated averaging then asks for; None for none
    """

    devices: int = 3
    minimum: int = 2
    goal: int = 4
    reports_per_day: int = 2
    reports_for_life: int = 9
    affordable: int = 8
    delay_seconds: int = DAY // 4
    days: int = 14
    seed: int = 1
    trains: bool = False
    issuer: RSAPrivateKey | None = None

    @property
    def budget(self) -> Budget:
        """Pays for each day's reports, and for `affordable` counts and as many updates of each model in all."""
        learnt = sum(task.terms.price_micro for task in self.tasks[1:])
        life = self.affordable * (PRICE_MICRO + learnt)
        return Budget(self.reports_per_day * (PRICE_MICRO + learnt), life, life)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The count first."""
        return (self.task, *training.tasks(self.task, self.issuer)) if self.trains else (self.task,)

    @property
    def signals(self) -> tuple[Signal, ...]:
        """What the app on each device declares: the same events for every question."""
        counted = Signal(SERIAL, frozenset({SERIAL}), _examples, limit=4, immediate=True)
        return (counted, *training.signals()) if self.trains else (counted,)

    @property
    def public(self) -> tuple[Release, ...]:
        """The public data that its tasks name."""
        if not self.trains:
            return ()
        return (training.CANARIES, *(() if self.issuer is None else (issuer_of(self.issuer).release(START),)))

    @property
    def task(self) -> Task:
        """The count; its rounds are days, two of which are open."""
        return Task(
            terms=Terms(
                purpose="Find out whether the system keeps its promises.",
                signal=SERIAL,
                unit="one serial number",
                trust="nobody",
                price_micro=PRICE_MICRO,
                reports_per_day=self.reports_per_day,
                reports_for_life=self.reports_for_life,
                minimum=self.minimum,
                retention_days=30,
            ),
            mechanism=Spec.of(MECHANISM),
            algorithm=Spec.of(Count(threshold_milli=0)),
            rule=BatchRule(self.minimum, self.goal, rounds_open=2, round_seconds=DAY, advance="time"),
            revision=0,
            start=int(START.timestamp()),
            expires=int(START.timestamp()) + self.days * DAY,
            delay_seconds=self.delay_seconds,
            chance=2**32,
            shuffler_key=shuffler_key().public_key().public_bytes_raw(),
            server_key=signing_key("server").public_key().public_bytes_raw(),
            reviewer="the World",
        )


def signing_key(role: str) -> Ed25519PrivateKey:
    """A key that anyone can compute: for Worlds only."""
    return Ed25519PrivateKey.from_private_bytes(_secret(role))


def shuffler_key() -> X25519PrivateKey:
    """A key that anyone can compute: for Worlds only."""
    return X25519PrivateKey.from_private_bytes(_secret("shuffler"))


def _secret(role: str) -> bytes:
    return hashlib.sha256(b"choral/world/1/" + role.encode()).digest()


def _examples(events: Sequence[Event]) -> Arrays:
    return {"category": np.array([int(event.data["serial"]) for event in events] or [NOTHING], np.int64)}
