"""The paper's experiment on generated lives: one filter, learnt centrally, federated by sums, and by averaging.

24,000 hours, clustered; four fifths train and a fifth validates; errors after each epoch. What generated the lives says what
nobody can beat.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.fragments import Fragments
from choral.apps.companion.study.averaging import Averaging
from choral.apps.companion.study.clustering import k_medoids, k_modes
from choral.apps.companion.study.factors import Sum, central, federated, trained
from choral.apps.companion.study.generator import Generator, Lives
from choral.learning.alternating_least_squares import AlternatingLeastSquares
from choral.learning.base import Arrays
from choral.learning.factor_solver import Cells, Items, People, solved_people
from choral.numerics import SeededEntropy

CLUSTERS, RANK, EPOCHS = 100, 4, 50
SUMS_EPOCHS = 12  # after which sums change the fifth digit
VALIDATED_OF = 5
Floats = NDArray[np.float64]
Step = tuple[Items, People]
Late = Callable[[], Step]  # what an epoch led to, to be looked at when the clock has stopped
FILTER = AlternatingLeastSquares(CLUSTERS, RANK, 550, noise_milli=90, person_milli=100, item_milli=100, taste_milli=60)
BIAS = AlternatingLeastSquares(CLUSTERS, 0, 550, noise_milli=90, person_milli=100, item_milli=100, taste_milli=60)


@dataclass(frozen=True, slots=True)
class Data:
    """Rated fragments. person, cluster: int64[n]; mood: float64[n]; validates: bool[n], which rows are held back"""

    people: int
    person: NDArray[np.int64]
    cluster: NDArray[np.int64]
    mood: Floats
    validates: NDArray[np.bool_]
    noise_floor: float
    mean_distance: float
    modes_distance: float
    cluster_seconds: float

    def cells(self) -> Cells:
        """What people trained on."""
        known = ~self.validates
        examples = {"item": self.cluster[known], "rating": self.mood[known], "weight": np.ones(int(known.sum()))}
        return Cells.of(self.person[known], examples, people=self.people, items=CLUSTERS)

    def chosen(self, kept: NDArray[np.bool_]) -> "Data":
        """Some of the rows."""
        parts = {name: getattr(self, name)[kept] for name in ("person", "cluster", "mood", "validates")}
        return replace(self, **parts)

    def errors(self, items: Items, people: People) -> tuple[float, float]:
        """Mean squared errors of training and of validation."""
        taste = (people.factors[self.person] * items.factors[self.cluster]).sum(axis=1)
        squares = (items.mean + people.bias[self.person] + items.biases[self.cluster] + taste - self.mood) ** 2
        return float(squares[~self.validates].mean()), float(squares[self.validates].mean())


@dataclass(frozen=True, slots=True)
class Curve:
    """One model's training: mean squared errors after each epoch, and how long all of them took."""

    name: str
    train: tuple[float, ...]
    validation: tuple[float, ...]
    seconds: float

    def document(self) -> dict[str, object]:
        """As the experiment's file has it."""
        return {
            "train_mse": self.train[-1],
            "validation_mse": self.validation[-1],
            "seconds_per_epoch": self.seconds / len(self.train),
            "seconds": self.seconds,
            "curves": {"train": list(self.train), "validation": list(self.validation)},
        }


def data_of(people: int, days: int, seed: int, fragments: Fragments | None = None) -> Data:
    """Lives of so many people, clustered by weighted k-medoids, split by the seed."""
    cut = fragments or Fragments()
    lives = Generator(seed, cut).lives(people, days)
    started = time.perf_counter()
    clusters = k_medoids(cut, lives.rows, CLUSTERS, SeededEntropy(seed, 1))
    seconds = time.perf_counter() - started
    cluster, far = clusters.nearest(lives.rows)
    modes = k_modes(cut, lives.rows, CLUSTERS, SeededEntropy(seed, 1)).mean_distance(lives.rows)
    return Data(
        people, lives.person, cluster, lives.mood, _held_back(lives, seed), lives.noise_floor, float(far.mean()), modes, seconds
    )


def curves(data: Data, seed: int) -> dict[str, Curve]:
    """Every model of ours by its name."""
    cells = data.cells()
    start = FILTER.parts(FILTER.publish(FILTER.init(SeededEntropy(seed, 2))))
    ways: dict[str, Callable[[], Iterator[Late]]] = {
        "central": lambda: _solved(FILTER, cells, central, seed),
        "federated": lambda: _solved(FILTER, cells, federated, seed),
        "averaging, rising rate": lambda: _averaged(Averaging(EPOCHS, rising=True), cells, start),
        "averaging, constant rate": lambda: _averaged(Averaging(EPOCHS), cells, start),
        "bias model": lambda: _solved(BIAS, cells, central, seed),
    }
    return {name: _curve(name, way(), data) for name, way in ways.items()}


def own_mean(data: Data) -> Curve:
    """Predicting a person's mean mood, always."""
    known = ~data.validates
    count = np.maximum(np.bincount(data.person[known], minlength=data.people), 1)
    mean = np.bincount(data.person[known], data.mood[known], data.people) / count
    people = People(np.zeros((data.people, 0)), mean, np.zeros((data.people, 1, 1)))
    errors = data.errors(Items(0.0, np.zeros(CLUSTERS), np.zeros((CLUSTERS, 0)), np.zeros(CLUSTERS)), people)
    return Curve("own mean", (errors[0],), (errors[1],), 0.0)


def _solved(algorithm: AlternatingLeastSquares, cells: Cells, add: Sum, seed: int) -> Iterator[Late]:
    for state in trained(algorithm, cells, rounds=SUMS_EPOCHS, entropy=SeededEntropy(seed, 2), add=add):
        yield partial(_step, algorithm, cells, state)


def _step(algorithm: AlternatingLeastSquares, cells: Cells, state: Arrays) -> Step:
    """People as they would be shown the state: solved after the training, for the judges."""
    items = algorithm.parts(algorithm.publish(state))
    return items, solved_people(cells, items, algorithm.priors)


def _averaged(averaging: Averaging, cells: Cells, start: Items) -> Iterator[Late]:
    for items, people in averaging.run(cells, start):
        yield partial(lambda *step: step, items, people)


def _curve(name: str, steps: Iterator[Late], data: Data) -> Curve:
    started = time.perf_counter()
    kept = list(steps)
    seconds = time.perf_counter() - started
    errors = [data.errors(*step()) for step in kept]
    return Curve(name, tuple(train for train, _ in errors), tuple(validation for _, validation in errors), seconds)


def _held_back(lives: Lives, seed: int) -> NDArray[np.bool_]:
    order = SeededEntropy(seed, 3).words(1, len(lives.mood))[0].argsort(kind="stable")
    held = np.zeros(len(order), np.bool_)
    held[order[: len(order) // VALIDATED_OF]] = True
    return held


def joining(people: int, days: int, seed: int) -> list[dict[str, float]]:
    """Validation errors over all hours while the filter hears of 25, 50, 75 and 100 clusters, each going on from the last."""
    data = data_of(people, days, seed)
    state, found = FILTER.init(SeededEntropy(seed, 2)), []
    for known in (25, 50, 75, 100):
        heard = data.chosen(data.cluster < known)
        for _ in range(SUMS_EPOCHS):
            sums, variance = federated(FILTER, heard.cells(), FILTER.check_out(state, SeededEntropy(seed)))
            state = FILTER.folded(state, sums, variance)
        items = FILTER.parts(FILTER.publish(state))
        _, validation = data.errors(items, solved_people(data.cells(), items, FILTER.priors))
        found.append({"clusters": known, "validation_mse": validation})
    return found
