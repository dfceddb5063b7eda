"""What every engine must do: the same bits as one worker, lazily, and no error swallowed."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from choral.engines.base import Engine
from choral.engines.serial import Serial

MOST_AHEAD = 64  # shards an engine may have taken before its first result is used


def check_engine(engine: Engine) -> None:
    """Raises AssertionError with the broken promise, or returns."""
    _same_bits_as_serial(engine)
    _no_shards_no_results(engine)
    _reads_no_further_than_it_works(engine)
    _raises_what_the_function_raises(engine)


def _same_bits_as_serial(engine: Engine) -> None:
    shards = [np.arange(n, n + 50, dtype=np.int64) for n in range(20)]
    expected = _sum(Serial().map(_squares, shards))
    _require(bool((_sum(engine.map(_squares, iter(shards))) == expected).all()), "sums to the same bits as one worker")


def _no_shards_no_results(engine: Engine) -> None:
    _require(list(engine.map(_squares, [])) == [], "answers nothing for no shards")


def _reads_no_further_than_it_works(engine: Engine) -> None:
    taken: list[int] = []
    results = engine.map(_count, _remembered(taken, 10 * MOST_AHEAD))
    next(results)
    _require(len(taken) <= MOST_AHEAD, f"takes at most {MOST_AHEAD} shards before its first result is used")
    _require(sum(1 for _ in results) == 10 * MOST_AHEAD - 1, "gives one result a shard")


def _raises_what_the_function_raises(engine: Engine) -> None:
    try:
        list(engine.map(_refuse, [1, 2, 3]))
    except ZeroDivisionError:
        return
    _require(False, "raises what the function raises")


def _remembered(taken: list[int], count: int) -> Iterator[int]:
    for number in range(count):
        taken.append(number)
        yield number


def _squares(shard: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(shard * shard)


def _count(shard: int) -> int:
    return shard


def _refuse(shard: int) -> float:
    return shard / 0


def _sum(results: Iterator[NDArray[np.int64]]) -> NDArray[np.int64]:
    total = np.zeros(50, np.int64)
    for result in results:
        total += result
    return total


def _require(holds: bool, promise: str) -> None:
    if not holds:
        raise AssertionError(f"this engine breaks a promise: {promise}")
