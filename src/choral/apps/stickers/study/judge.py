"""How good rankings are for people nobody trained on: means over people, paired errors, and what of a gain is kept.

Study half. A person's choices are averaged first; people are independent, so that errors come from their spread.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.study.baselines import history, own_history, with_history
from choral.apps.stickers.study.market import Market
from choral.apps.stickers.study.population import People
from choral.learning.bilinear_ranking import BilinearRanking
from choral.learning.ranking import hit, ndcg, ranks, reciprocal_rank
from choral.numerics import SeededEntropy
from choral.simulation.scores import Mean

HELD_OUT = 2**40  # numbers of people from here on are never trained on
SHARD = 4096
MEASURES = ("ndcg5", "mrr", "hit1", "hit5")
UNTRAINED = ("random", "popularity", "untrained")
LEAST_GAIN = 0.03  # of plain federated training over the best untrained ranking, for a population to count

Floats = NDArray[np.float64]
Scores = dict[str, dict[str, Floats]]  # ranking -> measure -> one number a person


@dataclass(frozen=True, slots=True)
class Kept:
    """What of the plain federated gain a private head keeps; gains are in NDCG@5 over the best untrained ranking."""

    best_untrained: str
    gain: Mean
    gain_nonprivate: Mean
    share: Mean


def judged(market: Market, heads: Mapping[str, Floats], *, model: BilinearRanking, people: int, seed: int) -> Scores:
    """Each ranking's measures for `people` held-out people, by name: the heads', and those without training.

    A head `x` also makes `x with history`. Rankings are made before anything is displayed: the place counts for nothing.
    """
    found: Scores = {}
    for first in range(HELD_OUT, HELD_OUT + people, SHARD):
        shard = market.world.people(first, min(SHARD, HELD_OUT + people - first))
        for name, scores in _rankings(market, shard, heads, model, first=first, seed=seed).items():
            for measure, values in measures(scores, shard.chosen, shard.weight).items():
                rows = found.setdefault(name, {}).setdefault(measure, np.zeros(0))
                found[name][measure] = np.concatenate([rows, values])
    return found


def measures(
    scores: Floats, chosen: NDArray[np.int64], weight: Floats, shown: NDArray[np.floating] | None = None
) -> dict[str, Floats]:
    """MEASURES averaged over each person's choices, float64[n] each, from scores and shown [n, rows, m]; all shown if None."""
    n, rows, candidates = scores.shape
    visible = np.ones_like(scores) if shown is None else shown
    placed = ranks(scores.reshape(-1, candidates), visible.reshape(-1, candidates), chosen.ravel())
    each = dict(zip(MEASURES, (ndcg(placed), reciprocal_rank(placed), hit(placed), hit(placed, at=5)), strict=True))
    total = weight.sum(axis=1)
    return {name: (values.reshape(n, rows) * weight).sum(axis=1) / total for name, values in each.items()}


def mean_over(values: Floats) -> Mean:
    """The mean over people and its standard error; nan where there is one person, who tells nothing of others."""
    return Mean(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan)


def kept(scores: Scores, *, private: str, plain: str, untrained: Sequence[str] = UNTRAINED) -> Kept:
    """How much of the gain of `plain` over the best untrained ranking `private` keeps; errors paired over people.

    The share's error is that of a ratio of means (delta method); where nothing is gained it is not a number.
    """
    best = max(untrained, key=lambda name: float(scores[name]["ndcg5"].mean()))
    gained, most = (scores[name]["ndcg5"] - scores[best]["ndcg5"] for name in (private, plain))
    whole = float(most.mean())
    share = float(gained.mean()) / whole if whole else math.nan
    error = mean_over(gained - share * most).error / abs(whole) if whole else math.nan
    return Kept(best, mean_over(gained), mean_over(most), Mean(share, error))


def _rankings(
    market: Market, people: People, heads: Mapping[str, Floats], model: BilinearRanking, *, first: int, seed: int
) -> dict[str, Floats]:
    """Scores float64[n, CHOICES, SHOWN] of everything that is compared."""
    preferences = market.preferences(first, people.taste)
    offset, counts = market.world.popularity[people.displayed], history(people.displayed, people.chosen, people.weight)
    own = np.concatenate([np.ones((len(preferences), 1)), preferences], axis=1)
    found = {
        "random": random_scores(people.displayed.shape, first=first, seed=seed),
        "popularity": offset,
        "untrained": offset + _matched(market.package_factors()[people.displayed], preferences),
        "own_history": own_history(offset, counts),
    }
    for name, params in heads.items():
        wanted = own @ params.reshape(model.personal, model.item)
        found[name] = offset + _matched(market.features[people.displayed], wanted[:, :-1])
        found[f"{name} with history"] = with_history(found[name], counts)
    return found


def _matched(items: Floats, wanted: Floats) -> Floats:
    """Inner products, float64[n, rows, m], of items [n, rows, m, k] and a vector a person [n, k]."""
    return np.asarray(np.einsum("ntmk,nk->ntm", items, wanted))


def random_scores(shape: tuple[int, ...], *, first: int, seed: int) -> Floats:
    """An order without meaning, float64 of shape [n, rows, m]; row i from stream first + i."""
    key = int.from_bytes(hashlib.sha256(f"choral/stickers/judge/1/{seed}".encode()).digest(), "little")
    words = SeededEntropy(key, stream=first).words(shape[0], shape[1] * shape[2])
    return words.astype(np.float64).reshape(shape)
