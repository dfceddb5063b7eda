"""The question and what a person agrees to: Terms, and the Task that an operator signs. No I/O, no keys, no time.

Terms are what a person agrees to; a Task adds the operator's part, and never asks for more than its Terms name.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Literal

from choral.errors import PeerError
from choral.privacy import MICRO, TRUSTS, Trust
from choral.protocol.codec import Nested, Wire, encode
from choral.protocol.containers import Named, Parameter
from choral.protocol.wire import Choice, Fixed, Flag, Integer, Name, Text, malformed

UNKNOWN_NAME = "unknown-name"
CHANCE_UNIT = 2**32  # chances of taking part count in units of 1 / CHANCE_UNIT
LEAST_CHANCE = CHANCE_UNIT >> 20  # below it no server steers unless its task says so
SECONDS = Integer("q", 0, 2**40)
COUNT = Integer("I", 1)
CHANCE = Integer("Q", 0, CHANCE_UNIT)
ADVANCES = ("time", "release")
NOBODY = bytes(32)  # where a hash or a key could stand
Advance = Literal["time", "release"]
SIZES = frozenset(  # parameters of mechanisms and algorithms that say how large or how long an answer is
    {"batch", "buckets", "categories", "clusters", "dimension", "domain", "epochs", "instances", "items"}
    | {"length", "order", "pairs", "rank", "rows", "size", "slots", "width"}
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person agrees to. Their hash is what a consent is bound to.

    purpose: why, in one sentence; signal: which declared signal; unit: what one price protects, in words
    price_micro: epsilon of one report, millionths of a nat; reports_per_day, reports_for_life: limits on one device
    minimum: reports below which a batch is erased unseen; retention_days: how long a report may be kept, at most
    sending_is_visible: true where a device with nothing to say stays silent
    mechanism_name, algorithm_name: without these Terms have no bytes; sizes: upper bounds of the SIZES among their parameters
    dictionary, signer: name of the list that the answers count by, and the Ed25519 public key it is signed with; empty
        and zeros where there is none, or where the app's own is meant
    A Task binds Terms that leave these open to its own mechanism and algorithm.
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
        ("mechanism_name", Name(64)),
        ("algorithm_name", Name(64)),
        ("sizes", Named(Integer("Q"), 16)),
        ("dictionary", Text(64)),
        ("signer", Fixed(32)),
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
    mechanism_name: str = ""
    algorithm_name: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    dictionary: str = ""
    signer: bytes = NOBODY

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
    def unbound(self) -> "Terms":
        """The same for another question: the next Task binds them to its own mechanism and algorithm."""
        return replace(self, mechanism_name="", algorithm_name="", sizes={})

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


def sizes_of(*specs: Spec) -> dict[str, int]:
    """The SIZES among the parameters of all these; of one that several have, the largest."""
    pairs = [(name, value) for spec in specs for name, value in spec.parameters.items() if name in SIZES]
    found: dict[str, int] = {}
    for name, value in pairs:
        if not isinstance(value, int):
            raise ValueError(f"{name} is a whole number, got {value!r}")
        found[name] = max(value, found.get(name, 0))
    return found


@dataclass(frozen=True, slots=True)
class BatchRule:
    """When a batch is cut.

    minimum: legal reports needed; goal: reports at which a batch is cut before its round closes
    rounds_open: how many rounds, the current one included, still take reports; round_seconds: length of a round
    advance: `time`: the round is a count of round_seconds since the task's start; `release`: one up for each batch that is cut
    least_seconds: where rounds advance by release, the least time between two of them: no round is higher than this allows
    """

    KIND: ClassVar[int] = 3
    WIRE: ClassVar[Wire] = (
        ("minimum", COUNT),
        ("goal", COUNT),
        ("rounds_open", Integer("H", 1, 1000)),
        ("round_seconds", COUNT),
        ("advance", Choice(ADVANCES)),
        ("least_seconds", COUNT),
    )
    minimum: int
    goal: int
    rounds_open: int
    round_seconds: int
    advance: Advance
    least_seconds: int = 60

    def __post_init__(self) -> None:
        if self.goal < self.minimum:
            raise ValueError(f"need goal >= minimum, got {self.goal=}, {self.minimum=}")


@dataclass(frozen=True, slots=True)
class Task:
    """A question, as an operator signs it.

    start, expires: seconds since 1970; delay_seconds: longest random delay of a report on the device
    chance: of taking part in a round, in units of 2**-32, until the server steers it, never below least_chance nor above
        most_chance
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
        ("chance", CHANCE),
        ("shuffler_key", Fixed(32)),
        ("server_key", Fixed(32)),
        ("reviewer", Text(256)),
        ("issuer", Fixed(32)),
        ("least_chance", CHANCE),
        ("most_chance", CHANCE),
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
    least_chance: int = LEAST_CHANCE
    most_chance: int = CHANCE_UNIT

    def __post_init__(self) -> None:
        if not self.terms.mechanism_name:
            object.__setattr__(self, "terms", self._bound_terms())
        self._require_bound()
        if not self.least_chance <= self.chance <= self.most_chance:
            raise ValueError(
                f"need least_chance <= chance <= most_chance, got {self.least_chance}, {self.chance}, {self.most_chance}"
            )
        if self.rule.minimum < self.terms.minimum:
            raise ValueError(f"the rule's minimum {self.rule.minimum} is below the Terms' {self.terms.minimum}")
        if self.expires <= self.start:
            raise ValueError(f"need expires > start, got {self.start=}, {self.expires=}")
        if (self.rule.rounds_open - 1) * self.rule.round_seconds < self.delay_seconds and self.rule.advance == "time":
            raise ValueError("rounds_open does not cover the delay: an honest report could come too late")

    def _bound_terms(self) -> Terms:
        """The Terms, bound to this task's own mechanism and algorithm."""
        sizes = {**sizes_of(self.mechanism, self.algorithm), **self.terms.sizes}
        return replace(self.terms, mechanism_name=self.mechanism.name, algorithm_name=self.algorithm.name, sizes=sizes)

    def _require_bound(self) -> None:
        """ValueError unless what is asked stays within what the Terms name: another question needs other Terms."""
        terms = self.terms
        if (terms.mechanism_name, terms.algorithm_name) != (self.mechanism.name, self.algorithm.name):
            asked = f"{self.mechanism.name} with {self.algorithm.name}"
            raise ValueError(f"its Terms allow {terms.mechanism_name} with {terms.algorithm_name}, it asks by {asked}")
        for name, value in sizes_of(self.mechanism, self.algorithm).items():
            if value > terms.sizes.get(name, -1):
                raise ValueError(
                    f"its Terms allow a {name} of at most {terms.sizes.get(name, 'none at all')}, it asks for {value}"
                )

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
