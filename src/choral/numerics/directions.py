"""Public random directions that anyone can expand from a seed of 64 bits: integers that look Gaussian in every direction.

Knows seeds, directions and inner products. Leaves to others why one direction is chosen and another is not.
Every coordinate is one of 2**16 equally likely integers, the Gaussian's conditional means between its quantiles; the
same on every machine. Inner products are exact: they are sums of integers that stay below 2**53.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from types import ModuleType

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from numpy.typing import NDArray

from choral.numerics.entropy import BULK_ROWS

LEVELS = 2**16
SCALE = 7000  # of a coordinate with variance 1; the largest level is 30,9xx and fits 16 bits
MOST_SUM = 2**53  # up to which float64 holds every integer
CHUNK = 2**17  # coordinates expanded at a time: 1 MiB as float64
Seeds = NDArray[np.uint64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Directions:
    """Number `j` of a seed is a vector of `dimension` independent integers with mean 0 and standard deviation `spread()`.

    key: 32 public bytes that name the family; dimension: coordinates, 1 to 2**17
    ChaCha20 under `key`, the seed as nonce; direction j starts at block j * blocks, 16 bits a coordinate, little-endian.
    """

    key: bytes
    dimension: int

    @property
    def blocks(self) -> int:
        """Blocks of 64 bytes of keystream that one direction takes."""
        return -(-2 * self.dimension // 64)

    def expand(self, seed: int, first: int, count: int) -> NDArray[np.int16]:
        """Directions first .. first + count of one seed, int16[count, dimension]."""
        return gaussian_levels()[self._indices(seed, first, count)]

    def scores(self, seeds: Seeds, points: Integers, count: int) -> Integers:
        """Exact inner products of point i with the first `count` directions of seed i, int64[n, count].

        points: int64[n, dimension], of norm at most 2**25
        """
        if len(seeds) >= BULK_ROWS and (kernels := _kernels()) is not None:
            fast: Integers = kernels.scores(self.key, seeds, points, count, gaussian_levels())
            return fast
        out = np.empty((len(seeds), count), np.int64)
        step = max(1, CHUNK // self.dimension)
        for row, seed in enumerate(seeds.tolist()):
            point = points[row].astype(np.float64)
            for first in range(0, count, step):
                part = _float_levels()[self._indices(seed, first, min(step, count - first))]
                out[row, first : first + step] = (part @ point).astype(np.int64)
        return out

    def add(self, sums: Integers, seeds: Seeds, first: Integers, weights: Integers) -> None:
        """Adds to sums int64[dimension] what seed i's directions first[i], first[i] + 1, ... weigh, by weights int64[n, m]."""
        if len(seeds) >= BULK_ROWS and (kernels := _kernels()) is not None:
            kernels.add(self.key, seeds, first, weights, gaussian_levels(), sums)
            return
        count = weights.shape[1]
        for row, seed in enumerate(seeds.tolist()):
            sums += weights[row] @ self.expand(seed, int(first[row]), count).astype(np.int64)

    def _indices(self, seed: int, first: int, count: int) -> NDArray[np.uint16]:
        nonce = (first * self.blocks).to_bytes(4, "little") + seed.to_bytes(12, "little")
        stream = Cipher(ChaCha20(self.key, nonce), mode=None).encryptor().update(bytes(64 * self.blocks * count))
        return np.frombuffer(stream, "<u2").reshape(count, 32 * self.blocks)[:, : self.dimension]


@lru_cache(maxsize=1)
def gaussian_levels() -> NDArray[np.int16]:
    """The 2**16 equally likely values of a coordinate, rising, int16, read-only; level 65535 - i is minus level i.

    Level i is the mean of a standard Gaussian between its quantiles i / 2**16 and (i + 1) / 2**16, times `SCALE`.
    """
    normal, half = NormalDist(), LEVELS // 2
    edges = [0.0, *(normal.inv_cdf(0.5 + i / LEVELS) for i in range(1, half))]
    heights = np.array([*(math.exp(-edge * edge / 2) for edge in edges), 0.0]) / math.sqrt(2 * math.pi)
    upper = np.rint(SCALE * LEVELS * (heights[:-1] - heights[1:])).astype(np.int16)
    levels = np.concatenate([-upper[::-1], upper])
    levels.flags.writeable = False
    return levels


@lru_cache(maxsize=1)
def spread() -> float:
    """The exact standard deviation of a coordinate."""
    squares: NDArray[np.int64] = gaussian_levels().astype(np.int64) ** 2
    return math.sqrt(int(squares.sum()) / LEVELS)


@lru_cache(maxsize=1)
def _float_levels() -> NDArray[np.float64]:
    levels = gaussian_levels().astype(np.float64)
    levels.flags.writeable = False
    return levels


def _kernels() -> ModuleType | None:
    """The compiled twins of the loops here, or None where numba is not installed (a bare device)."""
    try:
        from choral.numerics import direction_kernels
    except ImportError:
        return None
    return direction_kernels
