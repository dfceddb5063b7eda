"""What stickers have in common, as a few numbers each, learnt from public keywords alone. numpy and nothing else.

Device half, though a device usually downloads the rows with its candidates. No person is in them.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.catalogue import Catalogue
from choral.numerics import SeededEntropy

GRID = 127  # a number of a row is an int8 over this
PASSES = 30  # of the subspace iteration; the block is twice as wide as needed, so that it has long converged
POWERS = 3  # passes between two orthogonalizations
Floats = NDArray[np.float64]


@lru_cache(maxsize=4)
def item_features(catalogue: Catalogue, q: int) -> NDArray[np.float32]:
    """float32[n, q], read-only: a row a sticker, on the grid of an int8 over `GRID`, of length 1 to within that grid.

    A truncated singular value decomposition of the keyword-by-sticker matrix (Deerwester et al. 1990), each keyword
    weighted by log(n / stickers that have it), each sticker's row scaled to length 1; then the rows of the q strongest
    directions, scaled to length 1. Deterministic; another linear algebra library may differ by one step of the grid.
    ValueError unless 1 <= q <= 64 and q <= n.
    """
    if not 1 <= q <= min(64, len(catalogue)):
        raise ValueError(f"need 1 <= q <= 64 and at most as many numbers as stickers ({len(catalogue)}), got {q=}")
    matrix = _weighted(catalogue)
    block = _start(len(catalogue), min(len(catalogue), 2 * q + 8))
    for _ in range(PASSES // POWERS):
        for _ in range(POWERS):
            block = matrix.gram_times(block)
        block, _ = np.linalg.qr(block)
    values, turn = np.linalg.eigh(block.T @ matrix.gram_times(block))
    strongest = np.argsort(-values, kind="stable")[:q]
    scaled = (block @ turn[:, strongest]) * np.sqrt(np.maximum(values[strongest], 0.0))
    rows = from_grid(to_grid(_unit(_signed(scaled))))
    rows.setflags(write=False)
    return rows


def to_grid(rows: NDArray[np.floating]) -> NDArray[np.int8]:
    """The nearest points of the grid: int8, the form in which rows travel; numbers beyond -1 and 1 are cut."""
    steps: NDArray[np.int8] = np.rint(np.clip(rows, -1, 1) * GRID).astype(np.int8)
    return steps


def from_grid(steps: NDArray[np.int8]) -> NDArray[np.float32]:
    """The numbers that grid points stand for.

    >>> from_grid(np.array([-127, 0, 127], np.int8)).tolist()
    [-1.0, 0.0, 1.0]
    """
    return steps.astype(np.float32) / np.float32(GRID)


@dataclass(frozen=True, slots=True)
class _Sparse:
    """A sparse matrix X of stickers by keywords: entry i is `weight[i]` at (sticker[i], keyword[i]), sorted by keyword.

    by_sticker: the order of the entries when sorted by sticker
    """

    sticker: NDArray[np.int64]
    keyword: NDArray[np.int64]
    weight: Floats
    by_sticker: NDArray[np.int64]

    def gram_times(self, dense: Floats) -> Floats:
        """X times its transpose times `dense` [stickers, width]."""
        entries = self.weight * dense.T[:, self.sticker]
        by_keyword = np.add.reduceat(entries, _firsts(self.keyword), axis=1)
        parts = (self.weight * by_keyword[:, self.keyword])[:, self.by_sticker]
        rows, out = self.sticker[self.by_sticker], np.zeros_like(dense)
        firsts = _firsts(rows)
        out[rows[firsts]] = np.add.reduceat(parts, firsts, axis=1).T
        return out


def _firsts(sorted_: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each new value of a sorted array begins."""
    return np.flatnonzero(np.diff(sorted_, prepend=-1))


def _weighted(catalogue: Catalogue) -> _Sparse:
    """Keywords that at least two stickers share; the two languages apart."""
    holders: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, one in enumerate(catalogue.stickers):
        for language, words in (("en", one.keywords_en), ("ja", one.keywords_ja)):
            for word in words:
                holders[language, word].append(place)
    shared = [places for places in holders.values() if len(places) > 1] or [list(range(len(catalogue)))]
    sizes = np.array([len(places) for places in shared])
    keyword = np.repeat(np.arange(len(shared)), sizes)
    sticker = np.array([place for places in shared for place in places])
    weight = np.repeat(np.log((len(catalogue) + 1) / sizes), sizes)
    lengths = np.sqrt(np.bincount(sticker, weight**2, minlength=len(catalogue)))
    return _Sparse(sticker, keyword, weight / lengths[sticker], np.argsort(sticker, kind="stable"))


def _start(rows: int, columns: int) -> Floats:
    """A start that depends on nothing but its shape: uniform numbers in [-1, 1)."""
    words = SeededEntropy(0).words(1, rows * columns)
    return words.astype(np.float64).reshape(rows, columns) / 2.0**63 - 1.0


def _signed(rows: Floats) -> Floats:
    """Each direction turned so that its strongest entry is positive: a singular vector's sign is arbitrary."""
    strongest = np.argmax(np.abs(rows), axis=0)
    turned: Floats = rows * np.where(rows[strongest, np.arange(rows.shape[1])] < 0, -1.0, 1.0)
    return turned


def _unit(rows: Floats) -> Floats:
    """Rows of length 1; a sticker that shares no keyword lies where the average sticker lies."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    placed = np.where(lengths > 1e-9, rows, rows.mean(axis=0))
    unit: Floats = placed / np.maximum(np.linalg.norm(placed, axis=1, keepdims=True), 1e-12)
    return unit
