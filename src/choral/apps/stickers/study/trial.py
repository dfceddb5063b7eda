"""One simulated deployment from people to figures: what was learnt at each epsilon, beside all that it is compared with.

Study half. Composes a market, or a file's crowd, with training and judging; leaves tables and pages to commands.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.catalogue import Catalogue
from choral.apps.stickers.device.tasks import Head
from choral.apps.stickers.study.baselines import central
from choral.apps.stickers.study.judge import LEAST_GAIN, Kept, Scores, judged, kept, mean_over
from choral.apps.stickers.study.market import LOGGED, Market, agreement, linear_share
from choral.apps.stickers.study.own_file import Crowd
from choral.apps.stickers.study.study import SHARD, Examples, Run, averaging, buffered, head_of, train
from choral.learning.base import Arrays
from choral.learning.bilinear_ranking import BilinearRanking
from choral.simulation.scores import Mean

CENTRAL = 20_480  # people, at most, whose choices the central fit sees: far more than its numbers need
PLAIN, FIT, AVERAGED = "federated, not private", "central, not private", "federated averaging"

Floats = NDArray[np.float64]
Done = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """What is simulated; epsilons: each trains a head of its own on the same people.

    size: numbers of the head; held_out: people to judge by; averaged: whether federated averaging runs as well
    logged: people whose download logs the catalogue service learns from
    """

    seed: int
    devices: int
    epsilons: tuple[float, ...]
    rounds: int = 50
    size: int = 150
    held_out: int = 20_000
    averaged: bool = False
    logged: int = LOGGED


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures of one trial. means: ranking -> measure -> mean over held-out people; kept: by name of a private run.

    agreement: of two choices of one person, of two choices of anyone; linear: share of taste explained by keywords
    """

    means: Mapping[str, Mapping[str, Mean]]
    kept: Mapping[str, Kept]
    agreement: tuple[float, float] | None = None
    linear: float | None = None
    warnings: tuple[str, ...] = field(default=())


def named(epsilon: float) -> str:
    """How the run at this epsilon is called.

    >>> named(4.0)
    'federated, epsilon 4'
    """
    return f"federated, epsilon {epsilon:g}"


def simulated(trial: Trial, catalogue: Catalogue, done: Done | None = None) -> Outcome:
    """The trial on a generated population; UsageError if it has fewer devices than rounds."""
    head = head_of(trial.size)
    market = Market.of(catalogue, trial.seed, head, logged=trial.logged)
    heads = _heads(market, trial, head, done)
    starts = range(0, min(CENTRAL, trial.devices), SHARD)
    heads[FIT] = central(_model(head), [market.examples(start, min(SHARD, trial.devices - start)) for start in starts])
    scores = judged(market, heads, model=_model(head), people=trial.held_out, seed=trial.seed)
    shared = agreement(market.world.people(0, SHARD), len(catalogue))
    return _outcome(scores, trial, agreement=shared, linear=linear_share(market.world))


def on_file(trial: Trial, train_crowd: Crowd, test_crowd: Crowd, done: Done | None = None) -> Outcome:
    """The trial on a file's people, each of them one device."""
    head = head_of(trial.size)
    heads = _heads(train_crowd, trial, head, done)
    heads[FIT] = central(_model(head), [_by_choice(train_crowd.examples(0, min(len(train_crowd), CENTRAL)))])
    return _outcome(test_crowd.judged(heads, seed=trial.seed), trial)


def _heads(source: Examples, trial: Trial, head: Head, done: Done | None) -> dict[str, Floats]:
    runs: dict[str, Run] = {
        named(epsilon): buffered(head, epsilon, devices=trial.devices, rounds=trial.rounds) for epsilon in trial.epsilons
    }
    runs[PLAIN] = buffered(head, None, devices=trial.devices, rounds=trial.rounds)
    if trial.averaged:
        ways: Sequence[float | None] = (*trial.epsilons, None)
        runs |= {_averaged(way): averaging(head, way, devices=trial.devices, rounds=trial.rounds) for way in ways}
    found = train(source, list(runs.values()), devices=trial.devices, rounds=trial.rounds, seed=trial.seed, done=done)
    return dict(zip(runs, found, strict=True))


def _averaged(epsilon: float | None) -> str:
    return f"{AVERAGED}, not private" if epsilon is None else f"{AVERAGED}, epsilon {epsilon:g}"


def _outcome(
    scores: Scores, trial: Trial, *, agreement: tuple[float, float] | None = None, linear: float | None = None
) -> Outcome:
    means = {name: {measure: mean_over(values) for measure, values in one.items()} for name, one in scores.items()}
    private = [name for epsilon in trial.epsilons for name in (named(epsilon), _averaged(epsilon)) if name in scores]
    share = {name: kept(scores, private=name, plain=PLAIN) for name in private}
    return Outcome(means, share, agreement, linear, _warnings(share))


def _warnings(share: Mapping[str, Kept]) -> tuple[str, ...]:
    for one in share.values():
        if one.gain_nonprivate.mean < LEAST_GAIN:
            return (
                f"without privacy the gain over the best untrained ranking ({one.best_untrained}) is {one.gain_nonprivate} "
                f"NDCG@5, below {LEAST_GAIN}: too little for the share that is kept to mean much",
            )
    return ()


def _model(head: Head) -> BilinearRanking:
    return BilinearRanking(head.personal, head.item)


def _by_choice(examples: Arrays) -> Arrays:
    """The same choices, each as a device of its own, whose personal numbers may differ from choice to choice."""
    return {name: array.reshape(-1, 1, *array.shape[2:]) for name, array in examples.items()}
