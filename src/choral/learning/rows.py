"""What all models share: examples are rows with weights, and every loss is a weighted mean over them.

Knows an array namespace `xp` (numpy on a device, jax.numpy for a cohort) and named arrays. Leaves to models what a row says.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.numerics import Entropy

Floats = NDArray[np.float64]


def shares(xp: Any, weight: Any) -> Any:
    """The share of each row in a weighted mean, [n]: they sum to 1, or are all 0 where all weights are."""
    total = xp.sum(weight)
    return weight / xp.where(total > 0, total, 1)


def mean_of(values: NDArray[np.floating], weight: NDArray[np.floating]) -> tuple[float, float]:
    """The weighted mean of rows and its standard error, the rows being independent; (0, infinity) without any weight.

    >>> mean_of(np.array([1.0, 0.0, 9.0]), np.array([1.0, 1.0, 0.0]))
    (0.5, 0.5)
    """
    total, rows = float(weight.sum()), int((weight > 0).sum())
    if not rows:
        return 0.0, math.inf
    mean = float((weight * values).sum()) / total
    if rows == 1:
        return mean, math.inf
    squares = float((weight**2 * (values - mean) ** 2).sum()) * rows / (rows - 1)
    return mean, math.sqrt(squares) / total


def random_start(entropy: Entropy, size: int) -> Floats:
    """Independent uniform numbers of mean 0 and variance 1, float64[size]; one word each."""
    words = entropy.words(1, size)[0] >> np.uint64(11)
    return np.asarray((words.astype(np.float64) * 2**-52 - 1) * math.sqrt(3), np.float64)


def checked_params(params: Arrays, size: int) -> Floats:
    """The model float64[size] in `params["params"]`; ValueError for another shape or type, NaN or infinity."""
    vector = np.asarray(params.get("params", ()))
    if vector.shape != (size,) or vector.dtype.kind != "f":
        raise ValueError(f"a model of shape [{size}] was due, {vector.dtype} of shape {vector.shape} came; ask its operator")
    if not np.isfinite(vector).all():
        raise ValueError("a model holds a number that is NaN or infinite; leave it alone and tell its operator")
    return np.asarray(vector, np.float64)


def wide(examples: Arrays) -> Arrays:
    """The examples with all floats in 64 bits, as a device computes."""
    arrays = {name: np.asarray(array) for name, array in examples.items()}
    return {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in arrays.items()}
