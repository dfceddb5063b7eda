"""The interface of whatever runs a pure function over shards.

Knows functions and shards. Leaves what they mean to others.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

S = TypeVar("S")
R = TypeVar("R")


class Engine(Protocol):
    """One method. Results come in any order; `shards` is read no faster than workers are free."""

    def map(self, function: Callable[[S], R], shards: Iterable[S]) -> Iterator[R]:
        """function(shard) for each shard, lazily, at most one result a worker alive; the first error is raised.

        function: pure and picklable (a module's function, or a partial of one), so that another process can run it
        """
        ...
