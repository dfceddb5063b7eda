"""Device halves end: ours within a declared bound, those from outside the package within a hard cap."""

import tracemalloc

import numpy as np
import pytest

from choral.device import capped
from choral.device.capped import CappedOut, contribute
from choral.learning import (
    ALGORITHMS,
    BufferedGradient,
    Count,
    DrawAndDiscard,
    FederatedAveraging,
    FoundWords,
    PrefixTree,
)
from choral.learning.alternating_least_squares import AlternatingLeastSquares
from choral.learning.k_modes import KModes
from choral.learning.words import LETTERS
from choral.numerics import SeededEntropy
from choral.protocol import Spec

from .outside import Hanging, Honest, Hungry, Leaving
from .setting import NAMES, NOW, READY, Desk, agreed, signal, task, typed

WORD = {"category": np.array([3])}
ROWS = 40


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(capped, "MOST_SECONDS", 3)


def test_an_algorithm_from_outside_answers_from_a_process_of_its_own():
    assert contribute(Honest(dictionary=b"d" * 32), {}, WORD).tolist() == [3]


@pytest.mark.parametrize("kind", [Hungry, Leaving])
def test_one_that_breaks_its_cap_is_stopped(kind):
    with pytest.raises(CappedOut, match=r"broke its cap|did not answer"):
        contribute(kind(), {}, WORD)


def test_one_that_hangs_on_data_answers_nothing_and_is_paid_like_any_other():
    desk = Desk(task(algorithm=Spec("hanging/1", {"threshold_milli": 0, "dictionary": b""}), delay_seconds=0))
    names = {**NAMES, Hanging.NAME: Hanging}
    device = agreed(desk, signal(immediate=False), names=names)
    device.record(typed("hello"), NOW)
    assert [step.kind for step in device.tick(NOW, READY)] == ["contributed", "sent"]


def candidates(number):
    """That many prefixes of four letters."""
    codes = np.zeros((number, LETTERS), np.uint8)
    codes[:, :4] = np.stack(np.unravel_index(np.arange(number), (26, 26, 26, 26)), axis=1) + 1
    return {"letters": np.array([4, 6]), "complete": np.array([0]), "candidates": codes}


def rows(width):
    return {"inputs": np.ones((ROWS, width)), "label": np.ones(ROWS), "weight": np.ones(ROWS)}


def checked_out(algorithm):
    return algorithm.check_out(algorithm.init(SeededEntropy(1)), SeededEntropy(2))


MODEL = {"model": "logistic/1", "shape": "4000"}
RATED = {"item": np.arange(ROWS), "rating": np.full(ROWS, 0.5), "weight": np.ones(ROWS)}
LARGE = {
    Count: (Count(), {}, {"category": np.arange(ROWS)}),
    FoundWords: (FoundWords(), {}, {"word": np.ones((ROWS, LETTERS), np.uint8)}),
    PrefixTree: (PrefixTree(domain=2**31), candidates(100_000), {"word": np.ones((ROWS, LETTERS), np.uint8)}),
    FederatedAveraging: (FederatedAveraging(**MODEL, epochs=3, batch=5), None, rows(4000)),
    BufferedGradient: (BufferedGradient(**MODEL), None, rows(4000)),
    DrawAndDiscard: (
        DrawAndDiscard(**MODEL, instances=2, rate_micro=1000, clip_micro=1000, noise_nano=1000),
        None,
        rows(4000),
    ),
    AlternatingLeastSquares: (AlternatingLeastSquares(500, 12, 500), None, RATED),
    KModes: (KModes(30, 24, 80), None, {"rows": np.zeros((ROWS, 24), np.int64), "weight": np.ones(ROWS)}),
}


def test_every_algorithm_has_its_large_case():
    assert set(LARGE) == set(ALGORITHMS.values())


@pytest.mark.parametrize("kind", LARGE, ids=lambda kind: kind.NAME)
def test_a_device_half_keeps_to_the_memory_that_it_declares(kind):
    algorithm, params, examples = LARGE[kind]
    params = checked_out(algorithm) if params is None else params
    algorithm.require_params(params)
    work = algorithm.device_work(params, ROWS)
    contribute(algorithm, params, examples)  # what is loaded once is no part of it
    tracemalloc.start()
    contribute(algorithm, params, examples)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 8 * work.numbers + 2**16, f"{peak:,} bytes, {work.numbers:,} numbers declared"
    assert peak >= work.numbers / 64, "a bound so wide that it says nothing"


def test_a_check_out_that_would_keep_a_device_busy_is_refused_before_anything_is_computed():
    big = FederatedAveraging(**{**MODEL, "shape": "60000"}, epochs=100)
    desk = Desk(task(algorithm=Spec.of(big)))
    ask = desk.checkout
    desk.checkout = lambda one: ask(one, params={"params": np.zeros(60_001, np.float32)})
    device = agreed(desk, signal(immediate=False, limit=10_000))
    [step] = device.refresh(NOW)
    assert (step.code, device.offers()) == ("too-much-work", ())
