"""Several processes of this machine."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice

from choral.engines.base import R, S


@dataclass(frozen=True, slots=True)
class Processes:
    """`workers` fresh processes for each call of `map`; worth it where a shard takes longer than sending its result."""

    workers: int

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"need workers >= 1, got {self.workers=}")

    def map(self, function: Callable[[S], R], shards: Iterable[S]) -> Iterator[R]:
        """function(shard) for each shard, in the order in which they are done."""
        waiting = iter(shards)
        with ProcessPoolExecutor(self.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            running: set[Future[R]] = {pool.submit(function, shard) for shard in islice(waiting, self.workers)}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                while done:
                    yield done.pop().result()
                    running |= {pool.submit(function, shard) for shard in islice(waiting, 1)}
