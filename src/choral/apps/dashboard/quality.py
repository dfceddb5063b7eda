"""How good each version of a model is, from a private histogram of the ranks at which people found what they chose.

Knows names such as "version 1 of 4, rank 3" and linear arithmetic. No choice is seen: a mean is a sum over estimates.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from choral.apps.dashboard.public import Document
from choral.learning.ranking import ndcg, reciprocal_rank

NAME = re.compile(r"version (\d+) of (\d+), (?:rank (\d+)|lower)")
AT = 5
CERTAIN = 3.0  # a version is shown once its choices stand out of the noise by so many standard errors
LOWER = math.inf  # the rank of what stood below all that are told apart


@dataclass(frozen=True, slots=True)
class Measured:
    """One version in one release: mean NDCG@5 and mean reciprocal rank of what was chosen, with standard errors.

    choices: estimated number of choices that the means are over
    """

    version: int
    release: str
    created: int
    choices: float
    ndcg: float
    ndcg_stderr: float
    mrr: float
    mrr_stderr: float


def measured(release: Document, versions: Sequence[Document]) -> tuple[Measured, ...]:
    """What a release of ranks says about the versions that were current then; nothing if it counts something else.

    A count that is not released is taken as 0 with the largest error of the others.
    """
    counts, modulus = _counts(release.get("items") or ())
    if not counts:
        return ()
    known = [one["version"] for one in versions if one["state"] != "refused" and one["created"] <= release["created"]]
    latest = max(known, default=-1)
    error = max(stderr for _, stderr in counts.values())
    ranks = sorted({rank for _, rank in counts if rank != LOWER})
    found = []
    for slot in range(modulus):
        version = latest - (latest - slot) % modulus
        means = _means({rank: counts.get((slot, rank), (0.0, error)) for rank in (*_all(ranks), LOWER)})
        if version in known and means is not None:
            found.append(Measured(version, release["hash"], release["created"], *means))
    return tuple(sorted(found, key=lambda one: one.version))


def _counts(items: Iterable[Document]) -> tuple[dict[tuple[int, float], tuple[float, float]], int]:
    """Estimate and error by (version modulo, rank), and the modulus; empty if an item is not a rank of a version."""
    counts: dict[tuple[int, float], tuple[float, float]] = {}
    modulus = 0
    for item in items:
        match = NAME.fullmatch(str(item.get("name", "")))
        if match:
            rank = float(match[3]) if match[3] else LOWER
            modulus = int(match[2])
            counts[int(match[1]), rank] = (item["estimate"], item["stderr"])
    return counts, modulus


def _all(ranks: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(rank) for rank in range(1, int(max(ranks, default=0)) + 1))


def _means(counts: Mapping[float, tuple[float, float]]) -> tuple[float, float, float, float, float] | None:
    """Number of choices, mean NDCG@5, its error, mean reciprocal rank, its error; None if they are lost in the noise.

    A mean is sum(w e) / sum(e); to first order its variance is sum((w - mean)^2 var) / sum(e)^2.
    """
    ranks = np.array(list(counts))
    estimates, errors = np.array(list(counts.values())).T
    total = float(estimates.sum())
    if total <= CERTAIN * math.sqrt(float((errors**2).sum())):
        return None
    told: list[float] = [total]
    for weight in (ndcg(ranks, at=AT), reciprocal_rank(ranks)):
        mean = float((weight * estimates).sum()) / total
        told += [mean, math.sqrt(float(((weight - mean) ** 2 * errors**2).sum())) / total]
    return told[0], told[1], told[2], told[3], told[4]
