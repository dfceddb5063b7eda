"""The Walsh-Hadamard matrix H[i, j] = (-1)**popcount(i & j): single entries, and the fast transform of integers."""

import numpy as np
from numpy.typing import NDArray


def sign_bits(row: NDArray[np.integer], column: NDArray[np.integer]) -> NDArray[np.uint8]:
    """1 where H[row, column] is -1, else 0; uint8 of the broadcast shape."""
    return np.asarray(np.bitwise_count(row & column) & np.uint8(1), np.uint8)


def hadamard(lines: NDArray[np.int64]) -> NDArray[np.int64]:
    """lines @ H along the last axis, whose length is a power of two; exact in integers; H @ H is the length times one.

    >>> hadamard(np.array([1, 0, 0, 2])).tolist()
    [3, -1, -1, 3]
    """
    width = lines.shape[-1]
    if width < 1 or width & (width - 1):
        raise ValueError(f"need a length that is a power of two, got {width}")
    done, half = lines, 1
    while half < width:
        pairs = done.reshape(*lines.shape[:-1], width // (2 * half), 2, half)
        left, right = pairs[..., 0, :], pairs[..., 1, :]
        done = np.stack([left + right, left - right], axis=-2).reshape(lines.shape)
        half *= 2
    return done
