"""A cohort's collaborative filter: central, federated by integer sums, private by people; and averaging for comparison.

Knows cells and algorithms; each person's part is the same function that a device runs. Floats may be added in a central
place; federated sums are integers, so that they do not depend on who comes first or with whom.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from choral.learning.alternating_least_squares import AlternatingLeastSquares
from choral.learning.base import Arrays
from choral.learning.factor_solver import Cells, item_rows, item_sums, solved_people
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.mechanisms.vectors import MOST_DIMENSION
from choral.numerics import Entropy

Floats = NDArray[np.float64]
SCALE = 2**24  # integer steps in one unit of a federated sum
PEOPLE = 2_000  # whose parts are held at a time
MOST_SHARE = 0.16  # of an item's usual weight that noise may be for hidden factors to be worth their reports
ROUNDS = 3  # of a private training with hidden factors; without them one round says it all
DELTA_EACH = 1e-6  # of a report under the trust `sum`
Number = TypeVar("Number", np.float64, np.int64)
Sum = Callable[[AlternatingLeastSquares, Cells, Arrays], tuple[Floats, float]]


def trained(algorithm: AlternatingLeastSquares, cells: Cells, *, rounds: int, entropy: Entropy, add: Sum) -> Iterator[Arrays]:
    """The state after each of `rounds` rounds; `add` forms the sums [size] and says what noise variance is in them."""
    state = algorithm.init(entropy)
    for _ in range(rounds):
        sums, variance = add(algorithm, cells, algorithm.check_out(state, entropy))
        state = algorithm.folded(state, sums, variance)
        yield state


def central(algorithm: AlternatingLeastSquares, cells: Cells, params: Arrays) -> tuple[Floats, float]:
    """All ratings in one place."""
    items, priors = algorithm.parts(params), algorithm.priors
    total = np.zeros((algorithm.items, algorithm.width))
    for part in _parts(cells):
        total += item_sums(part, solved_people(part, items, priors), items.mean, priors)
    return total.ravel(), 0.0


def federated(algorithm: AlternatingLeastSquares, cells: Cells, params: Arrays) -> tuple[Floats, float]:
    """Each person's part rounded to integers, as a secure sum adds them."""
    total = np.zeros((algorithm.items, algorithm.width), np.int64)
    for part, rows in _rows(algorithm, cells, params):
        total += _by_item(np.rint(rows * SCALE).astype(np.int64), part)
    return total.ravel() / SCALE, 0.0


@dataclass(frozen=True, slots=True)
class Private:
    """Each person's part shortened to the clip norm, and the discrete Gaussian noise of all shares in the sum."""

    mechanism: GaussianVector
    entropy: Entropy

    def __call__(self, algorithm: AlternatingLeastSquares, cells: Cells, params: Arrays) -> tuple[Floats, float]:
        """The sums as the mechanism would estimate them."""
        total = np.zeros((algorithm.items, algorithm.width))
        for part, rows in _rows(algorithm, cells, params):
            lengths = np.sqrt(np.bincount(part.person, (rows**2).sum(axis=1), part.people))
            kept = np.minimum(1, self.mechanism.clip_norm / np.maximum(lengths, 1e-12))
            total += _by_item(rows * kept[part.person][:, None], part)
        return noisy_sum(self.mechanism, total.ravel(), cells.people, self.entropy)


def noisy_sum(mechanism: GaussianVector, total: Floats, people: int, entropy: Entropy) -> tuple[Floats, float]:
    """What the mechanism estimates of `total`, and with what variance, when `people` report.

    A sum of discrete Gaussians is one of the sum of their variances but for less than 1e-60 (decision record 11 and the
    mechanism's source), and rounding adds at most a quarter each: both are drawn at once, as one rounded normal number.
    """
    step = float(mechanism.estimate(np.ones(mechanism.cells, np.int64), 1).values[0])
    spread = np.sqrt(people * (mechanism.sigma**2 + 0.25))
    state = np.rint(total / step + spread * normal(entropy, len(total))).astype(np.int64)
    estimate = mechanism.estimate(state, people)
    return np.asarray(estimate.values, np.float64), float(estimate.variance[0])


def private_plan(
    people: int, cells: Cells, *, items: int, epsilon: float, like: AlternatingLeastSquares
) -> tuple[AlternatingLeastSquares, GaussianVector, int]:
    """The algorithm, the mechanism of each round, and how many rounds: hidden factors only where noise leaves them something.

    It looks at how many people there are and at how many items one rates, which an operator knows; at no rating.
    """
    weight = people * np.sqrt(len(cells.item) / max(people, 1)) / items
    for rank, rounds in ((like.rank, ROUNDS), (0, 1)):
        algorithm = replace(like, items=items, rank=rank, per_person=1)
        if rank and algorithm.size > MOST_DIMENSION:
            continue
        mechanism = GaussianVector.for_sum(epsilon / rounds, algorithm.size, clip_norm=algorithm.clip_norm, minimum=people)
        noise = float(mechanism.estimate(np.zeros(mechanism.cells, np.int64), people).stderr[0])
        if noise * rank < MOST_SHARE * weight:
            break
    return algorithm, mechanism, rounds


def predictions(
    algorithm: AlternatingLeastSquares, params: Arrays, cells: Cells
) -> Callable[[NDArray[np.int64], NDArray[np.int64]], Floats]:
    """A function of people and items that predicts ratings, each person's factors solved from their cells."""
    items = algorithm.parts(params)
    people = solved_people(cells, items, algorithm.priors)

    def predict(person: NDArray[np.int64], item: NDArray[np.int64]) -> Floats:
        taste = (people.factors[person] * items.factors[item]).sum(axis=1)
        return np.asarray(items.mean + people.bias[person] + items.biases[item] + taste)

    return predict


def _rows(algorithm: AlternatingLeastSquares, cells: Cells, params: Arrays) -> Iterator[tuple[Cells, Floats]]:
    """Some thousand people's parts at a time."""
    items = algorithm.parts(params)
    for part in _parts(cells):
        yield part, item_rows(part, solved_people(part, items, algorithm.priors), items.mean, algorithm.priors)


def _parts(cells: Cells) -> Iterator[Cells]:
    for first in range(0, cells.people, PEOPLE):
        yield cells.of_people(first, min(first + PEOPLE, cells.people))


def _by_item(rows: NDArray[Number], cells: Cells) -> NDArray[Number]:
    """Sums of rows by their items, in the rows' own type; [items, width]."""
    order = np.argsort(cells.item, kind="stable")
    there, starts = np.unique(cells.item[order], return_index=True)
    total = np.zeros((cells.items, rows.shape[1]), rows.dtype)
    if len(there):
        total[there] = np.add.reduceat(rows[order], starts, axis=0)
    return total


def normal(entropy: Entropy, count: int) -> Floats:
    """`count` standard normal numbers, for simulations: float64[count]."""
    words = entropy.words(1, 2 * count)[0]
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53
    return np.asarray(np.sqrt(-2 * np.log(uniform[:count])) * np.cos(2 * np.pi * uniform[count:]))
