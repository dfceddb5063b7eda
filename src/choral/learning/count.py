"""Counting: statistics as the simplest way to learn."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.post_processing import base_cut, norm_sub, significant
from choral.learning.schema import Work, require_arrays
from choral.mechanisms import Estimate
from choral.numerics import Entropy

PUBLISHED = ("estimate", "stderr", "norm_sub", "base_cut", "significant")


@dataclass(frozen=True, slots=True)
class Count:
    """A histogram over a known dictionary; releases only counts that stand out of the noise.

    threshold_milli: thousandths of a standard error that a count must exceed to be released, 0 to 100,000
    dictionary: hash of the Release that names the categories, 32 bytes; empty if numbers are names enough
    """

    NAME: ClassVar[str] = "count/1"
    threshold_milli: int = 3000
    dictionary: bytes = b""

    def __post_init__(self) -> None:
        if len(self.dictionary) not in (0, 32):
            raise ValueError(f"a dictionary's hash has 32 bytes, got {len(self.dictionary)}")
        if not 0 <= self.threshold_milli <= 100_000:
            raise ValueError(f"need 0 <= threshold_milli <= 100_000, got {self.threshold_milli=}")

    def init(self, entropy: Entropy) -> Arrays:
        """Nothing is kept between batches: no overlapping release can be subtracted from another."""
        return {}

    def check_out(self, state: Arrays, entropy: Entropy) -> Arrays:
        """A count needs no parameters."""
        return {}

    def require_params(self, params: Arrays) -> None:
        """ValueError for any parameters at all."""
        require_arrays(params, {})

    def device_work(self, params: Arrays, rows: int) -> Work:
        """A copy."""
        return Work(rows, 2 * rows)

    def contribute(self, params: Arrays, examples: Arrays) -> NDArray[Any]:
        """The categories themselves: int64[n] from examples["category"]."""
        return np.asarray(examples["category"], np.int64)

    def fold(self, state: Arrays, update: Estimate, entropy: Entropy) -> Arrays:
        """The batch's histogram: `estimate` (unbiased) with `stderr`; `norm_sub` and `base_cut`, which are consistent and
        biased; `significant`, at 5 % false discoveries; and `released`, by the task's own threshold.
        """
        return {
            "estimate": update.values,
            "stderr": update.stderr,
            "norm_sub": norm_sub(update.values, update.n),
            "base_cut": base_cut(update.values, update.stderr),
            "significant": significant(update.values, update.stderr),
            "released": update.values > self.threshold_milli / 1000 * update.stderr,
        }

    def publish(self, state: Arrays) -> Arrays:
        """Released items only, commonest first: `item` int64[r], the four values float64[r], `significant` bool[r]."""
        if not state:
            return {}
        item = np.flatnonzero(state["released"])
        item = item[np.argsort(-state["estimate"][item], kind="stable")]
        return {"item": item, **{name: state[name][item] for name in PUBLISHED}}
