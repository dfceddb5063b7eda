"""Payloads with one bit a category: their record, their padding, and how set bits are counted."""

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import Mask, Payloads, State
from choral.mechanisms.fast import kernels

CHUNK_BYTES = 2**22


def bitmap(domain: int) -> np.dtype[np.void]:
    """One bit a category, little bit first, filled up with zeros to whole words of 32 bits."""
    return np.dtype([("bits", "u1", (4 * -(-domain // 32),))])


def padding_is_zero(bits: NDArray[np.uint8], domain: int) -> Mask:
    """bool[n]: which rows set nothing at or above `domain`."""
    spare = np.unpackbits(bits[:, domain // 8 :], axis=1, bitorder="little")[:, domain % 8 :]
    return np.asarray(~spare.any(axis=1), np.bool_)


def is_set(payloads: Payloads, item: int) -> Mask:
    """bool[n]: which bitmaps hold `item`."""
    mask: Mask = payloads["bits"][:, item >> 3] >> (item & 7) & 1 == 1
    return mask


def add_bitmaps(state: State, payloads: Payloads) -> State:
    """`state` int64[domain] plus, for each category, the bitmaps that hold it."""
    bits = payloads["bits"]
    step = max(1, CHUNK_BYTES // bits.shape[1])
    fast = kernels(len(payloads))
    for start in range(0, len(bits), step):
        chunk = bits[start : start + step]
        if fast is None:
            state += np.unpackbits(chunk, axis=1, bitorder="little", count=len(state)).sum(axis=0, dtype=np.int64)
        else:
            records = np.zeros((len(chunk), 1 + bits.shape[1] // 4), np.uint32)
            records[:, 1:].view(np.uint8)[:] = chunk
            counted = np.zeros((1, 8 * bits.shape[1] + 1), np.int64)
            fast.count_bits(records, counted)
            state += counted[0, : len(state)]
    return state
