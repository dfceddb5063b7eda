"""What private federated training does on choices that real people made: rankings compared on phones nobody trained on.

Study half; needs the source data, which never enter the repository. Says of each figure what is private in it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.tasks import Head
from choral.apps.stickers.study.choices import FEATURES, Choices, Ranked, crossed, ranked, read_choices
from choral.apps.stickers.study.choices import agreement as phones_agreement
from choral.apps.stickers.study.judge import mean_over
from choral.apps.stickers.study.kaomoji import NUMBERS, Messages, read_messages
from choral.apps.stickers.study.study import CLIP_NORM, Run, buffered, train
from choral.learning.ranking import ndcg, ranks, reciprocal_rank
from choral.numerics import SeededEntropy
from choral.simulation.scores import Mean

FOLDS = 5  # every phone is held out once
PASSES, ROUNDS = 60, 5  # of plain training, all phones in each; of private training, one report a phone
PLAIN_RATE = 4.0  # features of a phone are not of length one, as those of the catalogue are
KAOMOJI_ROUNDS = 100
EPSILONS = (1.0, 4.0, 8.0)
OWN_FIRST = 1000.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Row:
    """One ranking on held-out people: NDCG@5, MRR, and NDCG@5 above `beside` with its paired error."""

    name: str
    ndcg5: Mean
    mrr: Mean
    above: Mean


@dataclass(frozen=True, slots=True)
class Outcome:
    """Rankings of one set of real choices; `beside` is the ranking that they are compared with."""

    people: int
    choices: int
    candidates: int
    beside: str
    agreement: tuple[float, float] | None
    rows: tuple[Row, ...]


def on_phones(folder: Path, seed: int) -> Outcome:
    """127 phones in FOLDS parts, each ranked by heads that were trained on the other phones."""
    choices = read_choices(folder)
    phones = _shuffled(int(choices.phone.max()) + 1, seed)
    found: dict[str, list[tuple[float, float]]] = {}
    for fold in range(FOLDS):
        train_phones = [phone for place, phone in enumerate(phones) if place % FOLDS != fold]
        test = ranked(choices, phones[fold::FOLDS], learnt_from=train_phones)
        for name, scores in _phone_scores(choices, train_phones, test, seed).items():
            found.setdefault(name, []).extend(_by_phone(scores, test))
    table = {name: np.array(values) for name, values in found.items()}
    rows = _rows(table, beside="popularity")
    return Outcome(len(phones), len(choices.chosen), len(choices.kinds), "popularity", phones_agreement(choices), rows)


def on_kaomoji(folder: Path, seed: int) -> Outcome:
    """Japanese messages: which of all kaomoji did the author put behind? One device a message."""
    devices, test = read_messages(folder, seed)
    head, count = Head(NUMBERS + 1, NUMBERS, clip_norm=CLIP_NORM), len(devices.chosen)
    names = {"federated, not private": None} | {f"federated, epsilon {epsilon:g}": epsilon for epsilon in EPSILONS}
    runs = [buffered(head, epsilon, devices=count, rounds=KAOMOJI_ROUNDS) for epsilon in names.values()]
    heads = train(devices, runs, devices=count, rounds=KAOMOJI_ROUNDS, seed=seed)
    scores = {"random": _random((len(test.chosen), len(test.kaomoji)), seed), "untrained": test.text @ test.kaomoji.T}
    scores |= {name: _text_scores(test, params, head) for name, params in zip(names, heads, strict=True)}
    table = {name: _each(values, test.chosen) for name, values in scores.items()}
    return Outcome(count, len(test.chosen), len(test.kaomoji), "untrained", None, _rows(table, beside="untrained"))


def _phone_scores(choices: Choices, phones: list[int], test: Ranked, seed: int) -> dict[str, Floats]:
    source, head, n = crossed(choices, phones), Head(1, len(FEATURES), clip_norm=CLIP_NORM), len(phones)
    plain = buffered(head, None, devices=n * PASSES, rounds=PASSES)
    slow = Run(replace(plain.algorithm, rate_micro=round(PLAIN_RATE * 1e6)), None)
    heads = {"federated, not private": train(source, [slow], devices=n * PASSES, rounds=PASSES, seed=seed)[0]}
    private = [buffered(head, epsilon, devices=n, rounds=ROUNDS) for epsilon in EPSILONS]
    for epsilon, params in zip(EPSILONS, train(source, private, devices=n, rounds=ROUNDS, seed=seed), strict=True):
        heads[f"federated, epsilon {epsilon:g}"] = params
    scores = {
        "random": _random(test.offset.shape, seed),
        "popularity": test.offset,
        "own history": OWN_FIRST * test.items[..., 0] + test.offset,
    }
    return scores | {name: test.offset + test.items @ params for name, params in heads.items()}


def _text_scores(test: Messages, params: Floats, head: Head) -> Floats:
    return np.asarray(test.own @ params.reshape(head.personal, head.item) @ test.kaomoji.T)


def _each(scores: Floats, chosen: NDArray[np.int64]) -> Floats:
    """NDCG@5 and reciprocal rank of each choice, float64[n, 2]."""
    placed = ranks(scores, np.ones_like(scores), chosen)
    return np.stack([ndcg(placed), reciprocal_rank(placed)], axis=1)


def _by_phone(scores: Floats, test: Ranked) -> list[tuple[float, float]]:
    """Each phone's means, phones in the order of their numbers."""
    each = _each(scores, test.chosen)
    means = [each[test.phone == phone].mean(axis=0) for phone in np.unique(test.phone)]
    return [(float(one), float(other)) for one, other in means]


def _rows(table: Mapping[str, Floats], *, beside: str) -> tuple[Row, ...]:
    """One row a ranking; table: float64[people, 2] of each."""
    return tuple(
        Row(name, mean_over(values[:, 0]), mean_over(values[:, 1]), mean_over(values[:, 0] - table[beside][:, 0]))
        for name, values in table.items()
    )


def _random(shape: tuple[int, ...], seed: int) -> Floats:
    words = SeededEntropy(seed).words(shape[0], shape[1])
    return words.astype(np.float64)


def _shuffled(count: int, seed: int) -> list[int]:
    """Numbers 0 to count - 1 in an order of the seed's own."""
    return sorted(range(count), key=lambda one: hashlib.sha256(f"choral/stickers/real/1/{seed}/{one}".encode()).digest())
