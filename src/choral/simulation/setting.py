"""What a World is like: its people, its question, its keys. Everything follows from the fields; nothing here moves."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from choral.device import Budget, Event, Signal
from choral.learning import ALGORITHMS, Arrays, Count
from choral.mechanisms import MECHANISMS, RandomizedResponse
from choral.privacy import micro
from choral.protocol import BatchRule, Spec, Task, Terms

DAY = 86_400
START = datetime(2026, 3, 2, tzinfo=UTC)
NAMES = {**MECHANISMS, **ALGORITHMS}
SERIAL = "world.serial"
NOTHING = 1024  # below it: serial numbers of events, each recorded once in a World
MECHANISM = RandomizedResponse.for_epsilon(19.9, NOTHING + 1)
PRICE_MICRO = micro(MECHANISM.epsilon)


@dataclass(frozen=True, slots=True)
class Setting:
    """How many devices, and the task that they agree to.

    The mechanism hardly ever lies (2 in a million), and no two events are alike: a count of two proves that something
    counted twice. affordable: reports that each person's lifetime budget pays for
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

    @property
    def budget(self) -> Budget:
        """Pays for each day's reports, and for `affordable` in all."""
        life = self.affordable * PRICE_MICRO
        return Budget(self.reports_per_day * PRICE_MICRO, life, life)

    @property
    def task(self) -> Task:
        """The question; its rounds are days, two of which are open."""
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


def serial_signal() -> Signal:
    """The door through which serial numbers are read."""
    return Signal(SERIAL, frozenset({SERIAL}), _examples, limit=4, immediate=True)


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
