"""Where random bits come from, and the three exact draws that every randomizer is built on.

Knows words of 64 bits and streams. Leaves to others what a draw means.
Row i of a call draws from stream i only, so that a cohort's bits equal its devices' bits.
"""

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import ModuleType
from typing import Protocol

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from numpy.typing import NDArray

Words = NDArray[np.uint64]
UNIT = 2**64  # `chance` counts in units of 1 / UNIT
FLIP_BITS = 24
FLIP_UNIT: int = 2**FLIP_BITS  # `flips` counts in units of 1 / FLIP_UNIT
REKEY_WORDS = 2**27  # 1 GiB of keystream under one key, far below ChaCha20's 256 GiB
BULK_ROWS = 32  # from here on a compiled kernel, where there is one, beats a call per row


class Entropy(Protocol):
    """Exact draws; row i of each answer comes from stream i and from nothing else."""

    def below(self, rows: int, bound: int) -> Words:
        """Integers in [0, bound), uint64[rows], each value with chance within 2**-64 of 1 / bound."""
        ...

    def chance(self, rows: int, numerator: int) -> NDArray[np.bool_]:
        """bool[rows], true with chance exactly numerator / 2**64."""
        ...

    def flips(self, rows: int, count: int, numerator: int) -> NDArray[np.uint8]:
        """Packed bits uint8[rows, count / 8], each set with chance exactly numerator / 2**24; count % 64 == 0 or count < 64."""
        ...

    def words(self, rows: int, count: int) -> Words:
        """Uniform words uint64[rows, count]."""
        ...


class WordEntropy(ABC):
    """The three draws made from uniform words; a source supplies `words` and nothing else."""

    __slots__ = ()

    @abstractmethod
    def words(self, rows: int, count: int) -> Words:
        """Uniform words uint64[rows, count]."""

    def below(self, rows: int, bound: int) -> Words:
        """Integers in [0, bound), uint64[rows]; one word each; 1 <= bound <= 2**63."""
        if not 1 <= bound <= 2**63:
            raise ValueError(f"need 1 <= bound <= 2**63, got {bound=}")
        return self.words(rows, 1)[:, 0] % np.uint64(bound)

    def chance(self, rows: int, numerator: int) -> NDArray[np.bool_]:
        """bool[rows], true with chance numerator / 2**64; one word each."""
        if not 0 <= numerator < UNIT:
            raise ValueError(f"need 0 <= numerator < 2**64, got {numerator=}")
        return self.words(rows, 1)[:, 0] < np.uint64(numerator)

    def flips(self, rows: int, count: int, numerator: int) -> NDArray[np.uint8]:
        """Packed bits uint8[rows, ceil(count / 8)], little bit first; FLIP_BITS words for each 64 bits.

        Bit-sliced comparison of a random integer with `numerator`, from the lowest bit up.
        """
        if not 0 < numerator < FLIP_UNIT or count < 1:
            raise ValueError(f"need 0 < numerator < 2**{FLIP_BITS} and count >= 1, got {numerator=}, {count=}")
        less = self._less(rows, -(-count // 64), numerator)
        if count % 64:
            less[:, -1] &= np.uint64((1 << count % 64) - 1)
        return less.astype("<u8").view(np.uint8)[:, : -(-count // 8)]

    def _less(self, rows: int, width: int, numerator: int) -> Words:
        """64 * width comparisons a row, uint64[rows, width]; plane `bit` of the random integers is `width` words."""
        planes = self.words(rows, FLIP_BITS * width).reshape(rows, FLIP_BITS, width)
        less = np.zeros((rows, width), np.uint64)
        for bit in range(FLIP_BITS):
            zeros = ~planes[:, bit]
            less = (less | zeros) if numerator >> bit & 1 else (less & zeros)
        return less


class SystemEntropy(WordEntropy):
    """What a device uses: a ChaCha20 keystream keyed by the operating system; cannot be seeded or replayed.

    A fork draws a new key, so that parent and child never share noise. Not for sharing between threads.
    """

    __slots__ = ("_keystream", "_left", "_process")

    def __init__(self) -> None:
        self._process = -1
        self._left = 0
        self._keystream: CipherContext = _keystream(bytes(32), 0)

    def words(self, rows: int, count: int) -> Words:
        """Uniform words uint64[rows, count]."""
        if self._process != os.getpid() or self._left < rows * count:
            self._keystream = _keystream(os.urandom(32), 0)
            self._process, self._left = os.getpid(), max(REKEY_WORDS, rows * count)
        self._left -= rows * count
        stream = self._keystream.update(bytes(8 * rows * count))
        return np.frombuffer(stream, "<u8").astype(np.uint64).reshape(rows, count)


class SeededEntropy(WordEntropy):
    """What a simulation uses: row i reads stream `stream + i` of `seed`, from where the last call stopped.

    Never for a real device: whoever knows the seed can take the noise off.
    """

    __slots__ = ("_key", "_position", "_stream")

    def __init__(self, seed: int, stream: int = 0) -> None:
        self._key = hashlib.sha256(b"choral/seeded-entropy/1\0" + str(seed).encode()).digest()
        self._stream = stream
        self._position = 0

    def words(self, rows: int, count: int) -> Words:
        """Uniform words uint64[rows, count]."""
        start, self._position = self._position, self._position + count
        if rows >= BULK_ROWS and (kernels := _kernels()) is not None:
            fast: Words = kernels.chacha_streams(self._key, self._stream, start, rows, count)
            return fast
        return _streams(self._key, self._stream, start, rows, count)

    def _less(self, rows: int, width: int, numerator: int) -> Words:
        """The same bits, for a cohort without holding its keystream: 3 KB a row of 1,024 flips."""
        if rows < BULK_ROWS or (kernels := _kernels()) is None:
            return super()._less(rows, width, numerator)
        start, self._position = self._position, self._position + FLIP_BITS * width
        fast: Words = kernels.chacha_flips(self._key, self._stream, start, rows, width, FLIP_BITS, numerator)
        return fast


class ScriptedEntropy(WordEntropy):
    """What vectors and traces use: the words given, in order; raises when it runs short."""

    __slots__ = ("_words",)

    def __init__(self, words: Sequence[int]) -> None:
        self._words = list(words)

    def words(self, rows: int, count: int) -> Words:
        """The next rows * count words as uint64[rows, count], row by row."""
        if rows * count > len(self._words):
            raise ValueError(f"the script is short: {rows * count} words wanted, {len(self._words)} left")
        taken, self._words = self._words[: rows * count], self._words[rows * count :]
        return np.array(taken, np.uint64).reshape(rows, count)


def _keystream(key: bytes, stream: int, block: int = 0) -> CipherContext:
    """ChaCha20 of RFC 8439: a 32-bit block counter, then a 96-bit nonce that holds the stream's number."""
    nonce = block.to_bytes(4, "little") + stream.to_bytes(12, "little")
    return Cipher(ChaCha20(key, nonce), mode=None).encryptor()


def _streams(key: bytes, stream: int, start: int, rows: int, count: int) -> Words:
    """Words start .. start + count of `rows` streams, one cipher call a row."""
    block, skip = divmod(start, 8)
    zeros = bytes(8 * (skip + count))
    out = np.empty((rows, count), np.uint64)
    for row in range(rows):
        out[row] = np.frombuffer(_keystream(key, stream + row, block).update(zeros), "<u8")[skip:]
    return out


def _kernels() -> ModuleType | None:
    """The compiled twins of the loops here, or None where numba is not installed (a bare device)."""
    try:
        from choral.numerics import kernels
    except ImportError:
        return None
    return kernels
