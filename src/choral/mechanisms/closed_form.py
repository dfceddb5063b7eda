"""The twin of PrivUnit and ProjUnit for simulations: the same distribution of a report, drawn at once instead of chosen.

Never for a device: what it draws is a float that no one proved anything about, and a device's code imports none of this.
A named direction is Gaussian across the update, and along it has the law of the chosen score. No list is expanded, so
a report costs its dimension in numbers instead of dimension times candidates.
"""

from functools import lru_cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import Values
from choral.mechanisms.cap import Cap
from choral.mechanisms.priv_unit import PrivUnit
from choral.mechanisms.proj_unit import ProjUnit
from choral.mechanisms.score_laws import ScoreLaw, gaussian_law, sphere_law
from choral.mechanisms.vectors import Floats, checked_vectors, lifted
from choral.numerics import Entropy
from choral.numerics.directions import gaussian_levels, spread
from choral.numerics.entropy import BULK_ROWS

CHUNK = 128  # rows worked on at a time, which a core's own memory holds


def closed_form(mechanism: PrivUnit | ProjUnit, values: Values, entropy: Entropy) -> Floats:
    """What each report alone would estimate: unbiased float64[n, dimension], of each clipped update; row i from stream i."""
    vectors = checked_vectors(values, mechanism.dimension)
    words = _level_words(len(vectors), mechanism.dimension + 1, entropy)
    along = _scores(mechanism, len(vectors), entropy)
    if len(vectors) >= BULK_ROWS and (kernels := _kernels()) is not None:
        sizes = {"clip_norm": mechanism.clip_norm, "spread": spread(), "factor": mechanism.clip_norm / mechanism.gain}
        fast: Floats = kernels.named_directions(vectors, words, along, gaussian_levels(), **sizes)
        return fast
    named = np.empty_like(vectors)
    for start in range(0, len(vectors), CHUNK):
        part = slice(start, start + CHUNK)
        points = lifted(vectors[part], mechanism.clip_norm).astype(np.float64)
        points /= np.sqrt(np.einsum("ij,ij->i", points, points))[:, None]
        across = _gaussians(words[part], mechanism.dimension + 1)
        across += (along[part] - np.einsum("ij,ij->i", across, points))[:, None] * points
        named[part] = across[:, :-1] * (mechanism.clip_norm / mechanism.gain)
    return named


def _scores(mechanism: PrivUnit | ProjUnit, rows: int, entropy: Entropy) -> Floats:
    if isinstance(mechanism, PrivUnit):
        return scores(mechanism.cap, gaussian_law(), rows, entropy)
    projected = _gaussians(_level_words(rows, mechanism.width, entropy), mechanism.width)
    lengths: Floats = np.sqrt(np.einsum("ij,ij->i", projected, projected))
    return lengths * scores(mechanism.cap, sphere_law(mechanism.width), rows, entropy)


def scores(cap: Cap, law: ScoreLaw, rows: int, entropy: Entropy) -> Floats:
    """Scores of named candidates, float64[rows], by the inverse of their distribution; one word each."""
    places, chances = score_distribution(cap, law)
    uniform = (entropy.words(rows, 1)[:, 0] >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.interp(uniform, chances, places)


@lru_cache(maxsize=16)
def score_distribution(cap: Cap, law: ScoreLaw) -> tuple[Floats, Floats]:
    """Places, rising, and the chance that a named candidate's score is at most that."""
    each, top = law.tails(cap.pairs, cap.top)
    kept = cap.keep / 2**64
    outside = (1 - kept) / (2 * cap.pairs - cap.top)
    lower = outside * cap.pairs * each  # every candidate's opposite, of those that stand for the negative side
    upper = kept * top + outside * (cap.pairs * each - cap.top * top)
    places = np.concatenate([-law.edges[:0:-1], law.edges])
    return places, np.maximum.accumulate(np.concatenate([lower[:0:-1], 1 - upper]))


def _level_words(rows: int, count: int, entropy: Entropy) -> NDArray[np.uint64]:
    """Words for `count` Gaussians a row, four of each."""
    return entropy.words(rows, -(-count // 4))


def _gaussians(words: NDArray[np.uint64], count: int) -> Floats:
    """Standard Gaussians of 2**16 levels, float64[rows, count]."""
    places = np.ascontiguousarray(words).astype("<u8", copy=False).view("<u2")[:, :count]
    gaussians: Floats = _unit_levels()[places]
    return gaussians


@lru_cache(maxsize=1)
def _unit_levels() -> Floats:
    levels = gaussian_levels() / spread()
    levels.flags.writeable = False
    return levels


def _kernels() -> ModuleType | None:
    """The compiled twin of the loop here, or None where numba is not installed."""
    try:
        from choral.mechanisms import closed_kernels
    except ImportError:
        return None
    return closed_kernels
