"""Bugs on purpose, in a store on disk: a harness that does not notice them is worth nothing."""

import os
from collections.abc import Sequence
from dataclasses import replace

from choral.storage import Arrival, SqliteServerStore


class AcknowledgesFirst(SqliteServerStore):
    """Says that reports are kept before they are; the next call writes them, and a crash loses the last ones."""

    later: Sequence[Arrival] = ()

    def add(self, arrivals: Sequence[Arrival]) -> tuple[bool, ...]:
        """Keep those of the call before."""
        super().add(self.later)
        self.later = list(arrivals)
        return (True,) * len(arrivals)


class CountsEachArrival(SqliteServerStore):
    """Knows no duplicate."""

    def add(self, arrivals: Sequence[Arrival]) -> tuple[bool, ...]:
        """Keep each under a name of its own."""
        return super().add([replace(arrival, id=os.urandom(32)) for arrival in arrivals])
