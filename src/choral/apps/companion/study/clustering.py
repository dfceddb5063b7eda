"""Clusters of fragments for one place: weighted k-medoids and weighted k-modes over the fragments that differ.

Knows fragments and weights. Where people's fragments must not meet, `learning.KModes` counts the same way over reports.
Needs numba (the `server` extra).
Source: Schubert and Rousseeuw (Information Systems 2021), FasterPAM's eager swaps; here weighted, distances on the fly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.activities import ACTIVITIES
from choral.apps.companion.device.fragments import Fragments, distinct
from choral.numerics import Entropy

MOST_SWAPS = 100_000
MOST_ROUNDS = 100
Rows = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Clusters:
    """A catalogue of clusters: public, and the same for everyone. centres: uint8[k, slots], one fragment each."""

    fragments: Fragments
    centres: Rows

    def nearest(self, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """For each fragment its cluster, int64[n], and how far it is from its centre, float64[n] in 0 to 1."""
        from choral.apps.companion.study import kernels

        codes = self.fragments.codes(rows)
        first, place, _ = distinct(codes)
        cluster, far = kernels.nearest(codes[first], self.fragments.codes(self.centres))
        return cluster[place], (far / self.fragments.farthest)[place]

    def mean_distance(self, rows: Rows) -> float:
        """Of all fragments to their centres."""
        return float(self.nearest(rows)[1].mean())


def k_medoids(fragments: Fragments, rows: Rows, count: int, entropy: Entropy) -> Clusters:
    """`count` of the fragments as centres, such that no single swap brings the sum of distances down."""
    from choral.apps.companion.study import kernels

    unique, codes, weights = _weighted(fragments, rows, count)
    medoids = kernels.spread(codes, weights, _uniform(entropy, count))
    return Clusters(fragments, unique[kernels.swapped(codes, weights, medoids, MOST_SWAPS)])


def k_modes(fragments: Fragments, rows: Rows, count: int, entropy: Entropy) -> Clusters:
    """`count` centres, each slot of which is the commonest activity there of its cluster's fragments."""
    from choral.apps.companion.study import kernels

    unique, codes, weights = _weighted(fragments, rows, count)
    clusters = Clusters(fragments, unique[kernels.spread(codes, weights, _uniform(entropy, count))])
    for _ in range(MOST_ROUNDS):
        place, _far = kernels.nearest(codes, fragments.codes(clusters.centres))
        modes = _modes(unique, weights, place, clusters.centres)
        if (modes == clusters.centres).all():
            break
        clusters = Clusters(fragments, modes)
    return clusters


def _weighted(fragments: Fragments, rows: Rows, count: int) -> tuple[Rows, NDArray[np.uint64], NDArray[np.int64]]:
    """The fragments that differ, their codes and how often each comes."""
    codes = fragments.codes(rows)
    first, _, weights = distinct(codes)
    if not 1 <= count <= len(first):
        raise ValueError(f"{len(first)} different fragments make 1 to {len(first)} clusters, got {count=}")
    return rows[first], codes[first], weights


def _modes(rows: Rows, weights: NDArray[np.int64], place: NDArray[np.int64], before: Rows) -> Rows:
    """The commonest activity of each cluster and slot; a cluster without fragments stays as it was."""
    modes = before.copy()
    for slot in range(rows.shape[1]):
        keys = place * len(ACTIVITIES) + rows[:, slot]
        counts = np.bincount(keys, weights, len(before) * len(ACTIVITIES)).reshape(len(before), -1)
        modes[:, slot] = np.where(counts.any(axis=1), counts.argmax(axis=1), before[:, slot])
    return modes


def _uniform(entropy: Entropy, count: int) -> NDArray[np.float64]:
    return np.asarray((entropy.words(1, count)[0] >> np.uint64(11)).astype(np.float64) / 2**53)
