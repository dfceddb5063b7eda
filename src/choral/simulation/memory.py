"""What a World remembers, so that what must not change can be seen to change; and what it says when a promise is broken."""

from dataclasses import dataclass, field

from choral.protocol.messages import Opening
from choral.storage import BatchRow, VersionRow

Place = tuple[bytes, int]  # a task's hash, and one of its rounds or versions


class Broken(AssertionError):  # noqa: N818  # named for what a promise is then
    """A promise that does not hold."""


def require(holds: bool, broken: str) -> None:
    """Broken, with these words, unless it holds."""
    if not holds:
        raise Broken(broken)


@dataclass(frozen=True, slots=True)
class Streamed:
    """What a state that is streamed into said.

    revision: how often it was written; updates: folded in all; legal: reports in all
    roll_backs, refused: how many there were, for each may put another state in its place
    """

    revision: int
    updates: int
    legal: int
    roll_backs: int
    refused: int


@dataclass(slots=True)
class Memory:
    """What was true before.

    paid: micronats by device; made: ids of the reports ever seen on a device, with their Terms
    batches, releases: by task and round; payloads: by report; said: category by report of the count
    versions: by task and number; current: version and roll-backs by task; streamed: by task
    folded: ids of the reports of a version
    asked: what check-outs say, by task and round; looked_at: how many downloads were
    published: hashes of what the operator was told is published; deaths: the writes at which the server died
    """

    paid: dict[int, int] = field(default_factory=dict)
    made: dict[int, dict[bytes, bytes]] = field(default_factory=dict)
    batches: dict[Place, BatchRow] = field(default_factory=dict)
    releases: dict[Place, bytes] = field(default_factory=dict)
    payloads: dict[bytes, bytes] = field(default_factory=dict)
    said: dict[bytes, int] = field(default_factory=dict)
    versions: dict[Place, VersionRow] = field(default_factory=dict)
    current: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    folded: dict[Place, frozenset[bytes]] = field(default_factory=dict)
    streamed: dict[bytes, Streamed] = field(default_factory=dict)
    asked: dict[Place, Opening] = field(default_factory=dict)
    looked_at: int = 0
    published: set[bytes] = field(default_factory=set)
    deaths: list[str] = field(default_factory=list)
