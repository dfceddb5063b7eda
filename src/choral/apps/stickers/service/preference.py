"""Preference information: a few numbers a person, learnt from download logs alone.

Server and study half; needs scipy. Knows no keyword: what the numbers mean is for the federated head to find out.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from choral.apps.stickers.device.messages import STEPS
from choral.apps.stickers.service.download_logs import Kind

WEIGHTS = {Kind.PURCHASED: 1.0, Kind.SPONSORED: 0.1, Kind.PREMIUM: 0.75}  # how much a download says about taste
SMOOTHING = 20.0  # downloads added to each sticker's count, so that the rarest do not drown the rest
MOST_NUMBERS = 64
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """A factorization of download logs, public within the service; the same formula for those it was learnt from and others.

    scale: float64[m], weight of a download of each sticker; mean: float64[m], the average row; basis: float64[m, k]
    downloads: int64[m], how often each sticker was downloaded: its popularity
    """

    scale: Floats
    mean: Floats
    basis: Floats
    downloads: Integers

    @property
    def numbers(self) -> int:
        """How many numbers a person gets."""
        return int(self.basis.shape[1])

    def vectors(self, person: Integers, sticker: Integers, kind: NDArray[np.uint8], *, people: int) -> NDArray[np.int8]:
        """int8[people, k] over `STEPS`: zeros, the average taste, for a person without a download."""
        numbers = self.exact(person, sticker, kind, people=people)
        steps: NDArray[np.int8] = np.clip(np.rint(numbers * STEPS), -127, 127).astype(np.int8)
        return steps

    def like(self, earlier: "Learnt", person: Integers, sticker: Integers, kind: NDArray[np.uint8], *, people: int) -> "Learnt":
        """The same, turned so that these people's numbers are as near as can be to those that `earlier` gives them.

        A head that was trained on earlier numbers then goes on to be right. Orthogonal Procrustes (Schönemann 1966): a
        turn leaves the numbers uncorrelated and of variance 1. ValueError unless both give as many numbers.
        """
        if earlier.numbers != self.numbers:
            raise ValueError(f"{self.numbers} numbers cannot be turned like {earlier.numbers}")
        mine = self.exact(person, sticker, kind, people=people)
        left, _, right = np.linalg.svd(mine.T @ earlier.exact(person, sticker, kind, people=people))
        return replace(self, basis=self.basis @ (left @ right))

    def exact(self, person: Integers, sticker: Integers, kind: NDArray[np.uint8], *, people: int) -> Floats:
        """float64[people, k]: the numbers before they are brought to the grid."""
        rows = _rows(self.scale, person, sticker, kind, people=people)
        known = np.diff(rows.indptr) > 0
        return np.where(known[:, None], rows @ self.basis - self.mean @ self.basis, 0.0)

    def scores(self, steps: NDArray[np.int8]) -> Floats:
        """float64[m]: the weight of downloads to expect of each sticker; steps: int8[k], one person's numbers."""
        loadings = self.basis / (self.basis**2).sum(axis=0)  # directions times their standard deviation
        expected: Floats = (self.mean + loadings @ (steps / STEPS)) / self.scale
        return expected

    def log_popularity(self) -> Floats:
        """float64[m]: log of downloads over the average sticker's, each count plus one."""
        counts = self.downloads + 1.0
        logs: Floats = np.log(counts / counts.mean())
        return logs


def learn(person: Integers, sticker: Integers, kind: NDArray[np.uint8], *, people: int, stickers: int, numbers: int) -> Learnt:
    """The `numbers` strongest directions of who downloads what; a function of the logs, without chance.

    Each person is a row: a download's weight by its kind, divided by the root of the sticker's popularity, so that what
    everybody has says little (as in correspondence analysis, Greenacre 1984); the row divided by the root of its length,
    so that collectors do not drown the rest. Then principal components of the rows (PureSVD: Cremonesi, Koren and Turrin,
    RecSys 2010, centred), each scaled to variance 1. Another linear algebra library may differ in the last step.
    ValueError unless 1 <= numbers <= 64 and logs of more than `numbers` people and stickers are given.
    """
    if not 1 <= numbers <= min(MOST_NUMBERS, stickers - 1):
        raise ValueError(f"need 1 to {min(MOST_NUMBERS, stickers - 1)} numbers a person, got {numbers}")
    downloads = np.bincount(sticker, minlength=stickers)
    scale = 1.0 / np.sqrt(downloads + SMOOTHING)
    rows = _rows(scale, person, sticker, kind, people=people)
    known = int((np.diff(rows.indptr) > 0).sum())
    if known <= numbers:
        raise ValueError(f"logs of {known} people cannot give {numbers} numbers each; load more logs or ask for fewer numbers")
    mean = np.asarray(rows.sum(axis=0)).ravel() / known
    spread = (rows.T @ rows).toarray() / known - np.outer(mean, mean)
    values, vectors = linalg.eigh(spread, subset_by_index=(stickers - numbers, stickers - 1))
    basis = (_signed(vectors) / np.sqrt(np.maximum(values, 1e-12)))[:, ::-1]  # the strongest first
    return Learnt(scale, mean, basis, downloads)


def _rows(scale: Floats, person: Integers, sticker: Integers, kind: NDArray[np.uint8], *, people: int) -> sparse.csr_matrix:
    """A person's downloads as a row; a sticker downloaded twice counts by its weightiest way only."""
    weight = np.array([WEIGHTS[one] for one in Kind])
    key = person * len(scale) + sticker
    order = np.lexsort((weight[kind], key))
    last = np.append(np.diff(key[order]) > 0, True)[: len(order)]
    kept = order[last]
    values = weight[kind[kept]] * scale[sticker[kept]]
    lengths = np.sqrt(np.bincount(person[kept], values**2, minlength=people))
    scaled = values / np.sqrt(lengths[person[kept]])
    return sparse.csr_matrix((scaled, (person[kept], sticker[kept])), shape=(people, len(scale)))


def _signed(vectors: Floats) -> Floats:
    """Each direction turned so that its strongest entry is positive."""
    strongest = np.argmax(np.abs(vectors), axis=0)
    turned: Floats = vectors * np.where(vectors[strongest, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)
    return turned
