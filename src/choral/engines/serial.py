"""Here and now, one shard after the other."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from choral.engines.base import R, S


@dataclass(frozen=True, slots=True)
class Serial:
    """One worker: the caller.

    >>> list(Serial().map(abs, [-1, 2]))
    [1, 2]
    """

    def map(self, function: Callable[[S], R], shards: Iterable[S]) -> Iterator[R]:
        """function(shard) for each shard, in order."""
        return (function(shard) for shard in shards)
