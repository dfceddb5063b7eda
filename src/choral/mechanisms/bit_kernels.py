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
def _count_bits(records, order, state):  # type: ignore[no-untyped-def]
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
        taken = 0
        while taken < MOST:
            tall = _choose(records, order, i + taken, row, chosen)
            if tall == 0:
                break
            _add_reports(flat, stride - 1, chosen[:tall], taken // TALL, work)
            taken += tall
        _finish(work, blocks, taken)
        _spill(work, _length(taken), stride - 1, state[row])
        state[row, -1] += taken
        i += taken
    return True


@njit
def _choose(records, order, i, row, chosen):  # type: ignore[no-untyped-def]
    """How many of the next sixteen reports are of this row; their places are written to `chosen`."""
    tall = 0
    while tall < TALL and i + tall < len(records):
        at = order[i + tall] if len(order) else i + tall
        if records[at, 0] != row:
            break
        chosen[tall] = at * records.shape[1]
        tall += 1
    return tall


@njit
def _add_reports(flat, words, chosen, sixteens, work):  # type: ignore[no-untyped-def]
    """Up to sixteen reports of one row, after that many sixteens before them."""
    for block in range((words + LANES - 1) // LANES):
        low = work[0, block * SPAN : (block + 1) * SPAN]
        middle = work[1, block * SPAN : (block + 1) * SPAN]
        high = work[2, block * SPAN : (block + 1) * SPAN]
        _gather(flat, chosen, 1 + block * LANES, min(LANES, words - block * LANES), low)
        _add_sixteen(low, middle[sixteens % TALL * LANES :])
        if sixteens % TALL == TALL - 1:
            _add_sixteen(middle, high[sixteens // TALL * LANES :])


@njit
def _length(n):  # type: ignore[no-untyped-def]
    """Bits that n needs."""
    bits = 0
    while n >> bits:
        bits += 1
    return bits


@njit
def _gather(flat, chosen, first, lanes, part):  # type: ignore[no-untyped-def]
    """Lines 0 .. TALL of `part` become one block of the chosen records; missing ones are zeros."""
    for r in range(len(chosen)):
        at = np.uint64(chosen[r] + first)
        if lanes == LANES:
            for i in range(LANES):
                part[r * LANES + i] = flat[at + np.uint64(i)]
        else:
            for i in range(lanes):
                part[r * LANES + i] = flat[at + np.uint64(i)]
    part[len(chosen) * LANES : TALL * LANES] = 0


@njit
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
def _spill(work, planes, words, counts):  # type: ignore[no-untyped-def]
    """Adds the numbers that lie across the planes to the counts of one row, eight planes at a time."""
    numbers = np.empty(8 * LANES, np.uint32)
    for block in range((words + LANES - 1) // LANES):
        for lowest in range(0, planes, 8):
            for i in range(8 * LANES):
                numbers[i] = 0
            for plane in range(min(planes, lowest + 8) - 1, lowest - 1, -1):
                start = block * SPAN + (TALL + plane % 4) * LANES
                _double(numbers, work[plane // 4, start : start + LANES])
            _unpack(numbers, lowest, min(LANES, words - block * LANES), counts[block * 32 * LANES :])


@compiled
def _double(numbers, line):  # type: ignore[no-untyped-def]
    """Twice the numbers plus a bit each; four share a word, a byte each: numbers[bit, lane] those of bits bit + 8 j."""
    for bit in range(8):
        for i in range(LANES):
            ones = np.uint32(np.uint32(line[i] >> np.uint32(bit)) & np.uint32(0x01010101))
            numbers[bit * LANES + i] = np.uint32(np.uint32(numbers[bit * LANES + i] << np.uint32(1)) + ones)


@compiled
def _unpack(numbers, lowest, lanes, counts):  # type: ignore[no-untyped-def]
    eight = np.empty(8, np.uint32)
    for lane in range(lanes):
        for bit in range(8):
            eight[bit] = numbers[bit * LANES + lane]
        for byte in range(4):
            part = counts[32 * lane + 8 * byte : 32 * lane + 8 * byte + 8]
            for bit in range(8):
                part[bit] += np.int64(np.uint32(eight[bit] >> np.uint32(8 * byte)) & np.uint32(255)) << lowest
