"""What the device's tests share: two signals, an operator, and a server of a few lines that signs what it is told to."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from choral.device import Agent, Budget, Conditions, Event, Signal
from choral.errors import PeerError
from choral.learning import ALGORITHMS, Count
from choral.mechanisms import MECHANISMS, RandomizedResponse
from choral.numerics import SeededEntropy
from choral.privacy import micro
from choral.protocol import (
    BatchRule,
    Bundle,
    Checkout,
    Opening,
    Openings,
    Report,
    Signed,
    Spec,
    Task,
    Terms,
    decode,
    encode,
    question_of,
    sign,
    unseal,
)
from choral.storage.device_memory import MemoryDeviceStore

OPERATOR = Ed25519PrivateKey.from_private_bytes(b"operator".ljust(32, b"\1"))
SERVER = Ed25519PrivateKey.from_private_bytes(b"server".ljust(32, b"\2"))
SHUFFLER = X25519PrivateKey.from_private_bytes(b"shuffler".ljust(32, b"\3"))
OPERATORS = frozenset({OPERATOR.public_key().public_bytes_raw()})
NAMES: Mapping[str, type[Any]] = {**MECHANISMS, **ALGORITHMS}

DAY = 86_400
START = datetime(2027, 1, 4, tzinfo=UTC)
NOW = START + timedelta(hours=9)
READY = Conditions(idle=True, charging=True, unmetered=True)
BUSY = Conditions(idle=False, charging=True, unmetered=True)
AMPLE = Budget.nats(day=100, year=10_000, life=100_000)
NOTHING = 9
MECHANISM = RandomizedResponse.for_epsilon(2.0, domain=10)


def examples(events: Sequence[Event]) -> dict[str, Any]:
    """`category` int64[n]: the word's length, or "nothing"."""
    lengths = [len(str(event.data["word"])) % NOTHING for event in events]
    return {"category": np.array(lengths or [NOTHING], np.int64)}


def signal(name: str = "words", *, immediate: bool = True, limit: int = 3, dictionary: bytes = b"") -> Signal:
    """A signal that reads words typed."""
    return Signal(name, frozenset({f"{name}.typed"}), examples, limit, immediate=immediate, dictionary=dictionary)


def typed(word: str, name: str = "words", at: datetime = NOW) -> Event:
    """A word was typed."""
    return Event(f"{name}.typed", at, {"word": word})


def task(name: str = "words", **changes: Any) -> Task:
    """A question about word lengths; `changes` go to the Terms, the rule or the task, whichever has the field."""
    terms: dict[str, Any] = {
        "purpose": "Learn how long words are",
        "signal": name,
        "unit": "one day of words",
        "trust": "nobody",
        "price_micro": micro(MECHANISM.epsilon),
        "reports_per_day": 1,
        "reports_for_life": 100,
        "minimum": 10,
        "retention_days": 30,
        "sending_is_visible": False,
        "dictionary": "",
        "signer": bytes(32),
    }
    rule: dict[str, Any] = {
        "minimum": 10,
        "goal": 100,
        "rounds_open": 2,
        "round_seconds": DAY,
        "advance": "time",
        "least_seconds": 60,
    }
    rest: dict[str, Any] = {
        "mechanism": Spec.of(MECHANISM),
        "algorithm": Spec.of(Count()),
        "revision": 0,
        "start": int(START.timestamp()),
        "expires": int(START.timestamp()) + 400 * DAY,
        "delay_seconds": 6 * 3600,
        "chance": 2**32,
        "shuffler_key": SHUFFLER.public_key().public_bytes_raw(),
        "server_key": SERVER.public_key().public_bytes_raw(),
        "reviewer": "A. Reviewer",
        "issuer": bytes(32),
        "least_chance": 0,
        "most_chance": 2**32,
    }
    for part in (terms, rule, rest):
        part.update({field: changes.pop(field) for field in list(changes) if field in part})
    if changes:
        raise ValueError(f"unknown fields {changes}")
    return Task(terms=Terms(**terms), rule=BatchRule(**rule), **rest)


class Desk:
    """A server of one table: check-outs by signal, reports as they came. `down` is raised instead of answering."""

    def __init__(self, *tasks: Task) -> None:
        self.tasks = list(tasks)
        self.round: int | None = None
        self.now = NOW
        self.valid_seconds: int | None = None
        self.received: list[bytes] = []
        self.down: Exception | None = None
        self.lose_answers = False
        self.bundles: dict[str, bytes] = {}
        self.openings: bytes | None = None

    def checkout(self, one: Task, **changes: Any) -> Checkout:
        """This moment's check-out of the task."""
        second, rule = int(self.now.timestamp()), one.rule
        number = max((second - one.start) // rule.round_seconds if self.round is None else self.round, 0)
        begin = one.start + number * rule.round_seconds if rule.advance == "time" else second - second % 60
        end = begin + rule.round_seconds if self.valid_seconds is None else second + self.valid_seconds
        signed = sign(one, OPERATOR)
        return replace(Checkout(signed, number, one.chance, begin, min(end, one.expires), {}), **changes)

    def fetch(self, path: str) -> bytes:
        name = unquote(path.rsplit("/", 1)[1])
        if self.down is not None:
            raise self.down
        if name == "openings":
            return self.openings if self.openings is not None else self.published()
        items = self.items(name)
        if isinstance(items, tuple) and not items:
            raise PeerError("unknown-task", "no live task")
        return items if isinstance(items, bytes) else encode(Bundle(items))

    def items(self, name: str) -> tuple[Signed, ...] | bytes:
        """The check-outs of a signal: what a test put there, else one for each task."""
        found = self.bundles.get(name)
        if found is not None:
            try:
                return decode(found, Bundle).items
            except PeerError:
                return found
        return tuple(sign(self.checkout(one), SERVER) for one in self.tasks if one.terms.signal == name)

    def published(self) -> bytes:
        """Openings that agree with every check-out, as a server would show them that lies to everyone alike."""
        names = dict.fromkeys((*self.bundles, *(one.terms.signal for one in self.tasks)))
        found = (items for name in names if not isinstance(items := self.items(name), bytes))
        openings = {
            opening.task + opening.question: opening for items in found for item in items if (opening := opening_of(item))
        }
        return encode(Openings(tuple(sign(one, SERVER) for one in openings.values())))

    def send(self, report: bytes, token: bytes = b"") -> None:
        if self.down is not None and not self.lose_answers:
            raise self.down
        self.received.append(report)
        if self.lose_answers and self.down is not None:
            raise self.down

    def values(self, one: Task) -> list[int]:
        """What the reports of a task say, unsealed."""
        mechanism = one.mechanism.build(NAMES)
        size = mechanism.payload.itemsize
        reports = [Report.from_bytes(data) for data in self.received]
        payloads = [unseal(report, size, SHUFFLER) for report in reports if report.task == one.hash]
        return [int(np.frombuffer(payload, mechanism.payload)["value"][0]) for payload in payloads]


def opening_of(signed: Signed) -> Opening | None:
    """What would be published of a signed check-out; None for what is none."""
    try:
        checkout = decode(signed.body, Checkout)
        task = decode(checkout.task.body, Task)
    except PeerError:
        return None
    streams = getattr(NAMES.get(task.algorithm.name), "streams", False)
    question, around = (bytes(32), checkout.params) if streams else (question_of(checkout.params), {})
    return Opening(task.hash, checkout.round, checkout.chance, checkout.issued, checkout.valid_until, question, around)


def agent(desk: Desk, *signals: Signal, **changes: Any) -> Agent:
    """An agent in memory, with an ample budget; nothing agreed yet."""
    settings: dict[str, Any] = {
        "store": MemoryDeviceStore(),
        "signals": signals or (signal(),),
        "names": NAMES,
        "operators": OPERATORS,
        "transport": desk,
        "entropy": SeededEntropy(2027),
        "budget": AMPLE,
    }
    return Agent(**{**settings, **changes})


def agreed(desk: Desk, *signals: Signal, **changes: Any) -> Agent:
    """An agent whose person has said yes to everything on offer."""
    made = agent(desk, *signals, **changes)
    made.refresh(desk.now)
    for offer in made.offers():
        made.agree(offer.terms_hash, desk.now)
    return made


def dump(store: Any) -> dict[str, list[tuple[bytes, bytes]]]:
    """All that a store holds, table by table."""
    from choral.device.contribution import LEDGER
    from choral.device.upkeep import FORGOTTEN

    with store.transaction() as tx:
        return {table.name: list(tx.scan(table.name)) for table in (*FORGOTTEN, LEDGER)}
