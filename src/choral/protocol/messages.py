"""The messages: what each says, field by field. No I/O, no keys, no time.

Terms are what a person agrees to; a Task adds the operator's part; a Checkout is all that a device downloads to
contribute; a Report is all that leaves it; a Release is what everyone may know.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray

from choral.errors import PeerError
from choral.privacy import MICRO, TRUSTS, Guarantee, Trust
from choral.protocol.codec import Nested, Wire, encode
from choral.protocol.containers import Array, Many, Named, Parameter
from choral.protocol.wire import Blob, Choice, Fixed, Flag, Float, Integer, Text, malformed

UNKNOWN_NAME = "unknown-name"
CHANCE_UNIT = 2**32  # a check-out's `chance` counts in units of 1 / CHANCE_UNIT
MOST_ARRAY_BYTES = 2**26
SECONDS = Integer("q", 0, 2**40)
COUNT = Integer("I", 1)
ARRAYS = Named(Array(MOST_ARRAY_BYTES), 64)
ADVANCES = ("time", "release")
NOBODY = bytes(32)  # where a hash could stand
Advance = Literal["time", "release"]


GUARANTEE: Wire = (
    ("epsilon", Float(is_bound=True)),
    ("delta", Float()),
    ("unit", Text(128)),
    ("relation", Text(128)),
    ("trust", Choice(TRUSTS)),
    ("assumption", Text(512)),
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person agrees to. Their hash is what a consent is bound to.

    purpose: why, in one sentence; signal: which declared signal; unit: what one price protects, in words
    price_micro: epsilon of one report, millionths of a nat; reports_per_day, reports_for_life: limits on one device
    minimum: reports below which a batch is erased unseen; retention_days: how long a report may be kept, at most
    sending_is_visible: true where a device with nothing to say stays silent
    """

    KIND: ClassVar[int] = 1
    WIRE: ClassVar[Wire] = (
        ("purpose", Text(512)),
        ("signal", Text(64)),
        ("unit", Text(128)),
        ("trust", Choice(TRUSTS)),
        ("price_micro", Integer("I", 1)),
        ("reports_per_day", COUNT),
        ("reports_for_life", COUNT),
        ("minimum", COUNT),
        ("retention_days", Integer("H", 1, 3650)),
        ("sending_is_visible", Flag()),
    )
    purpose: str
    signal: str
    unit: str
    trust: Trust
    price_micro: int
    reports_per_day: int
    reports_for_life: int
    minimum: int
    retention_days: int
    sending_is_visible: bool = False

    def __post_init__(self) -> None:
        if self.minimum == 1 and self.trust != "nobody":
            raise ValueError(f"a minimum batch of 1 needs trust `nobody`, got {self.trust!r}")
        if self.reports_per_day > self.reports_for_life:
            raise ValueError(f"need reports_per_day <= reports_for_life, got {self.reports_per_day}, {self.reports_for_life}")

    @property
    def epsilon(self) -> float:
        """Price of one report in nats."""
        return self.price_micro / MICRO

    @property
    def hash(self) -> bytes:
        """SHA-256 of the encoded Terms."""
        return hashlib.sha256(encode(self)).digest()


@dataclass(frozen=True, slots=True)
class Spec:
    """The name of a mechanism or an algorithm with its parameters: integers, bytes, text."""

    KIND: ClassVar[int] = 2
    WIRE: ClassVar[Wire] = (
        ("name", Text(64)),
        ("parameters", Named(Parameter(), 32)),
    )
    name: str
    parameters: Mapping[str, int | bytes | str]

    @classmethod
    def of(cls, thing: Any) -> "Spec":
        """The Spec of a frozen dataclass that has a NAME and plain fields."""
        return cls(thing.NAME, {field.name: getattr(thing, field.name) for field in fields(thing)})

    def build(self, names: Mapping[str, type[Any]]) -> Any:
        """The object, made by the class that `names` allows; PeerError for an unknown name or illegal parameters."""
        if self.name not in names:
            raise PeerError(UNKNOWN_NAME, f"{self.name!r} is not known here; update this program, or leave the task alone")
        try:
            return names[self.name](**self.parameters)
        except (TypeError, ValueError) as error:
            raise malformed(f"parameters of {self.name!r} are not legal: {error}") from None


@dataclass(frozen=True, slots=True)
class BatchRule:
    """When a batch is cut.

    minimum: legal reports needed; goal: reports at which a batch is cut before its round closes
    rounds_open: how many rounds, the current one included, still take reports; round_seconds: length of a round
    advance: `time`: the round is a count of round_seconds since the task's start; `release`: one up for each batch that is cut
    """

    KIND: ClassVar[int] = 3
    WIRE: ClassVar[Wire] = (
        ("minimum", COUNT),
        ("goal", COUNT),
        ("rounds_open", Integer("H", 1, 1000)),
        ("round_seconds", COUNT),
        ("advance", Choice(ADVANCES)),
    )
    minimum: int
    goal: int
    rounds_open: int
    round_seconds: int
    advance: Advance

    def __post_init__(self) -> None:
        if self.goal < self.minimum:
            raise ValueError(f"need goal >= minimum, got {self.goal=}, {self.minimum=}")


@dataclass(frozen=True, slots=True)
class Task:
    """A question, as an operator signs it.

    start, expires: seconds since 1970; delay_seconds: longest random delay of a report on the device
    chance: of taking part in a round, in units of 2**-32, until the server steers it
    shuffler_key: X25519 public key; server_key: Ed25519 public key that signs check-outs and releases
    issuer: hash of the public Release that names who issues one-use tokens for its reports; zeros if none are needed
    """

    KIND: ClassVar[int] = 4
    WIRE: ClassVar[Wire] = (
        ("terms", Nested(Terms)),
        ("mechanism", Nested(Spec)),
        ("algorithm", Nested(Spec)),
        ("rule", Nested(BatchRule)),
        ("revision", Integer("I")),
        ("start", SECONDS),
        ("expires", SECONDS),
        ("delay_seconds", Integer("I")),
        ("chance", Integer("Q", 0, CHANCE_UNIT)),
        ("shuffler_key", Fixed(32)),
        ("server_key", Fixed(32)),
        ("reviewer", Text(256)),
        ("issuer", Fixed(32)),
    )
    terms: Terms
    mechanism: Spec
    algorithm: Spec
    rule: BatchRule
    revision: int
    start: int
    expires: int
    delay_seconds: int
    chance: int
    shuffler_key: bytes
    server_key: bytes
    reviewer: str
    issuer: bytes = NOBODY

    def __post_init__(self) -> None:
        if self.rule.minimum < self.terms.minimum:
            raise ValueError(f"the rule's minimum {self.rule.minimum} is below the Terms' {self.terms.minimum}")
        if self.expires <= self.start:
            raise ValueError(f"need expires > start, got {self.start=}, {self.expires=}")
        if (self.rule.rounds_open - 1) * self.rule.round_seconds < self.delay_seconds and self.rule.advance == "time":
            raise ValueError("rounds_open does not cover the delay: an honest report could come too late")

    @property
    def needs_tokens(self) -> bool:
        """Whether each report spends an anonymous token."""
        return self.issuer != NOBODY

    @property
    def reports_per_device(self) -> int:
        """How many reports of one device a batch can hold; what the batch's guarantee must cover.

        A round of whole days touches one more day on a device's calendar; without a clock only the lifetime bounds it.
        """
        days = -(-self.rule.round_seconds // 86_400) + 1
        bound = days * self.terms.reports_per_day if self.rule.advance == "time" else self.terms.reports_for_life
        return min(bound, self.terms.reports_for_life)

    @property
    def hash(self) -> bytes:
        """SHA-256 of the encoded Task: its name everywhere."""
        return hashlib.sha256(encode(self)).digest()


@dataclass(frozen=True, slots=True)
class Signed:
    """A message's bytes with an Ed25519 signature over them and over the message's kind."""

    KIND: ClassVar[int] = 5
    WIRE: ClassVar[Wire] = (
        ("body", Blob(2**27)),
        ("signature", Fixed(64)),
    )
    body: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Checkout:
    """All a device downloads to contribute; the same for all devices (in draw and discard, one of k).

    task: a Signed task; round: the public counter; chance: of taking part, in units of 2**-32
    issued, valid_until: seconds since 1970
    """

    KIND: ClassVar[int] = 6
    WIRE: ClassVar[Wire] = (
        ("task", Nested(Signed)),
        ("round", Integer("I")),
        ("chance", Integer("Q", 0, CHANCE_UNIT)),
        ("issued", SECONDS),
        ("valid_until", SECONDS),
        ("params", ARRAYS),
    )
    task: Signed
    round: int
    chance: int
    issued: int
    valid_until: int
    params: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Signed messages that are downloaded together: the check-outs of one signal, the same for every device."""

    KIND: ClassVar[int] = 9
    WIRE: ClassVar[Wire] = (("items", Many(Nested(Signed), 16)),)

    items: tuple[Signed, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """What everyone may know of one batch: arrays with the guarantees they were made under.

    kind: what the arrays mean, such as "histogram"; reports: how many legal reports; created: seconds since 1970
    """

    KIND: ClassVar[int] = 7
    WIRE: ClassVar[Wire] = (
        ("task", Fixed(32)),
        ("round", Integer("I")),
        ("kind", Text(64)),
        ("reports", Integer("Q")),
        ("created", SECONDS),
        ("guarantees", Many(Nested(Guarantee, GUARANTEE), 8)),
        ("arrays", ARRAYS),
    )
    task: bytes
    round: int
    kind: str
    reports: int
    created: int
    guarantees: tuple[Guarantee, ...]
    arrays: Mapping[str, NDArray[Any]]

    @property
    def hash(self) -> bytes:
        """SHA-256 of the encoded Release: its name."""
        return hashlib.sha256(encode(self)).digest()
