"""What a check-out's parameters may be, and what a device half may cost: judged before any person's data are looked at.

Knows arrays and numbers. Leaves to algorithms which arrays they check out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays

VERSION = "version"  # beside the arrays of an algorithm that trains: int64[1], of the model
MOST_WEIGHT = 2.0**40  # of a model's numbers: beyond it nothing is learnt, and sums of products would overflow


@dataclass(frozen=True, slots=True)
class ArrayRule:
    """One array. kinds: of its type, as numpy names them ("f", "iu"); shape: lengths, None for any; least, most: of a number"""

    kinds: str
    shape: tuple[int | None, ...]
    least: float
    most: float

    def problem(self, array: NDArray[Any]) -> str:
        """What is wrong with the array; empty if nothing is."""
        fits = len(array.shape) == len(self.shape) and all(
            want in (None, length) for want, length in zip(self.shape, array.shape, strict=True)
        )
        if not fits or array.dtype.kind not in self.kinds:
            lengths = ", ".join("any" if length is None else str(length) for length in self.shape)
            return f"is {array.dtype} of shape {list(array.shape)}, due is one of kind {self.kinds!r} and shape [{lengths}]"
        if array.size and not (array.min() >= self.least and array.max() <= self.most):  # nor is NaN
            return f"holds a number outside [{self.least:g}, {self.most:g}]"
        return ""


@dataclass(frozen=True, slots=True)
class Work:
    """What a device half costs at most. operations: on single numbers; numbers: held in memory at a time"""

    operations: int
    numbers: int


def weights(size: int) -> ArrayRule:
    """The rule of a flat model of so many numbers."""
    return ArrayRule("f", (size,), -MOST_WEIGHT, MOST_WEIGHT)


def require_arrays(params: Arrays, rules: Mapping[str, ArrayRule], *, trains: bool = False) -> None:
    """ValueError unless `params` are exactly the arrays of these rules; where a model is trained, perhaps its version too."""
    allowed = {**rules, VERSION: ArrayRule("iu", (1,), 0, 2**32)} if trains else rules
    for name in params:
        if name not in allowed:
            raise ValueError(f"there is an array {str(name)[:40]!r} too many")
    for name, rule in allowed.items():
        if name not in params and name in rules:
            raise ValueError(f"the array {name!r} is missing")
        problem = rule.problem(np.asarray(params[name])) if name in params else ""
        if problem:
            raise ValueError(f"the array {name!r} {problem}")
