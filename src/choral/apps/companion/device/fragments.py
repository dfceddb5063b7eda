"""A day in equal fragments, each a row of activities slot by slot, and how far two fragments are apart.

Knows ten-minute slots and activity numbers. Needs numpy alone: this is a part of the device's half.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.activities import groups

SLOT_MINUTES = 10
DAY_SLOTS = 24 * 60 // SLOT_MINUTES
WORD_BYTES = 8
ONES = np.uint64(0x0101010101010101)
SEVENS = np.uint64(0x7F7F7F7F7F7F7F7F)
Codes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Fragments:
    """How a day is cut: `per_day` fragments of equal length, compared slot by slot.

    per_day: a divisor of 144, such as 24 (an hour), 48 or 12; by_group: half credit within a two-digit time-use group,
    so that running is nearer to cycling than to the news; without it the distance is the paper's
    Source: E. Lyness, "Towards 'Her'", section IV.B: the share of activities, taken in turn, that are not the same.
    """

    per_day: int = 24
    by_group: bool = False

    def __post_init__(self) -> None:
        if self.per_day < 1 or DAY_SLOTS % self.per_day:
            raise ValueError(f"a day of {DAY_SLOTS} slots is cut into a divisor of that, got {self.per_day=}")

    @property
    def slots(self) -> int:
        """Slots of ten minutes in a fragment."""
        return DAY_SLOTS // self.per_day

    @property
    def minutes(self) -> int:
        """Length of a fragment."""
        return self.slots * SLOT_MINUTES

    @property
    def layers(self) -> int:
        """How many things are compared in each slot: the activity and, perhaps, its group."""
        return 2 if self.by_group else 1

    @property
    def farthest(self) -> int:
        """Differences between two fragments that have nothing in common; they are 1 apart."""
        return self.slots * self.layers

    def cut(self, day: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Fragments uint8[n * per_day, slots] of days uint8[n, 144]."""
        if day.ndim != 2 or day.shape[1] != DAY_SLOTS:
            raise ValueError(f"a day has {DAY_SLOTS} slots, got shape {day.shape}")
        return np.ascontiguousarray(day).reshape(-1, self.slots)

    def codes(self, rows: NDArray[np.uint8]) -> Codes:
        """Fragments as words, eight slots a word, uint64[n, words]; groups behind activities if they count."""
        layers = [rows, groups()[rows]][: self.layers]
        return np.concatenate([_packed(layer) for layer in layers], axis=1)

    def differences(self, one: Codes, others: Codes) -> NDArray[np.int64]:
        """What of `one` uint64[words] is not the same in `others` uint64[n, words]: int64[n], at most `farthest`."""
        return np.asarray(_different_bytes(others ^ one).sum(axis=-1, dtype=np.int64))

    def distance(self, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
        """Between two fragments uint8[slots]: 0 for the same, 1 for nothing in common."""
        return float(self.differences(self.codes(one[None])[0], self.codes(other[None]))[0]) / self.farthest


def distinct(codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where each different row stands first, which of them each row is, and how often each comes; all int64."""
    if codes.shape[1] == 1:
        _, first, place, count = np.unique(codes[:, 0], return_index=True, return_inverse=True, return_counts=True)
    else:
        whole = np.ascontiguousarray(codes).view([("", codes.dtype)] * codes.shape[1])[:, 0]
        _, first, place, count = np.unique(whole, return_index=True, return_inverse=True, return_counts=True)
    return first.astype(np.int64), place.astype(np.int64), count.astype(np.int64)


def _packed(rows: NDArray[np.uint8]) -> Codes:
    words = -(-rows.shape[1] // WORD_BYTES)
    padded = np.zeros((len(rows), words * WORD_BYTES), np.uint8)
    padded[:, : rows.shape[1]] = rows
    return padded.view("<u8").astype(np.uint64)


def _different_bytes(words: Codes) -> NDArray[np.uint64]:
    """How many of a word's eight bytes are not zero."""
    marks = (((words & SEVENS) + SEVENS) | words) >> np.uint64(7) & ONES
    return np.asarray((marks * ONES) >> np.uint64(56), np.uint64)
