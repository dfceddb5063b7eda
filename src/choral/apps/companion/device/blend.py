"""What a person sees: the public model, solved for their own ratings, and shrunk towards what they themselves have said.

Knows one person's ratings, or many people's apart. Nothing here leaves a device. Needs numpy alone: the device's half.
Three answers are weighed for each person by how well each would have foretold every rating from the person's others
(exactly, without solving again): the shared model; the same, moved where the person's own ratings of an item lie off; and
what the person's own ratings say alone. The less sure the public model is, the more readily it gives way.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from choral.learning.alternating_least_squares import AlternatingLeastSquares
from choral.learning.base import Arrays
from choral.learning.factor_solver import Cells, Items, People, Priors, solved_people

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
OWN = (0.01, 0.5)  # how far a person's own taste for an item lies off the shared model, in priors of an item's bias
GRID = 4  # weights are multiples of a quarter
LEANING = 8.0  # nats by which being alone starts behind a model that is sure
MOST_DOUBT = 0.9  # public: a model less sure of its items than that is left alone
MIXES = np.array([mix for mix in product(range(GRID + 1), repeat=len(OWN) + 1) if sum(mix) == GRID], np.float64) / GRID


@dataclass(frozen=True, slots=True)
class Blend:
    """Predictions float64[people, items] by the shared model, by people alone, and by both as each person's data weigh them.

    weights: float64[people, answers], the last of which is the person alone
    """

    shared: Floats
    alone: Floats
    own_mean: Floats
    blend: Floats
    weights: Floats


def blended(algorithm: AlternatingLeastSquares, params: Arrays, examples: Arrays, *, person: Integers, people: int) -> Blend:
    """For each of `people` from their ratings alone; examples as in `contribute`, of which `person` int64[n] says whose."""
    items, priors = algorithm.parts(params), algorithm.priors
    kept = np.asarray(examples["weight"]) > 0
    ratings = _Ratings(person[kept], np.asarray(examples["item"])[kept], np.asarray(examples["rating"], np.float64)[kept])
    cells = Cells.of(person, examples, people=people, items=algorithm.items)
    solved = solved_people(cells, items, priors)
    shared = items.mean + solved.bias[:, None] + items.biases + solved.factors @ items.factors.T
    mean, moves = _own_means(cells, items), _tastes(items, priors)
    answers = [*(_moved(shared, cells, move) for move in moves), _moved(mean[:, None], cells, _alone(priors))]
    foretold = _foretold(ratings, cells, items, solved, priors, mean)
    weights = _weights(foretold - ratings.rating[:, None], ratings.person, people, priors, float(items.doubt.mean()))
    blend = np.einsum("npi,pn->pi", np.array(answers), weights)
    return Blend(shared, answers[-1], mean, blend, weights)


@dataclass(frozen=True, slots=True)
class _Ratings:
    person: Integers
    item: Integers
    rating: Floats


def _tastes(items: Items, priors: Priors) -> list[Floats]:
    """Ratings after which a person's own word on an item counts as much as the shared model's, for each answer: [items]."""
    return [priors.noise**2 / (priors.item**2 * (own**2 + items.doubt**2)) for own in OWN]


def _alone(priors: Priors) -> float:
    return float(priors.noise**2 / priors.item**2)


def _own_means(cells: Cells, items: Items) -> Floats:
    """Of each person's ratings; the public mean for who has none."""
    count = np.bincount(cells.person, cells.count, cells.people)
    total = np.bincount(cells.person, cells.count * cells.mean, cells.people)
    return np.asarray(np.divide(total, count, out=np.full(cells.people, items.mean), where=count > 0))


def _moved(base: Floats, cells: Cells, half: Floats | float) -> Floats:
    """The base [people, items] where a person said nothing; elsewhere moved towards the mean of what they said."""
    moved = np.array(np.broadcast_to(base, (cells.people, cells.items)))
    here = moved[cells.person, cells.item]
    pull = np.asarray(half)[cells.item] if isinstance(half, np.ndarray) else half
    moved[cells.person, cells.item] = here + cells.count / (cells.count + pull) * (cells.mean - here)
    return moved


def _foretold(ratings: _Ratings, cells: Cells, items: Items, solved: People, priors: Priors, mean: Floats) -> Floats:
    """Each rating from the person's others by each answer, float64[n, answers]."""
    x = np.concatenate([items.factors, np.ones((cells.items, 1))], axis=1)[cells.item]
    hold = np.einsum("ni,nij,nj->n", x, solved.spread[cells.person], x) / priors.noise**2
    taste = (items.factors[cells.item] * solved.factors[cells.person]).sum(axis=1)
    now = items.mean + items.biases[cells.item] + solved.bias[cells.person] + taste
    person, rating = ratings.person, ratings.rating
    cell = np.searchsorted(cells.person * cells.items + cells.item, person * cells.items + ratings.item)
    shared = rating - (rating - now[cell]) / np.maximum(1 - hold[cell], 1e-6)
    rest = cells.count[cell] - 1
    others = np.where(rest > 0, ((cells.mean * cells.count)[cell] - rating) / np.maximum(rest, 1), 0)
    count = np.bincount(person, minlength=cells.people)[person]
    alone = np.where(count > 1, (mean[person] * count - rating) / np.maximum(count - 1, 1), items.mean)
    columns = [shared + rest / (rest + move[ratings.item]) * (others - shared) for move in _tastes(items, priors)]
    return np.stack([*columns, alone + rest / (rest + _alone(priors)) * (others - alone)], axis=1)


def _weights(errors: Floats, person: Integers, people: int, priors: Priors, doubt: float) -> Floats:
    """The mean of all mixes of answers, each as likely as its errors make it; float64[people, answers]."""
    answers = errors.shape[1]
    if doubt > MOST_DOUBT:
        return np.tile(np.eye(answers)[-1], (people, 1))
    crosses = np.empty((answers, answers, people))
    for i, j in product(range(answers), repeat=2):
        crosses[i, j] = np.bincount(person, errors[:, i] * errors[:, j], people)
    squares = np.einsum("gi,gj,ijn->ng", MIXES, MIXES, crosses)
    scores = -squares / (2 * priors.noise**2) - LEANING * (1 - doubt) * MIXES[:, -1]
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray((chances / chances.sum(axis=1, keepdims=True)) @ MIXES)
