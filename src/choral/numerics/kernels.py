"""Compiled twins of slow, obvious code. Needs numba (the `server` extra); a bare device never imports this."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

LANES = 16  # ChaCha20 blocks computed side by side, in registers of whatever width the machine has
CHUNK_WORDS = 2**17  # words of keystream held at a time while flipping: 1 MiB


def compiled(function: Callable[..., Any]) -> Any:
    """`function` compiled when first called, kept on disk where a disk may be written, without the interpreter's lock."""
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba finds no folder that it may write: compile anew in each process
        return njit(nogil=True)(function)


def chacha_streams(key: bytes, stream: int, start: int, rows: int, count: int) -> NDArray[np.uint64]:
    """Words start .. start + count of ChaCha20 streams stream .. stream + rows, as uint64[rows, count]."""
    out = np.empty((rows, count), np.uint64)
    _fill(_key_words(key), np.uint64(stream), start, out)
    return out


def chacha_flips(key: bytes, stream: int, start: int, rows: int, width: int, bits: int, numerator: int) -> NDArray[np.uint64]:
    """Bit-sliced comparison with `numerator` of `bits` planes of `width` words a row, from `start`, as uint64[rows, width]."""
    out = np.empty((rows, width), np.uint64)
    step = max(1, CHUNK_WORDS // (bits * width))
    words = np.empty((min(step, rows), bits * width), np.uint64)
    for first in range(0, rows, step):
        chunk = out[first : first + step]
        _fill(_key_words(key), np.uint64(stream + first), start, words[: len(chunk)])
        _less(words, bits, numerator, chunk)
    return out


def _key_words(key: bytes) -> NDArray[np.uint32]:
    return np.frombuffer(key, "<u4").astype(np.uint32)


@compiled
def _less(words, bits, numerator, out):  # type: ignore[no-untyped-def]
    rows, width = out.shape
    for row in range(rows):
        for word in range(width):
            out[row, word] = 0
        for bit in range(bits):
            if numerator >> bit & 1:
                for word in range(width):
                    out[row, word] |= ~words[row, bit * width + word]
            else:
                for word in range(width):
                    out[row, word] &= ~words[row, bit * width + word]


@njit
def _rotated(x, bits):  # type: ignore[no-untyped-def]
    return np.uint32((x << np.uint32(bits)) | (x >> np.uint32(32 - bits)))


@njit
def _quarter(s, a, b, c, d):  # type: ignore[no-untyped-def]
    for i in range(LANES):
        va, vb, vc, vd = s[a * LANES + i], s[b * LANES + i], s[c * LANES + i], s[d * LANES + i]
        va = np.uint32(va + vb)
        vd = _rotated(np.uint32(vd ^ va), 16)
        vc = np.uint32(vc + vd)
        vb = _rotated(np.uint32(vb ^ vc), 12)
        va = np.uint32(va + vb)
        vd = _rotated(np.uint32(vd ^ va), 8)
        vc = np.uint32(vc + vd)
        vb = _rotated(np.uint32(vb ^ vc), 7)
        s[a * LANES + i], s[b * LANES + i], s[c * LANES + i], s[d * LANES + i] = va, vb, vc, vd


@compiled
def _blocks(first, s):  # type: ignore[no-untyped-def]
    for word in range(16 * LANES):
        s[word] = first[word]
    for _ in range(10):
        _quarter(s, 0, 4, 8, 12)
        _quarter(s, 1, 5, 9, 13)
        _quarter(s, 2, 6, 10, 14)
        _quarter(s, 3, 7, 11, 15)
        _quarter(s, 0, 5, 10, 15)
        _quarter(s, 1, 6, 11, 12)
        _quarter(s, 2, 7, 8, 13)
        _quarter(s, 3, 4, 9, 14)
    for word in range(16 * LANES):
        s[word] += first[word]


@compiled
def _fill(key, stream, start, out):  # type: ignore[no-untyped-def]
    """Each lane is one block of one row; a group of lanes runs on from row to row."""
    first, s = np.zeros(16 * LANES, np.uint32), np.empty(16 * LANES, np.uint32)
    head = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
    for lane in range(LANES):
        for word in range(4):
            first[word * LANES + lane] = head[word]
        for word in range(8):
            first[(4 + word) * LANES + lane] = key[word]
    rows, count = out.shape
    least = start // 8
    blocks = (start + count + 7) // 8 - least
    for group in range(0, rows * blocks, LANES):
        for lane in range(LANES):
            number = stream + np.uint64((group + lane) // blocks)
            first[12 * LANES + lane] = np.uint32(least + (group + lane) % blocks)
            first[13 * LANES + lane] = np.uint32(number & np.uint64(0xFFFFFFFF))
            first[14 * LANES + lane] = np.uint32(number >> np.uint64(32))
        _blocks(first, s)
        for lane in range(min(LANES, rows * blocks - group)):
            row, block = divmod(group + lane, blocks)
            at = 8 * (least + block) - start
            for word in range(max(0, -at), min(8, count - at)):
                out[row, at + word] = np.uint64(s[2 * word * LANES + lane]) | (
                    np.uint64(s[(2 * word + 1) * LANES + lane]) << np.uint64(32)
                )


@compiled
def transform_line(line):  # type: ignore[no-untyped-def]
    """Walsh-Hadamard transform of a line of integers, in place; its length is a power of two."""
    half = 1
    while half < len(line):
        for start in range(0, len(line), 2 * half):
            left, right = line[start : start + half], line[start + half : start + 2 * half]
            for i in range(half):
                a, b = left[i], right[i]
                left[i], right[i] = a + b, a - b
        half *= 2
