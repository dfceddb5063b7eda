"""Rounds as they open: what all check-outs of a round say is settled once, by whoever asks first, and never changes.

Settled in the store, so that every process and every device gets the same. Leaves signatures and bytes to checkout.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from choral.learning import Arrays
from choral.numerics import Entropy
from choral.protocol.messages import ARRAYS, Opening, question_of
from choral.protocol.task import NOBODY
from choral.protocol.wire import Reader
from choral.server.models import begun, state_of
from choral.server.rounds import current_round, ends, is_ahead, opened_at
from choral.server.steering import steered
from choral.server.tasks import Known, TaskBook, slot_of
from choral.storage import OpeningRow, TaskRow

VERSION = "version"  # the array that a training task's check-out has beside the algorithm's: int64[1], of the model


@dataclass(frozen=True, slots=True)
class Opened:
    """A round that takes reports. Its numbers and dates are those of every check-out of it.

    params: of every check-out; where each request draws its own, what all draws lie around
    """

    known: Known
    round: int
    chance: int
    issued: int
    valid_until: int
    params: Arrays

    @property
    def opening(self) -> Opening:
        """What everyone is told of it."""
        question, around = (NOBODY, self.params) if self.known.streams else (question_of(self.params), {})
        return Opening(self.known.hash, self.round, self.chance, self.issued, self.valid_until, question, around)


@dataclass(slots=True)
class RoundBook:
    """The rounds of a store's tasks that check-outs are given for; the last one of each task is read once."""

    book: TaskBook
    entropy: Entropy
    _opened: dict[bytes, Opened] = field(default_factory=dict)

    def open(self, now: int, signal: str | None = None) -> Iterator[Opened]:
        """The open rounds of all live tasks, or of those of one signal, in the order of the tasks' hashes."""
        for row in self.book.store.tasks():
            if row.expires > now and signal in (None, row.signal) and (found := self._find(row, now)) is not None:
                yield found

    def _find(self, row: TaskRow, now: int) -> Opened | None:
        """The task's round, or None while no check-out of it is given."""
        known = self.book.get(row.hash)
        round_ = current_round(known.task, row.round, now)
        if now < known.task.start or is_ahead(known.task, round_, now):
            return None
        batch = self.book.store.batch(row.hash, round_)
        if (batch is not None and (batch.state != "open" or batch.closes <= now)) or self._is_between(known):
            return None
        held = self._opened.get(row.hash)
        if held is None or held.round != round_:
            held = self._read(known, round_, now)
            if held is not None:
                self._opened[row.hash] = held
        return held

    def _is_between(self, known: Known) -> bool:
        """Whether the next round's parameters follow from a batch that is cut but not folded yet."""
        if known.task.rule.advance == "time":
            return False
        return any(batch.state in ("cut", "shuffled") for batch in self.book.store.batches(known.hash))

    def _read(self, known: Known, round_: int, now: int) -> Opened | None:
        """What the store says of the round, which is opened here if it was not; None if its batch was cut meanwhile."""
        found = self.book.store.opening(known.hash, round_) or self._settle(known, round_, now)
        if found is None or found.closes <= now:
            return None
        until = ends(known.task, round_, found.closes)
        return Opened(known, round_, found.chance, found.issued, until, ARRAYS.read(Reader(found.params)))

    def _settle(self, known: Known, round_: int, now: int) -> OpeningRow | None:
        """Open the round, unless another process does first: then what that one said stays."""
        chance = known.task.chance  # a batch of one has no goal to steer towards
        if not known.streams:
            chance = steered(known.task, self.book.store.batches(known.hash), round_, now)
        slot = replace(slot_of(known, round_, now), chance=chance)
        params = ARRAYS.write(self._params(known, now))
        return self.book.store.open_round(slot, opened_at(known.task, round_, now), params)

    def _params(self, known: Known, now: int) -> Arrays:
        """As the state is now, which is read here, after `_is_between`: an older one would be asked for a whole round."""
        row = begun(self.book.store, known, self.entropy, now)
        state = state_of(row, known, self.entropy)
        if not known.trains:
            return known.algorithm.check_out(state, self.entropy)
        version = np.array([row.version], np.int64)
        if known.streams:
            return {**known.algorithm.around(state), VERSION: version}  # type: ignore[attr-defined]  # of those that stream
        return {**known.algorithm.check_out(state, self.entropy), VERSION: version}
