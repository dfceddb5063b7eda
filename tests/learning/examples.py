"""Rows for every registered model, and an instance of every registered algorithm with what its contract needs."""

import numpy as np

from choral.learning import MODELS, BufferedGradient, Count, DrawAndDiscard, FederatedAveraging, FoundWords, PrefixTree
from choral.learning.alternating_least_squares import AlternatingLeastSquares
from choral.learning.bilinear_ranking import BilinearRanking
from choral.learning.generalized_linear import LinearRegression, LogisticRegression, PoissonRegression
from choral.learning.k_modes import KModes
from choral.learning.perceptron import MultilayerPerceptron
from choral.learning.words import word_codes
from choral.mechanisms import Estimate

SMALL = {
    kind.NAME: kind
    for kind in (
        BilinearRanking(3, 4),
        LogisticRegression(5),
        LinearRegression(5),
        PoissonRegression(4),
        MultilayerPerceptron(4, 3),
    )
}


def choices(rows=12, *, personal=3, item=4, places=6, seed=0):
    """Choices among up to `places` displayed items; the last rows show fewer."""
    source = np.random.default_rng(seed)
    shown = np.ones((rows, places))
    shown[rows // 2 :, places - 2 :] = 0
    return {
        "personal": source.normal(size=(rows, personal)),
        "items": source.normal(size=(rows, places, item)),
        "offset": source.normal(size=(rows, places)),
        "shown": shown,
        "chosen": source.integers(0, places - 2, rows),
        "weight": source.integers(1, 4, rows).astype(float),
    }


def labelled(rows=12, *, inputs=5, seed=0):
    """Random inputs with labels 0 and 1, both of which occur."""
    source = np.random.default_rng(seed)
    labels = np.arange(rows) % 2
    return {
        "inputs": source.normal(size=(rows, inputs)) + labels[:, None] / 2,
        "label": labels.astype(float),
        "weight": source.integers(1, 4, rows).astype(float),
    }


ROWS = {
    "bilinear-ranking/1": choices(),
    "logistic/1": labelled(),
    "linear/1": labelled() | {"label": np.linspace(-2, 3, 12)},
    "poisson/1": labelled(inputs=4) | {"label": np.arange(12.0) % 4},
    "perceptron/1": labelled(inputs=4),
}


def estimates(size, n=400, *, seed=0, items=None):
    """Two estimates of sums over n reports."""
    source = np.random.default_rng(seed)
    return tuple(Estimate(source.normal(size=size) * n / 9, np.full(size, n / 4.0), n, items) for _ in range(2))


CASES = {  # algorithm, examples, estimates, arrays of the state that are linear in them
    "count/1": (Count(), {"category": np.array([2])}, estimates(4), ("estimate",)),
    "prefix-tree/1": (
        PrefixTree(domain=2000, rounds=bytes([2, 4, 6, 8, 10, 12, 14]), keep_milli=1000),
        {"word": word_codes(["lol"])},
        estimates(2000),
        (),
    ),
    "found-words/1": (FoundWords(), {"word": word_codes(["lol"])}, estimates(2, items=("lol", "ok")), ("estimate",)),
    "federated-averaging/1": (
        FederatedAveraging(model="bilinear-ranking/1", shape="3x4", epochs=2, batch=5, momentum_milli=900),
        choices(),
        estimates(12),
        ("params", "served", "velocity"),
    ),
    "buffered-gradient/1": (
        BufferedGradient(model="logistic/1", shape="5", horizon=3, anchor_micro=10_000),
        labelled(),
        estimates(6),
        ("params", "served"),
    ),
    "draw-and-discard/2": (
        DrawAndDiscard("logistic/1", "5", instances=3, rate_micro=50_000, clip_micro=10**6, noise_nano=10**9),
        labelled(),
        estimates(6, n=1),
        ("instances",),
    ),
    "alternating-least-squares/1": (
        AlternatingLeastSquares(4, 2, 550, per_person=1),
        {"item": np.array([0, 2, 2, 3]), "rating": np.array([0.2, 0.8, 0.6, 0.5]), "weight": np.array([1.0, 1, 1, 0])},
        estimates(36),
        (),
    ),
    "k-modes/1": (
        KModes(3, 2, 5),
        {"rows": np.array([[0, 1], [4, 4], [2, 3]]), "weight": np.array([1.0, 1, 0])},
        estimates(30),
        ("weight",),
    ),
}

MODEL_NAMES = sorted(MODELS)
