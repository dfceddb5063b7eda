"""What a trained head must beat, and what it could reach at best: scores without training, own history, a central fit.

Study half. Knows choices; leaves privacy to others: nothing here is private.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.suggestion import HISTORY
from choral.learning.base import Arrays
from choral.learning.bilinear_ranking import BilinearRanking

HIDDEN = -1e9  # logit of a place where nothing was displayed
OWN_FIRST = 1000.0  # more than popularity can make up: what one chose oftenest comes first
STEPS, HALVINGS = 8, 10  # of Newton's method, by which it has long converged, and of one step
RIDGE = 1.0  # a standard Gaussian prior, so that no direction is without curvature

Floats = NDArray[np.float64]


def history(displayed: NDArray[np.int64], chosen: NDArray[np.int64], weight: Floats) -> Floats:
    """How often the person chose each displayed candidate before, float64[n, rows, m].

    displayed: int64[n, rows, m] stickers; chosen: int64[n, rows] places; weight: 0 where there is no choice
    """
    counts = np.zeros(displayed.shape)
    taken = np.take_along_axis(displayed, chosen[..., None], axis=2)
    for earlier in range(displayed.shape[1] - 1):
        same = displayed[:, earlier + 1 :] == taken[:, earlier, :, None]
        counts[:, earlier + 1 :] += same * weight[:, earlier, None, None]
    return counts


def own_history(offset: Floats, counts: Floats) -> Floats:
    """Scores by one's own choices before, the commonest first, popularity among equals."""
    return OWN_FIRST * counts + offset


def with_history(scores: Floats, counts: Floats) -> Floats:
    """Scores as a device ranks with them: a model's, and a share for one's own choices before."""
    return scores + HISTORY * np.log1p(counts)


def central(model: BilinearRanking, shards: Iterable[Arrays]) -> Floats:
    """The likeliest head if one server held all choices, float64[size]: Newton's method, every choice with equal weight.

    shards: examples [devices, rows, ...], all in memory; the first row's `personal` holds for all rows of a device
    """
    held, params = list(shards), np.zeros(model.size)
    for _ in range(STEPS):
        parts = [_derivatives(model, params, examples) for examples in held]
        slope = sum((part[0] for part in parts), start=RIDGE * params)
        curvature = sum((part[1] for part in parts), start=RIDGE * np.eye(model.size))
        params = _lower(model, params, np.asarray(np.linalg.solve(curvature, slope), np.float64), held)
    return params


def _lower(model: BilinearRanking, params: Floats, step: Floats, held: Sequence[Arrays]) -> Floats:
    """The parameters after the step, halved until it does not lead uphill."""
    before = _loss(model, params, held)
    for halvings in range(HALVINGS):
        after: Floats = params - step / 2.0**halvings
        if _loss(model, after, held) <= before:
            return after
    return params


def _loss(model: BilinearRanking, params: Floats, held: Sequence[Arrays]) -> float:
    """Minus the log-likelihood and half of RIDGE times the squared length."""
    return RIDGE / 2 * float(params @ params) + sum(_surprise(model, params, examples) for examples in held)


def _surprise(model: BilinearRanking, params: Floats, examples: Arrays) -> float:
    logits = _logits(model, params, examples)
    top = logits.max(axis=2)
    total = np.log(np.exp(logits - top[..., None]).sum(axis=2)) + top
    taken = np.take_along_axis(logits, examples["chosen"][..., None], axis=2)[..., 0]
    return float((examples["weight"] * (total - taken)).sum(dtype=np.float64))


def _logits(model: BilinearRanking, params: Floats, examples: Arrays) -> NDArray[np.float32]:
    """float32[devices, rows, m]; hidden places far below all others."""
    wanted = examples["personal"][:, 0] @ params.reshape(model.personal, model.item).astype(np.float32)
    scores = np.einsum("ntmq,nq->ntm", examples["items"], wanted) + examples["offset"]
    return np.where(examples["shown"] > 0, scores, np.float32(HIDDEN))


def _derivatives(model: BilinearRanking, params: Floats, examples: Arrays) -> tuple[Floats, Floats]:
    """Gradient [size] and Hessian [size, size] of minus the log-likelihood, summed over choices."""
    own, items, weight = examples["personal"][:, 0], examples["items"], examples["weight"]
    logits = _logits(model, params, examples)
    odds = np.exp(logits - logits.max(axis=2, keepdims=True))
    odds /= odds.sum(axis=2, keepdims=True)
    surplus = odds - (np.arange(items.shape[2]) == examples["chosen"][..., None])
    pull = np.einsum("ntm,ntmq->nq", surplus * weight[..., None], items)
    mean = np.einsum("ntm,ntmq->ntq", odds, items)
    apart = (items - mean[:, :, None, :]) * np.sqrt(odds * weight[..., None])[..., None]
    rows = apart.reshape(len(own), -1, model.item)
    spread = np.matmul(rows.transpose(0, 2, 1), rows).reshape(len(own), -1)
    squares = (own[:, :, None] * own[:, None, :]).reshape(len(own), -1)
    blocks = (squares.T @ spread).reshape(model.personal, model.personal, model.item, model.item)
    curvature = blocks.transpose(0, 2, 1, 3).reshape(model.size, model.size)
    return np.asarray((own.T @ pull).ravel(), np.float64), np.asarray(curvature, np.float64)
