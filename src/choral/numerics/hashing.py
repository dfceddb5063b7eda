"""Keyed hash families that every device, server and language computes alike. Never Python's `hash`."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from numpy.typing import NDArray

KEY_BITS = 48  # keys of 48 bits leave 17 bits of width within the 64 that pairwise independence needs


@dataclass(frozen=True, slots=True)
class HashFamily:
    """`rows` pairwise independent functions from [0, 2**48) onto [0, width), derived from one published seed.

    seed: 32 bytes; rows: 1 to 2**20; width: a power of two, 2 to 2**17
    Source: Dietzfelbinger (STACS 1996), multiply-shift: (a * x + b mod 2**64) >> (64 - log2 width).
    """

    seed: bytes
    rows: int
    width: int

    def __post_init__(self) -> None:
        if len(self.seed) != 32 or not 1 <= self.rows <= 2**20:
            raise ValueError(f"need a seed of 32 bytes and 1 <= rows <= 2**20, got {len(self.seed)=}, {self.rows=}")
        if not 2 <= self.width <= 2**17 or self.width & (self.width - 1):
            raise ValueError(f"need a width that is a power of two, 2 to 2**17, got {self.width=}")

    @property
    def shift(self) -> int:
        """How far the product is shifted: 64 - log2(width)."""
        return 64 - (self.width.bit_length() - 1)

    def coefficients(self) -> NDArray[np.uint64]:
        """The pairs (a, b), uint64[rows, 2], read-only."""
        return _coefficients(self.seed, self.rows)

    def __call__(self, row: NDArray[np.integer], key: NDArray[np.integer]) -> NDArray[np.int64]:
        """Bucket of key[i] under function row[i]; both broadcast; int64 in [0, width)."""
        pairs = self.coefficients()[row]
        product = pairs[..., 0] * key.astype(np.uint64) + pairs[..., 1]
        buckets: NDArray[np.int64] = (product >> np.uint64(self.shift)).astype(np.int64)
        return buckets


def fingerprint(text: str, salt: bytes = b"") -> int:
    """A 48-bit key of a string (BLAKE2b), for domains too large to number."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6, key=salt).digest(), "little")


@lru_cache(maxsize=8)
def _coefficients(seed: bytes, rows: int) -> NDArray[np.uint64]:
    key = hashlib.sha256(b"choral/hash-family/1\0" + seed).digest()
    stream = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(16 * rows))
    pairs = np.frombuffer(stream, "<u8").astype(np.uint64).reshape(rows, 2)
    pairs.flags.writeable = False
    return pairs
