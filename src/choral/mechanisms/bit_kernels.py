"""Positional popcount, compiled: how often each bit of a row's reports is set. Needs numba (the `server` extra).

Bit-sliced: 512 reports' bits are added side by side in carry-save form, and unpacked once for thousands of reports.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from choral.numerics.kernels import compiled

LANES = 16  # words of 32 bits in a 512-bit register
TALL = 16  # lines that one carry-save addition takes in
SPAN = (TALL + 4) * LANES  # a block's sixteen lines, then its planes of weight 1, 2, 4 and 8
MOST = TALL * TALL * 15  # reports that twelve planes can count
SPREAD = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little").view("<u8")[:, 0].astype(np.uint64)


def count_bits(records: NDArray[np.uint32], state: NDArray[np.int64]) -> None:
    """Adds to state[row, 32 * w] the set bits of each row's records uint32[n, 1 + w], and to its last cell their number.

    Fastest when records of one row stand together, as a shuffle may leave them; else they are first put in order.
    """
    if records.shape[1] * 32 - 31 != state.shape[1]:
        raise ValueError(f"records {records.shape} do not fit a state {state.shape}")
    sample = records[: len(records) - 1 : 97, 0] == records[1::97, 0]
    together = len(sample) == 0 or sample.mean() > 0.5
    if not _count_bits(records, np.empty(0, np.int64) if together else _order(records, len(state)), state):
        raise ValueError(f"a record's row lies outside [0, {len(state)}); sum legal payloads only")


@compiled
def _order(records, rows):  # type: ignore[no-untyped-def]
    """Positions of the records, row by row: a counting sort."""
    place = np.zeros(rows + 1, np.int64)
    for i in range(len(records)):
        if records[i, 0] >= rows:
            return np.array([i])  # the caller finds it first, and stops
        place[records[i, 0] + 1] += 1
    for row in range(rows):
        place[row + 1] += place[row]
    order = np.empty(len(records), np.int64)
    for i in range(len(records)):
        row = records[i, 0]
        order[place[row]] = i
        place[row] += 1
    return order


@compiled
def _count_bits(records, order, state):  # type: ignore[no-untyped-def]  # noqa: C901  # split, it counts at half the speed
    """Three levels of carry-save addition: sixteen reports give a line of the next level, sixteen of those one of the last."""
    n, stride = records.shape
    flat = records.reshape(-1)
    blocks = (stride - 1 + LANES - 1) // LANES
    work = np.zeros((3, blocks * SPAN), np.uint32)
    chosen = np.empty(TALL, np.int64)
    i = 0
    while i < n:
        row = records[order[i] if len(order) else i, 0]
        if row >= len(state):
            return False
        work[:] = 0
        start = i
        while i - start < MOST:
            tall = 0
            while tall < TALL and i < n:
                at = order[i] if len(order) else i
                if records[at, 0] != row:
                    break
                chosen[tall] = at * stride
                tall += 1
                i += 1
            if tall == 0:
                break
            sixteens = (i - start - 1) // TALL
            for block in range(blocks):
                low = work[0, block * SPAN : (block + 1) * SPAN]
                middle = work[1, block * SPAN : (block + 1) * SPAN]
                high = work[2, block * SPAN : (block + 1) * SPAN]
                _gather(flat, chosen, tall, 1 + block * LANES, min(LANES, stride - 1 - block * LANES), low)
                _add_sixteen(low, middle[sixteens % TALL * LANES :])
                if sixteens % TALL == TALL - 1:
                    _add_sixteen(middle, high[sixteens // TALL * LANES :])
        _finish(work, blocks, i - start)
        _spill(work, _length(i - start), stride - 1, state[row])
        state[row, -1] += i - start
    return True


@njit(inline="always")
def _length(n):  # type: ignore[no-untyped-def]
    """Bits that n needs."""
    bits = 0
    while n >> bits:
        bits += 1
    return bits


@njit(inline="always")
def _gather(flat, chosen, tall, first, lanes, part):  # type: ignore[no-untyped-def]
    """Lines 0 .. TALL of `part` become one block of the chosen records; missing ones are zeros."""
    for r in range(tall):
        at = np.uint64(chosen[r] + first)
        if lanes == LANES:
            for i in range(LANES):
                part[r * LANES + i] = flat[at + np.uint64(i)]
        else:
            for i in range(lanes):
                part[r * LANES + i] = flat[at + np.uint64(i)]
    part[tall * LANES : TALL * LANES] = 0


@njit(inline="always")
def _full(a, b, c):  # type: ignore[no-untyped-def]
    """Sum and carry of three bits, 32 side by side."""
    half = np.uint32(a ^ b)
    return np.uint32(half ^ c), np.uint32((a & b) | (half & c))


@compiled
def _add_sixteen(part, carries):  # type: ignore[no-untyped-def]
    """Harley and Seal's tree: the lines of `part` into its planes; what overflows is a line of weight 16."""
    for i in range(LANES):
        ones, a = _full(part[16 * LANES + i], part[i], part[LANES + i])
        ones, b = _full(ones, part[2 * LANES + i], part[3 * LANES + i])
        twos, c = _full(part[17 * LANES + i], a, b)
        ones, a = _full(ones, part[4 * LANES + i], part[5 * LANES + i])
        ones, b = _full(ones, part[6 * LANES + i], part[7 * LANES + i])
        twos, d = _full(twos, a, b)
        fours, e = _full(part[18 * LANES + i], c, d)
        ones, a = _full(ones, part[8 * LANES + i], part[9 * LANES + i])
        ones, b = _full(ones, part[10 * LANES + i], part[11 * LANES + i])
        twos, c = _full(twos, a, b)
        ones, a = _full(ones, part[12 * LANES + i], part[13 * LANES + i])
        ones, b = _full(ones, part[14 * LANES + i], part[15 * LANES + i])
        twos, d = _full(twos, a, b)
        fours, f = _full(fours, c, d)
        eights, sixteens = _full(part[19 * LANES + i], e, f)
        part[16 * LANES + i] = ones
        part[17 * LANES + i] = twos
        part[18 * LANES + i] = fours
        part[19 * LANES + i] = eights
        carries[i] = sixteens


@compiled
def _finish(work, blocks, taken):  # type: ignore[no-untyped-def]
    """Brings lines that still wait into the planes; a level without any is left alone."""
    nothing = np.empty(LANES, np.uint32)
    for block in range(blocks):
        middle = work[1, block * SPAN : (block + 1) * SPAN]
        high = work[2, block * SPAN : (block + 1) * SPAN]
        waiting = (taken + TALL - 1) // TALL % TALL
        full = (taken + TALL - 1) // TALL // TALL
        if waiting:
            middle[waiting * LANES : TALL * LANES] = 0
            _add_sixteen(middle, high[full * LANES :])
        if full + (waiting > 0):
            _add_sixteen(high, nothing)


@compiled
def _spill(work, planes, width, counts):  # type: ignore[no-untyped-def]
    """Adds the numbers that lie across the planes to the counts of one row, eight planes and eight counts at a time."""
    for word in range(width):
        line = word // LANES * SPAN + TALL * LANES + word % LANES
        for lowest in range(0, planes, 8):
            numbers = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
            for plane in range(min(planes, lowest + 8) - 1, lowest - 1, -1):
                bits = np.uint64(work[plane >> 2, line + (plane & 3) * LANES])
                numbers = _doubled(numbers, bits)
            for byte in range(4):
                part = counts[32 * word + 8 * byte : 32 * word + 8 * byte + 8]
                for bit in range(8):
                    part[bit] += np.int64(((numbers[byte] >> np.uint64(8 * bit)) & np.uint64(255)) << np.uint64(lowest))


@njit(inline="always")
def _doubled(numbers, bits):  # type: ignore[no-untyped-def]
    """Twice the 32 numbers, a byte each, plus one bit each."""
    return (
        (numbers[0] << np.uint64(1)) + SPREAD[bits & np.uint64(255)],
        (numbers[1] << np.uint64(1)) + SPREAD[(bits >> np.uint64(8)) & np.uint64(255)],
        (numbers[2] << np.uint64(1)) + SPREAD[(bits >> np.uint64(16)) & np.uint64(255)],
        (numbers[3] << np.uint64(1)) + SPREAD[bits >> np.uint64(24)],
    )
