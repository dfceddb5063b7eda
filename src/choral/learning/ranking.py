"""How high the chosen item stood: ranks, and the usual measures of them. One row is one choice among displayed items.

A mean over rows, with its error, is `rows.mean_of`; where people have several rows, average each person's first.
"""

import numpy as np
from numpy.typing import NDArray

Ranks = NDArray[np.float64]


def ranks(scores: NDArray[np.floating], shown: NDArray[np.floating], chosen: NDArray[np.integer]) -> Ranks:
    """Rank of each chosen item, float64[n], from scores and shown [n, m] and chosen int[n]; 1 is best, a tie counts half.

    >>> ranks(np.array([[3.0, 1.0, 3.0, 9.0]]), np.array([[1, 1, 1, 0]]), np.array([0])).tolist()
    [1.5]
    """
    own = np.take_along_axis(scores, chosen[:, None], axis=1)
    visible = shown > 0
    above = (visible & (scores > own)).sum(axis=1)
    equal = (visible & (scores == own)).sum(axis=1)
    return np.asarray(1 + above + (equal - 1) / 2, np.float64)


def ndcg(placed: Ranks, *, at: int = 5) -> Ranks:
    """NDCG@at of each row, float64[n]: 1 / log2(1 + rank), or 0 beyond rank `at`; one item a row is relevant.

    Source: Järvelin and Kekäläinen (ACM TOIS 20, 2002).

    >>> ndcg(np.array([1.0, 3.0, 6.0])).tolist()
    [1.0, 0.5, 0.0]
    """
    return np.where(placed <= at, 1 / np.log2(1 + placed), 0.0)


def reciprocal_rank(placed: Ranks) -> Ranks:
    """1 / rank of each row, float64[n]; its mean is the MRR."""
    return np.asarray(1 / placed, np.float64)


def hit(placed: Ranks, *, at: int = 1) -> Ranks:
    """1 where the chosen item stood at rank `at` or better, else 0, float64[n]; its mean is the hit rate."""
    return (placed <= at).astype(np.float64)
