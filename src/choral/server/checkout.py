"""What a device downloads to contribute: the same bytes for everyone who asks within the same minute of a round.

Only where an algorithm streams is each request answered by a draw of its own, which names no receiver either.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from choral.errors import PeerError
from choral.learning import Arrays
from choral.numerics import Entropy
from choral.protocol import Bundle, Checkout, encode, sign
from choral.protocol.coding import compress
from choral.protocol.messages import ARRAYS
from choral.server.models import begun, state_of
from choral.server.rounds import MINUTE, current_round, seconds
from choral.server.steering import steered
from choral.server.tasks import Known, TaskBook, slot_of
from choral.storage import BatchRow, TaskRow

VERSION = "version"  # the array that a training task's check-out has beside the algorithm's: int64[1], of the model
MOST_KEPT = 64  # encoded bundles that are kept


@dataclass(frozen=True, slots=True)
class Due:
    """A task that takes reports now, with the round that they are for."""

    known: Known
    row: TaskRow
    batch: BatchRow


@dataclass(slots=True)
class Counter:
    """Answers requests for check-outs; keeps each bundle's bytes while nothing that they say can have changed."""

    book: TaskBook
    server_key: Ed25519PrivateKey
    entropy: Entropy
    _kept: dict[tuple[str, bool], tuple[object, bytes]] = field(default_factory=dict)
    _states: dict[bytes, tuple[int, Arrays]] = field(default_factory=dict)

    def answer(self, signal: str, now: datetime, *, compressed: bool = False) -> tuple[bytes, int]:
        """The encoded Bundle of a signal's check-outs, and for how many seconds it is everyone's; PeerError if none is.

        compressed: in the content coding of check-outs
        """
        second = seconds(now)
        due = self._due(signal, second)
        if any(one.known.streams for one in due):
            return self._drawn(due, second, compressed=compressed), 0
        key = (second // MINUTE, *((one.known.hash, one.batch.round, one.row.revision) for one in due))
        kept = self._kept.get((signal, compressed))
        if kept is None or kept[0] != key:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            whole = encode(self._bundle([self._checkout(one, second) for one in due]))
            kept = self._kept[signal, compressed] = (key, compress(whole) if compressed else whole)
        return kept[1], MINUTE - second % MINUTE

    def bundle(self, signal: str, now: datetime) -> Bundle:
        """The same before it is encoded."""
        return self._bundle([self._checkout(one, seconds(now)) for one in self._due(signal, seconds(now))])

    def _drawn(self, due: list[Due], now: int, *, compressed: bool) -> bytes:
        """An answer whose length does not depend on which instances were drawn."""
        checkouts = [self._checkout(one, now) for one in due]
        whole = encode(self._bundle(checkouts))
        drawn = whole.index(ARRAYS.write(checkouts[0].params))  # before it stands what is the same for all who ask
        return compress(whole, before=drawn) if compressed else whole

    def _due(self, signal: str, now: int) -> list[Due]:
        rows = (row for row in self.book.store.tasks() if row.signal == signal and row.expires > now)
        found = [self._begun(one, now) for row in rows if (one := _due(self.book, row, now)) is not None]
        if not found:
            raise PeerError("unknown-task", f"no task of the signal {signal!r} takes reports now")
        return found

    def _begun(self, due: Due, now: int) -> Due:
        """The same, once its model has begun."""
        if not due.known.trains or due.row.revision:
            return due
        return replace(due, row=replace(begun(self.book.store, due.known, self.entropy, now), state=b""))

    def _bundle(self, checkouts: list[Checkout]) -> Bundle:
        return Bundle(tuple(sign(one, self.server_key) for one in checkouts))

    def _checkout(self, due: Due, now: int) -> Checkout:
        known, batch, row = due.known, due.batch, due.row
        issued = max(known.task.start, now - now % MINUTE)
        params = known.algorithm.check_out(self._state(known, row), self.entropy)
        if known.trains:
            params = {**params, VERSION: np.array([row.version], np.int64)}
        until = _valid_until(known, batch, issued)
        chance = batch.chance or known.task.chance
        return Checkout(known.signed, batch.round, chance, issued, until, params)

    def _state(self, known: Known, head: TaskRow) -> Arrays:
        """The task's state, decoded once for each time that it changes."""
        held = self._states.get(known.hash)
        if held is not None and held[0] == head.revision:
            return held[1]
        row = self.book.store.task(known.hash) or head
        state = state_of(row, known, self.entropy)
        if known.trains:
            self._states[known.hash] = (row.revision, state)
        return state


def check_out(book: TaskBook, signal: str, *, server_key: Ed25519PrivateKey, entropy: Entropy, now: datetime) -> Bundle:
    """The signed check-outs of all live tasks of `signal` whose current round is open; PeerError if there are none."""
    return Counter(book, server_key, entropy).bundle(signal, now)


def _due(book: TaskBook, row: TaskRow, now: int) -> Due | None:
    """The task with its open round, or None while it takes no reports."""
    known = book.get(row.hash)
    if now < known.task.start:
        return None
    round_ = current_round(known.task, row.round, now)
    batch = book.store.batch(row.hash, round_)
    if (batch is not None and (batch.state != "open" or batch.closes <= now)) or _is_between(book, known):
        return None
    if batch is None or (batch.chance == 0 and known.task.chance):  # a late report may have made the row: nobody steered it
        batch = _opened(book, known, round_, now)
    return Due(known, row, batch)


def _opened(book: TaskBook, known: Known, round_: int, now: int) -> BatchRow:
    """The row of a round that begins with this check-out: its chance is settled here, once for all who ask."""
    chance = known.task.chance  # a batch of one has no goal to steer towards
    if not known.streams:
        chance = steered(known.task, book.store.batches(known.hash), round_, now)
    return book.store.open_round(replace(slot_of(known, round_, now), chance=chance))


def _is_between(book: TaskBook, known: Known) -> bool:
    """Whether the next round's parameters follow from a batch that is cut but not folded yet."""
    if known.task.rule.advance == "time" or known.asynchronous:
        return False
    return any(batch.state in ("cut", "shuffled") for batch in book.store.batches(known.hash))


def _valid_until(known: Known, batch: BatchRow, issued: int) -> int:
    """The end of the round, so that whoever reports by this check-out is not late; or one round's length from now."""
    rule, task = known.task.rule, known.task
    if rule.advance == "time":
        return min(task.expires, task.start + (batch.round + 1) * rule.round_seconds)
    return min(batch.closes, issued + rule.round_seconds)
