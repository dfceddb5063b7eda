"""What the service gives out: a catalogue with its item features, and how many stickers a person may see."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.catalogue import Catalogue
from choral.apps.stickers.device.embedding import item_features, to_grid
from choral.apps.stickers.device.messages import MILLI, MOST_CANDIDATES, Candidates, candidates
from choral.apps.stickers.service.download_logs import Packages
from choral.apps.stickers.service.preference import Learnt

MOST = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """A catalogue as it is given out; made by `Stock.of`.

    features: int8[n, q]; most: candidates a person, at most, beside what the person holds
    """

    catalogue: Catalogue
    features: NDArray[np.int8]
    most: int = MOST
    packages: Packages = field(default_factory=dict)

    @classmethod
    def of(cls, catalogue: Catalogue, *, features: int, most: int = MOST, packages: Packages | None = None) -> "Stock":
        """The stock with `features` numbers a sticker, 0 where none are given out; ValueError unless 1 <= most <= 20,000."""
        if not 1 <= most <= MOST_CANDIDATES:
            raise ValueError(f"need 1 to {MOST_CANDIDATES} candidates a person, got {most}")
        rows = to_grid(item_features(catalogue, features)) if features else np.zeros((len(catalogue), 0), np.int8)
        return cls(catalogue, rows, most, packages or {})

    def rows(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of the catalogue for stickers' ids; ids that it no longer has are left out."""
        places = self.catalogue.places
        return np.array([places[id_] for id_ in ids.tolist() if id_ in places], np.int64)

    def usual(self, learnt: Learnt | None, held: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows for someone for whom nothing was chosen: as for the average taste; before anything was learnt, the first."""
        if learnt is not None:
            return self.choose(learnt, np.zeros(learnt.numbers, np.int8), held)
        return np.union1d(np.arange(min(self.most, len(self.catalogue))), held)[:MOST_CANDIDATES]

    def choose(self, learnt: Learnt, steps: NDArray[np.int8], held: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of the stickers that a person may use: those held and the `most` that the downloads speak for, ascending.

        steps: int8[k], the person's preference; held: rows
        """
        if len(self.catalogue) <= self.most:
            return np.arange(len(self.catalogue))
        scores = learnt.scores(steps)
        best = np.argsort(-scores, kind="stable")[: self.most]
        return np.union1d(best, held)[:MOST_CANDIDATES]

    def message(self, rows: NDArray[np.int64], held: NDArray[np.int64], learnt: Learnt | None) -> Candidates:
        """The candidates as they are downloaded."""
        has = np.zeros(len(self.catalogue), np.bool_)
        has[held] = True
        popularity = np.zeros(len(self.catalogue), np.int16)
        if learnt is not None:
            popularity = np.rint(np.clip(learnt.log_popularity(), -30, 30) * MILLI).astype(np.int16)
        return candidates(self.catalogue, rows=rows, held=has, popularity=popularity, features=self.features)
