"""Federated averaging of the same filter, for comparison: people take steps on their own copy, the server takes the mean.

The way of the paper's federated version. Everyone's steps of one epoch run side by side. Floats are welcome: a study.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.learning.factor_solver import Cells, Items, People

Floats = NDArray[np.float64]
WARM = 0.3  # share of the epochs in which a rising rate rises
FIRST = 0.1  # of its highest, where it begins


@dataclass(frozen=True, slots=True)
class Averaging:
    """So many epochs at this rate. rising: begins at a tenth of the rate, rises for 30 % of the epochs, then falls to zero;
    else constant. decay: pull of all numbers to zero in each step; server: how far the server goes along the mean
    """

    epochs: int = 50
    rate: float = 0.1
    decay: float = 0.005
    server: float = 1.0
    rising: bool = False

    def rate_at(self, epoch: int) -> float:
        """The rate of this epoch, from 0."""
        if not self.rising:
            return self.rate
        peak = max(1.0, WARM * self.epochs)
        if epoch < peak:
            return self.rate * (FIRST + (1 - FIRST) * epoch / peak)
        return self.rate * (self.epochs - epoch) / (self.epochs - peak)

    def run(self, cells: Cells, start: Items) -> Iterator[tuple[Items, People]]:
        """Items and people after each epoch."""
        rank = start.factors.shape[1]
        shared = np.concatenate([start.factors, start.biases[:, None]], axis=1)
        own = np.concatenate([np.full((cells.people, rank), 0.5 / max(rank, 1) ** 0.5), np.zeros((cells.people, 1))], axis=1)
        steps = _steps(cells)
        for epoch in range(self.epochs):
            copies = np.repeat(shared[None], cells.people, axis=0)
            touched = np.zeros((cells.people, cells.items), np.bool_)
            touched[cells.person, cells.item] = True
            for rows in steps:
                self._step(cells, rows, copies, own, mean=start.mean, rate=self.rate_at(epoch))
            count = np.maximum(touched.sum(axis=0), 1)[:, None]
            shared = shared + self.server * (copies - shared).sum(axis=0) / count
            items = Items(start.mean, shared[:, -1], shared[:, :-1], np.zeros(cells.items))
            yield items, People(own[:, :-1].copy(), own[:, -1].copy(), np.zeros((cells.people, rank + 1, rank + 1)))

    def _step(self, cells: Cells, rows: NDArray[np.int64], copies: Floats, own: Floats, *, mean: float, rate: float) -> None:
        """One cell of each person who has that many: both sides move against the error, heavier cells farther."""
        person, item = cells.person[rows], cells.item[rows]
        theirs, mine = copies[person, item], own[person]
        told = mean + mine[:, -1] + theirs[:, -1] + (mine[:, :-1] * theirs[:, :-1]).sum(axis=1)
        pull = (1 - (1 - rate) ** cells.count[rows]) * (cells.mean[rows] - told)
        ones = np.ones((len(rows), 1))
        copies[person, item] += pull[:, None] * np.concatenate([mine[:, :-1], ones], axis=1) - rate * self.decay * theirs
        own[person] += pull[:, None] * np.concatenate([theirs[:, :-1], ones], axis=1) - rate * self.decay * mine


def _steps(cells: Cells) -> list[NDArray[np.int64]]:
    """The first cell of each person, then the second of each who has one, and so on."""
    start = np.searchsorted(cells.person, cells.person)
    place = np.arange(len(cells.person)) - start
    order = np.argsort(place, kind="stable")
    return np.split(order, np.cumsum(np.bincount(place))[:-1])
