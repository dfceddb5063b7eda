"""Clustering rows of categories by counting: each device counts its own rows, and sums of counts give the next centres."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.rows import mean_of
from choral.learning.schema import ArrayRule, Work, require_arrays
from choral.mechanisms import Estimate
from choral.numerics import Entropy

MOST_NUMBERS = 2**22


@dataclass(frozen=True, slots=True)
class KModes:
    """Each round assigns every device's rows to the nearest centre, and moves each centre to its rows' commonest categories.

    clusters, slots, categories: k centres of `slots` numbers, each in [0, categories)
    start: hash of a public Release whose `modes` are the first centres; empty for random ones
    canaries: hash of a public Release of rows, from which no version's centres may lie clearly farther; empty for none
    A device's rows weigh 1 together, whatever their number, so one device's part has an L2 norm of at most sqrt(slots). The
    sums have clusters x slots x categories numbers, and a centre moves where these stand out of the noise. With a trusted
    sum that takes thousands of devices, under local privacy up to millions (docs/experiments/her.md).
    Source: Huang (Data Mining and Knowledge Discovery 1998).
    """

    NAME: ClassVar[str] = "k-modes/1"
    clusters: int
    slots: int
    categories: int
    start: bytes = b""
    canaries: bytes = b""

    def __post_init__(self) -> None:
        sizes = (self.clusters, self.slots, self.categories)
        if min(sizes) < 1 or self.categories > 2**16 or self.size > MOST_NUMBERS:
            raise ValueError(f"need positive sizes, at most {MOST_NUMBERS} numbers in all, got {sizes}")
        for name, value in (("start", self.start), ("canaries", self.canaries)):
            if len(value) not in (0, 32):
                raise ValueError(f"{name} is a Release's hash of 32 bytes, or empty; got {len(value)} bytes")

    @property
    def size(self) -> int:
        """Numbers of a report."""
        return self.clusters * self.slots * self.categories

    @property
    def telling(self) -> float:
        """Standard errors by which a category must lead: noise alone moves any centre in one round of seven at most.

        A lead of two noisy numbers over sqrt(2) standard errors exceeds t with chance exp(-t**2 / 2) / (t sqrt(2 pi));
        t = sqrt(2 ln size) leaves all `size` leads together a chance of 1 / sqrt(4 pi ln size), below 1/7 from 50 numbers on.
        """
        return 2 * math.sqrt(math.log(self.size))

    @property
    def clip_norm(self) -> float:
        """The L2 norm that no report exceeds."""
        return float(np.sqrt(self.slots))

    def init(self, entropy: Entropy) -> Arrays:
        """Random centres; where a public Release is the start, use `started`."""
        if self.start:
            raise ValueError(f"this task starts from Release {self.start.hex()}; give its arrays to `started`")
        words = entropy.words(1, self.clusters * self.slots)[0] % np.uint64(self.categories)
        return self._state(words.astype(np.int64).reshape(self.clusters, self.slots), np.zeros(self.clusters), 0)

    def started(self, release: Arrays) -> Arrays:
        """The state that begins from a Release's `modes`; ValueError for another shape or category."""
        return self._state(self._checked(release), np.zeros(self.clusters), 0)

    def check_out(self, state: Arrays, entropy: Entropy) -> Arrays:
        """The centres: `modes` uint16[clusters, slots]."""
        return {"modes": state["modes"].astype(np.uint16)}

    def require_params(self, params: Arrays) -> None:
        """ValueError unless `modes` is int[clusters, slots] of categories."""
        rule = ArrayRule("iu", (self.clusters, self.slots), 0, self.categories - 1)
        require_arrays(params, {"modes": rule}, trains=True)

    def device_work(self, params: Arrays, rows: int) -> Work:
        """Each row held against each centre."""
        cells = rows * self.clusters * self.slots
        return Work(4 * cells + self.size, 4 * rows * (self.clusters + 4 * self.slots) + 4 * self.size)

    def contribute(self, params: Arrays, examples: Arrays) -> NDArray[Any]:
        """This device's counts, float64[1, size]; examples: rows int[n, slots], weight float[n], where 0 is padding."""
        rows, weight = self._rows(examples)
        share = weight / max(float(weight.sum()), 1e-300)
        place = nearest(rows, self._checked(params))[0]
        cell = (place[:, None] * self.slots + np.arange(self.slots)) * self.categories + rows
        return np.bincount(cell.ravel(), np.repeat(share, self.slots), self.size)[None, :]

    def fold(self, state: Arrays, update: Estimate, entropy: Entropy) -> Arrays:
        """Centres moved where the counts say so; a slot whose leader does not stand out of the noise stays as it was."""
        counts = np.asarray(update.values, np.float64).reshape(self.clusters, self.slots, self.categories)
        before = state["modes"].astype(np.int64)
        noise = float(np.sqrt(np.mean(update.variance)))
        held = np.take_along_axis(counts, before[:, :, None], axis=2)[:, :, 0]
        moved = counts.max(axis=2) - held > self.telling * noise
        modes = np.where(moved, counts.argmax(axis=2), before)
        return self._state(modes, counts.sum(axis=2).mean(axis=1), int(state["round"][0]) + 1)

    def publish(self, state: Arrays) -> Arrays:
        """`modes` uint16[clusters, slots], and `weight` float64[clusters]: how many devices' worth of rows each has."""
        return {"modes": state["modes"].astype(np.uint16), "weight": state["weight"]}

    def judge(self, params: Arrays, canaries: Arrays) -> tuple[float, float]:
        """Minus the mean share of slots in which public rows differ from their centres, and its standard error."""
        rows, weight = self._rows(canaries)
        mean, error = mean_of(nearest(rows, self._checked(params))[1] / self.slots, weight)
        return -mean, error

    def _rows(self, examples: Arrays) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        rows, weight = np.asarray(examples["rows"]), np.asarray(examples["weight"], np.float64)
        if rows.dtype.kind not in "iu" or rows.shape != (len(weight), self.slots):
            raise ValueError(f"rows are integers of shape [n, {self.slots}], got {rows.dtype} of shape {rows.shape}")
        rows = rows[weight > 0].astype(np.int64)
        if (rows < 0).any() or (rows >= self.categories).any():
            raise ValueError(f"a category lies outside [0, {self.categories})")
        return rows, weight[weight > 0]

    def _checked(self, params: Arrays) -> NDArray[np.int64]:
        modes = np.asarray(params["modes"])
        is_shaped = modes.shape == (self.clusters, self.slots) and modes.dtype.kind in "iu"
        if not is_shaped or (modes < 0).any() or (modes >= self.categories).any():
            raise ValueError(f"centres are {self.clusters} x {self.slots} categories below {self.categories}, none negative")
        return modes.astype(np.int64)

    def _state(self, modes: NDArray[np.int64], weight: NDArray[np.float64], round_: int) -> Arrays:
        return {"modes": modes, "weight": weight, "round": np.array([round_], np.int64)}


def nearest(rows: NDArray[np.int64], modes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each row [slots] the centre that differs from it in the fewest slots, the first of several; in how many. int64[n]"""
    narrow, centres = rows.astype(np.uint16), modes.astype(np.uint16)  # categories are below 2**16
    different = np.zeros((len(rows), len(modes)), np.int32)
    for slot in range(modes.shape[1]):
        different += narrow[:, slot, None] != centres[None, :, slot]
    return np.asarray(different.argmin(axis=1), np.int64), np.asarray(different.min(axis=1, initial=modes.shape[1]), np.int64)
