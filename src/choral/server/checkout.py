"""What a device downloads to contribute: for everyone the same bytes in each round; and what everyone is told of all rounds.

Only where an algorithm streams is each request answered by a draw of its own, which names no receiver either.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from choral.errors import PeerError
from choral.learning import Arrays
from choral.numerics import Entropy
from choral.protocol import Bundle, Checkout, encode, sign
from choral.protocol.coding import compress
from choral.protocol.messages import ARRAYS, Openings
from choral.server.models import begun, state_of
from choral.server.openings import VERSION, Opened, RoundBook
from choral.server.rounds import MINUTE, seconds
from choral.server.tasks import Known, TaskBook

MOST_KEPT = 64  # encoded answers that are kept


@dataclass(slots=True)
class Counter:
    """Answers requests for check-outs and for openings; keeps each answer's bytes while it says the same rounds."""

    rounds: RoundBook
    server_key: Ed25519PrivateKey
    entropy: Entropy
    _kept: dict[tuple[str | None, bool], tuple[object, bytes]] = field(default_factory=dict)
    _states: dict[bytes, tuple[int, Arrays]] = field(default_factory=dict)

    @classmethod
    def of(cls, book: TaskBook, server_key: Ed25519PrivateKey, entropy: Entropy) -> Self:
        """That answers for the tasks of a book."""
        return cls(RoundBook(book, entropy), server_key, entropy)

    def answer(self, signal: str, now: datetime, *, compressed: bool = False) -> tuple[bytes, int]:
        """The encoded Bundle of a signal's check-outs, and for how many seconds it is everyone's; PeerError if none is.

        compressed: in the content coding of check-outs
        """
        second = seconds(now)
        due = self._due(signal, second)
        if any(one.known.streams for one in due):
            return self._drawn(due, compressed=compressed), 0
        return self._encoded((signal, compressed), due, lambda: encode(self._bundle(due))), _age(due, second)

    def openings(self, now: datetime, *, compressed: bool = False) -> tuple[bytes, int]:
        """The encoded Openings of all rounds that check-outs are given for, and for how many seconds they are everyone's."""
        second = seconds(now)
        due = list(self.rounds.open(second))
        return self._encoded((None, compressed), due, lambda: encode(self._openings(due))), _age(due, second)

    def bundle(self, signal: str, now: datetime) -> Bundle:
        """The check-outs before they are encoded."""
        return self._bundle(self._due(signal, seconds(now)))

    def _due(self, signal: str, now: int) -> list[Opened]:
        found = list(self.rounds.open(now, signal))
        if not found:
            raise PeerError("unknown-task", f"no task of the signal {signal!r} takes reports now")
        return found

    def _encoded(self, name: tuple[str | None, bool], due: Sequence[Opened], make: Callable[[], bytes]) -> bytes:
        """The answer of this name about these rounds, compressed if its name says so; made once."""
        key = tuple((one.known.hash, one.round) for one in due)
        kept = self._kept.get(name)
        if kept is None or kept[0] != key:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            whole = make()
            kept = self._kept[name] = (key, compress(whole) if name[1] else whole)
        return kept[1]

    def _drawn(self, due: Sequence[Opened], *, compressed: bool) -> bytes:
        """An answer whose length does not depend on which instances were drawn."""
        checkouts = [self._checkout(one) for one in due]
        whole = encode(Bundle(tuple(sign(one, self.server_key) for one in checkouts)))
        drawn = whole.index(ARRAYS.write(checkouts[0].params))  # before it stands what is the same for all who ask
        return compress(whole, before=drawn) if compressed else whole

    def _bundle(self, due: Sequence[Opened]) -> Bundle:
        return Bundle(tuple(sign(self._checkout(one), self.server_key) for one in due))

    def _openings(self, due: Sequence[Opened]) -> Openings:
        return Openings(tuple(sign(one.opening, self.server_key) for one in due))

    def _checkout(self, due: Opened) -> Checkout:
        params = self._draw(due) if due.known.streams else due.params
        return Checkout(due.known.signed, due.round, due.chance, due.issued, due.valid_until, params)

    def _draw(self, due: Opened) -> Arrays:
        """An instance of the model as it is now, as far from what the round opened with as its algorithm allows."""
        drawn = due.known.algorithm.check_out(self._state(due.known), self.entropy)
        near: Arrays = due.known.algorithm.near(drawn, due.params)  # type: ignore[attr-defined]  # of those that stream
        return {**near, VERSION: due.params[VERSION]}

    def _state(self, known: Known) -> Arrays:
        """The task's state, decoded once for each time that it changes."""
        head, held = self.rounds.book.store.head(known.hash), self._states.get(known.hash)
        if held is not None and head is not None and held[0] == head.revision:
            return held[1]
        row = begun(self.rounds.book.store, known, self.entropy, 0)
        state = state_of(row, known, self.entropy)
        self._states[known.hash] = (row.revision, state)
        return state


def check_out(book: TaskBook, signal: str, *, server_key: Ed25519PrivateKey, entropy: Entropy, now: datetime) -> Bundle:
    """The signed check-outs of all live tasks of `signal` whose current round is open; PeerError if there are none."""
    return Counter.of(book, server_key, entropy).bundle(signal, now)


def _age(due: Sequence[Opened], now: int) -> int:
    """Seconds until the next whole minute, or until the first of these rounds ends."""
    return min([MINUTE - now % MINUTE, *(one.valid_until - now for one in due)])
