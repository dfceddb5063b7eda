"""Anybody's ratings through the same filter: central, federated, private by person, and the bias model to beat.

Knows columns of ratings. Leaves files to the command.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.study.factors import Private, central, federated, predictions, private_plan, trained
from choral.learning.alternating_least_squares import MILLI, AlternatingLeastSquares
from choral.learning.base import Arrays
from choral.learning.factor_solver import Cells
from choral.mechanisms.vectors import MOST_DIMENSION
from choral.numerics import SeededEntropy

RANK, ROUNDS = 16, 12
NOISE, PERSON, ITEM, TASTE = 0.83, 0.41, 0.46, 0.25  # of the standard deviation of all ratings
TRAINED_OF = 5  # four of five ratings train, where no other file tests
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ratings:
    """One row a rating. person, item: int64[n], counted from 0; rating: float64[n]; people, items: how many there are"""

    person: Integers
    item: Integers
    rating: Floats
    people: int
    items: int

    @classmethod
    def of(cls, person: Sequence[str], item: Sequence[str], rating: Floats) -> "Ratings":
        """From names; ValueError for a rating that is not finite."""
        if not len(rating) or not np.isfinite(rating).all():
            raise ValueError("ratings are finite numbers, and there is at least one")
        people, person_number = np.unique(np.asarray(person), return_inverse=True)
        items, item_number = np.unique(np.asarray(item), return_inverse=True)
        return cls(person_number.astype(np.int64), item_number.astype(np.int64), rating, len(people), len(items))

    def chosen(self, kept: NDArray[np.bool_]) -> "Ratings":
        """Some of the rows."""
        return Ratings(self.person[kept], self.item[kept], self.rating[kept], self.people, self.items)

    def cells(self) -> Cells:
        """As people hold them."""
        examples = {"item": self.item, "rating": self.rating, "weight": np.ones(len(self.rating))}
        return Cells.of(self.person, examples, people=self.people, items=self.items)


@dataclass(frozen=True, slots=True)
class Scores:
    """Root mean squared errors on the test rows; `private` is None where too many items make a report too large."""

    central: float
    federated: float
    private: float | None
    bias: float


def split(ratings: Ratings, seed: int) -> tuple[Ratings, Ratings]:
    """Four fifths to train and a fifth to test, at random."""
    order = SeededEntropy(seed).words(1, len(ratings.rating))[0].argsort(kind="stable")
    test = np.zeros(len(order), np.bool_)
    test[order[: len(order) // TRAINED_OF]] = True
    return ratings.chosen(~test), ratings.chosen(test)


def filter_for(ratings: Ratings, *, rank: int = RANK) -> AlternatingLeastSquares:
    """The filter whose deviations are the usual shares of how far these ratings spread, a public figure of their scale."""
    spread = max(float(ratings.rating.std()), 1e-3) * MILLI
    noise, person, item, taste = (max(1, round(share * spread)) for share in (NOISE, PERSON, ITEM, TASTE))
    low = min(0.0, float(ratings.rating.min()))
    if low < 0:
        raise ValueError(f"ratings start at 0 or above, got {low:g}; add a constant to all of them")
    centre = round(float(ratings.rating.mean()) * MILLI)
    return AlternatingLeastSquares(ratings.items, rank, centre, noise, person, item, taste)


def scores(train: Ratings, test: Ratings, *, epsilon: float, seed: int, done: Callable[[int], None]) -> Scores:
    """All four ways, trained on the one and judged on the other; `done` hears of each of 3 * ROUNDS rounds without noise."""
    cells, algorithm, bias = train.cells(), filter_for(train), filter_for(train, rank=0)
    errors = {}
    for name, kind, add in (("central", algorithm, central), ("federated", algorithm, federated), ("bias", bias, central)):
        *_, state = _told(trained(kind, cells, rounds=ROUNDS, entropy=SeededEntropy(seed), add=add), done)
        errors[name] = rmse(kind, state, cells, test)
    return Scores(errors["central"], errors["federated"], _private(algorithm, cells, test, epsilon, seed), errors["bias"])


def rmse(algorithm: AlternatingLeastSquares, state: Arrays, cells: Cells, test: Ratings) -> float:
    """Of the test rows."""
    told = predictions(algorithm, algorithm.publish(state), cells)(test.person, test.item)
    return float(np.sqrt(((told - test.rating) ** 2).mean()))


def _told(states: Iterator[Arrays], done: Callable[[int], None]) -> Iterator[Arrays]:
    for state in states:
        done(1)
        yield state


def _private(algorithm: AlternatingLeastSquares, cells: Cells, test: Ratings, epsilon: float, seed: int) -> float | None:
    if 2 * cells.items > MOST_DIMENSION:
        return None
    plan, mechanism, rounds = private_plan(cells.people, cells, items=cells.items, epsilon=epsilon, like=algorithm)
    noisy = Private(mechanism, SeededEntropy(seed, 2**61))
    *_, state = trained(plan, cells, rounds=rounds, entropy=SeededEntropy(seed), add=noisy)
    return rmse(plan, state, cells, test)
