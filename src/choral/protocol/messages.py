"""The messages around a Task: what each says, field by field. No I/O, no keys, no time.

A Checkout is all that a device downloads to contribute; an Opening is what everyone is told of it; a Report is all that
leaves a device; a Release is what everyone may know.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from choral.privacy import TRUSTS, Guarantee
from choral.protocol.codec import Nested, Wire, encode
from choral.protocol.containers import Array, Many, Named
from choral.protocol.task import CHANCE, SECONDS
from choral.protocol.wire import Blob, Choice, Fixed, Float, Integer, Text

MOST_ARRAY_BYTES = 2**26
ARRAYS = Named(Array(MOST_ARRAY_BYTES), 64)


GUARANTEE: Wire = (
    ("epsilon", Float(is_bound=True)),
    ("delta", Float()),
    ("unit", Text(128)),
    ("relation", Text(128)),
    ("trust", Choice(TRUSTS)),
    ("assumption", Text(512)),
)


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
    issued, valid_until: seconds since 1970, when the round began and when it ends
    """

    KIND: ClassVar[int] = 6
    WIRE: ClassVar[Wire] = (
        ("task", Nested(Signed)),
        ("round", Integer("I")),
        ("chance", CHANCE),
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
class Opening:
    """What a server tells everyone of a round as it opens: what every check-out of it says. It never changes.

    question: `question_of` the parameters; zeros where each device draws its own, which then lie around `around`
    around: the mean of what can be drawn, beside what all have; empty otherwise
    """

    KIND: ClassVar[int] = 10
    WIRE: ClassVar[Wire] = (
        ("task", Fixed(32)),
        ("round", Integer("I")),
        ("chance", CHANCE),
        ("issued", SECONDS),
        ("valid_until", SECONDS),
        ("question", Fixed(32)),
        ("around", ARRAYS),
    )
    task: bytes
    round: int
    chance: int
    issued: int
    valid_until: int
    question: bytes
    around: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Openings:
    """The signed Openings of all rounds that check-outs are given for, whatever their signals: one download for all."""

    KIND: ClassVar[int] = 11
    WIRE: ClassVar[Wire] = (("items", Many(Nested(Signed), 4096)),)

    items: tuple[Signed, ...]


def question_of(params: Mapping[str, NDArray[Any]]) -> bytes:
    """SHA-256 of encoded parameters: a record that answers other parameters is no answer to these."""
    return hashlib.sha256(ARRAYS.write(params)).digest()


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
