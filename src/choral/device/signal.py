"""What happens on a device, and what an app declares that may be learnt from it. Neither is ever fetched."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from numpy.typing import NDArray

from choral.protocol.task import NOBODY

Arrays = Mapping[str, NDArray[Any]]  # named arrays: what an algorithm's device half reads


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened; it stays on the device.

    kind: which sort of event, such as "keyboard.emoji.ja"; at: when, with a time zone; data: what, in plain values
    """

    kind: str
    at: datetime
    data: Mapping[str, str | int | float]

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("an event's time needs a time zone, such as datetime.now(UTC)")


@dataclass(frozen=True, slots=True)
class Asks:
    """What may be asked of a signal, whatever an operator signs.

    algorithms, mechanisms: their names; empty where any that this program knows will do
    exact: parameters that must have these very values wherever mechanism or algorithm have them, and somewhere they must:
        what the app holds, such as how many categories its dictionary has
    """

    algorithms: frozenset[str] = frozenset()
    mechanisms: frozenset[str] = frozenset()
    exact: tuple[tuple[str, int | str], ...] = ()


ANYTHING = Asks()


def counted(categories: int) -> Asks:
    """What a signal asks for whose app holds a list of so many categories: a count of exactly these, by any mechanism."""
    return Asks(algorithms=frozenset({"count/1"}), exact=(("domain", categories),))


@dataclass(frozen=True, slots=True)
class Signal:
    """A door that an app declares: which events may be read, and how they become examples.

    name: what Terms call it; kinds: events that it reads
    examples: pure; from events to named arrays, one row an answer; answers "nothing" for no events, maps what lies
        outside the domain to a reserved value, and samples at most `limit`
    limit: private records, or journal entries, kept for it at a time
    immediate: True for statistics: an event is randomized when it happens and never written; False: it is journalled
    dictionary: hash of the Release that names the categories; empty if there is none
    dictionary_name, signer: what Terms call that list, and the key it is signed with where it is not the app's own
    asks: what may be asked of it; without it, anything that fits
    is_personal: whether the shapes of its examples follow from what this person holds. Then a check-out is not rehearsed on
        them: what does not fit is no refusal, which would tell what the person holds, but "nothing", paid
    used: of journalled events, which ones `examples` makes a contribution of: they alone are deleted with it, and if it
        is none there is nothing to say; without it, all are
    """

    name: str
    kinds: frozenset[str]
    examples: Callable[[Sequence[Event]], Arrays]
    limit: int
    immediate: bool
    dictionary: bytes = b""
    used: Callable[[Sequence[Event]], Sequence[bool]] | None = None
    asks: Asks = ANYTHING
    dictionary_name: str = ""
    signer: bytes = NOBODY
    is_personal: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.limit < 2**31:
            raise ValueError(f"a signal keeps at least one record, got {self.limit=}")
        if len(self.dictionary) not in (0, 32):
            raise ValueError(f"a dictionary's hash has 32 bytes, got {len(self.dictionary)}")

    def uses(self, events: Sequence[Event]) -> Sequence[bool]:
        """Whether each event is used by the next contribution; where Terms allow silence, this alone decides on it."""
        found = [True] * len(events) if self.used is None else self.used(events)
        if len(found) != len(events):
            raise ValueError(f"signal {self.name!r} must answer for each of {len(events)} events, it answers for {len(found)}")
        return found
