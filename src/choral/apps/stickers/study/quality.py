"""What an operator reads from the private histogram of ranks: how often people found their sticker on top.

A person sees the public model with their own change of it, and takes what stands first a little readier: measured is the
product as people meet it while a version is in use, not the public model alone. That is what the gate's canaries measure.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.events import SLOTS, VERSIONS, rank_names
from choral.errors import UsageError

TOP = 3


@dataclass(frozen=True, slots=True)
class Quality:
    """One version, by its number modulo VERSIONS: choices counted, and the share of them within the first TOP ranks."""

    version: int
    choices: float
    share: float
    stderr: float


def qualities(estimate: NDArray[np.floating], stderr: NDArray[np.floating]) -> tuple[Quality, ...]:
    """Of each version with more choices than twice their error, from whole histograms float64[45] (`unpublished`).

    The error of a share a / b is by the delta method, counts being independent: what is in a is in b too.
    """
    if estimate.shape != (len(rank_names()),) or stderr.shape != estimate.shape:
        raise UsageError(f"a histogram of {len(rank_names())} ranks was due, {estimate.shape} came; give the whole one")
    counts, variances = (array[:-1].reshape(VERSIONS, SLOTS) for array in (estimate, stderr**2))
    found = (_quality(version, counts[version], variances[version]) for version in range(VERSIONS))
    return tuple(one for one in found if one is not None)


def _quality(version: int, counts: NDArray[np.floating], variances: NDArray[np.floating]) -> Quality | None:
    total, variance = float(counts.sum()), float(variances.sum())
    if total <= 2 * math.sqrt(variance):
        return None
    share, top = float(counts[:TOP].sum()) / total, float(variances[:TOP].sum())
    return Quality(version, total, share, math.sqrt(max((1 - 2 * share) * top + share**2 * variance, 0.0)) / total)
