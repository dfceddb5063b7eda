"""The algebra of alternating least squares: people from items, items from sums. Plain numpy, for one person or for a cohort.

Knows cells (a person's mean rating of an item) and priors. Leaves to others who sends what.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
CHUNK = 2**14  # people solved at a time
TELLING = 1.0  # standard errors of noise that an eigenvalue must exceed to count


@dataclass(frozen=True, slots=True)
class Priors:
    """Standard deviations in a rating's unit; per_person: whether a person's squared weights sum to 1."""

    noise: float
    person: float
    item: float
    taste: float
    per_person: bool = False

    @property
    def unit(self) -> float:
        """How far a rating lies from its person's level: the unit in which x y is reported, so that it weighs like x xT."""
        return float(np.hypot(self.noise, self.item))


@dataclass(frozen=True, slots=True)
class Cells:
    """What each person rated: one row a person and item, ordered by person.

    person, item: int64[n]; count: float64[n], ratings in the cell; mean: float64[n], of these; people: how many there are
    """

    person: Integers
    item: Integers
    count: Floats
    mean: Floats
    people: int
    items: int

    @classmethod
    def of(cls, person: Integers, examples: Arrays, *, people: int, items: int) -> "Cells":
        """From single ratings: item int[n] in [0, items), rating float[n] and weight float[n]; ValueError otherwise."""
        item, weight = np.asarray(examples["item"]), np.asarray(examples["weight"], np.float64)
        rating = np.asarray(examples["rating"], np.float64)
        kept = weight > 0
        if item.dtype.kind not in "iu" or not (item.shape == rating.shape == weight.shape == person.shape):
            raise ValueError("items are integers, one for each rating and weight")
        if not np.isfinite(rating[kept]).all() or (item[kept] < 0).any() or (item[kept] >= items).any():
            raise ValueError(f"an item lies outside [0, {items}), or a rating is not finite")
        keys, place = np.unique(person[kept] * items + item[kept].astype(np.int64), return_inverse=True)
        count = np.bincount(place, weight[kept], len(keys)).astype(np.float64)
        mean = np.bincount(place, weight[kept] * rating[kept], len(keys)) / count
        return cls(keys // items, keys % items, count, mean, people, items)

    def of_people(self, first: int, last: int) -> "Cells":
        """Those of the people first .. last, counted from `first`."""
        start, end = np.searchsorted(self.person, (first, last))
        part = slice(int(start), int(end))
        return Cells(self.person[part] - first, self.item[part], self.count[part], self.mean[part], last - first, self.items)


@dataclass(frozen=True, slots=True)
class Items:
    """What everyone may know. mean: of all ratings; biases: float64[items]; factors: float64[items, rank]

    doubt: float64[items], how unsure each bias is, from 0 (known) to 1 (as before any rating)
    """

    mean: float
    biases: Floats
    factors: Floats
    doubt: Floats


@dataclass(frozen=True, slots=True)
class People:
    """What was solved on devices. factors: float64[n, rank]; bias: float64[n]; spread: float64[n, rank + 1, rank + 1],
    how unsure that is (covariance of factors and bias)
    """

    factors: Floats
    bias: Floats
    spread: Floats


def solved_people(cells: Cells, items: Items, priors: Priors) -> People:
    """The likeliest factors and bias of each person, given the items."""
    width = items.factors.shape[1] + 1
    found = People(np.empty((cells.people, width - 1)), np.empty(cells.people), np.empty((cells.people, width, width)))
    for first in range(0, cells.people, CHUNK):
        last = min(first + CHUNK, cells.people)
        part = cells.of_people(first, last)
        answer, spread = _regressed(part, part.mean - items.mean - items.biases[part.item], items.factors, priors)
        found.factors[first:last], found.bias[first:last] = answer[:, :-1], answer[:, -1]
        found.spread[first:last] = spread
    return found


def _regressed(cells: Cells, target: Floats, factors: Floats, priors: Priors) -> tuple[Floats, Floats]:
    """Ridge regressions, one a person: coefficients float64[n, width] and their covariances."""
    rank = factors.shape[1]
    x = np.concatenate([factors, np.ones((len(factors), 1))], axis=1)
    weights = np.zeros((cells.people, cells.items))
    weights[cells.person, cells.item] = cells.count
    grams = (weights @ (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)).reshape(-1, rank + 1, rank + 1)
    weights[cells.person, cells.item] = cells.count * target
    sides = weights @ x
    precision = np.concatenate([np.full(rank, float(max(rank, 1))), [1 / priors.person**2]])
    grams += priors.noise**2 * np.diag(precision)
    inverse = np.linalg.inv(grams)
    return np.einsum("nij,nj->ni", inverse, sides), priors.noise**2 * inverse


def item_rows(cells: Cells, people: People, mean: float, priors: Priors) -> Floats:
    """Each cell's part of its item's sums, float64[n, width]: x xT without its repetitions, then x y in its unit.

    Off the diagonal times sqrt(2), so that the length of a row is that of the matrix. Being unsure of a person's factors
    counts: these are expected values.
    """
    grams, x, offset = _moments(people, mean)
    weight = _weights(cells, priors)[:, None]
    sides = x[cells.person] * cells.mean[:, None] - offset[cells.person]
    return np.concatenate([weight * grams[cells.person], weight * sides / priors.unit], axis=1)


def item_sums(cells: Cells, people: People, mean: float, priors: Priors) -> Floats:
    """The sums float64[items, width] of all rows, by two matrix products: for ratings that lie in one place."""
    grams, x, offset = _moments(people, mean)
    weights = np.zeros((cells.people, cells.items))
    weights[cells.person, cells.item] = _weights(cells, priors)
    plain = weights.T @ np.concatenate([grams, offset], axis=1)
    weights[cells.person, cells.item] *= cells.mean
    sides = weights.T @ x - plain[:, grams.shape[1] :]
    return np.concatenate([plain[:, : grams.shape[1]], sides / priors.unit], axis=1)


def _moments(people: People, mean: float) -> tuple[Floats, Floats, Floats]:
    """Of each person: expected x xT without its repetitions, x, and what of x y does not depend on the rating."""
    rank = people.factors.shape[1]
    x = np.concatenate([people.factors, np.ones((len(people.factors), 1))], axis=1)
    unsure = np.zeros_like(people.spread)
    unsure[:, :rank, :rank] = people.spread[:, :rank, :rank]
    rows, columns, scale = _upper(rank)
    grams = (x[:, :, None] * x[:, None, :] + unsure)[:, rows, columns] * scale
    both = np.concatenate([people.spread[:, :rank, -1], np.zeros((len(x), 1))], axis=1)
    return grams, x, x * (mean + people.bias)[:, None] + both


def items_from(sums: Floats, before: Items, *, priors: Priors, variance: float) -> Items:
    """The items from sums float64[items, width], each number of which has noise of this variance.

    Noise can make a Gram matrix impossible: what of it does not stand out of the noise counts as zero, and leaves that part
    of the item at its prior. The noise in the rest draws it there too, as ratings that are as unsure would.
    """
    rank = before.factors.shape[1]
    grams, sides = _unpacked(sums, rank, priors)
    shift = _shift(grams, sides, before, priors, variance)
    sides = sides - shift * grams[:, :, -1]
    told, right = _evidence(grams, sides, priors, variance)
    prior = np.diag([1 / priors.taste**2] * rank + [1 / priors.item**2])
    covariance = np.linalg.inv(told + prior)
    answer = np.einsum("nij,nj->ni", covariance, right)
    doubt = np.sqrt(covariance[:, -1, -1]) / priors.item
    return Items(before.mean + shift, answer[:, -1], answer[:, :-1], np.minimum(doubt, 1))


def _evidence(grams: Floats, sides: Floats, priors: Priors, variance: float) -> tuple[Floats, Floats]:
    """How much the sums tell of each item: precisions [items, rank + 1, rank + 1], and these times the item's numbers."""
    if variance == 0:
        return grams / priors.noise**2, sides / priors.noise**2
    values, vectors = np.linalg.eigh(grams)
    values = np.where(values > TELLING * np.sqrt(grams.shape[1] * variance), values, 0)
    unsure = variance * (priors.unit**2 + priors.item**2 + priors.taste**2) + priors.noise**2 * values
    inverse = values / unsure
    precision = (vectors * (inverse * values)[:, None, :]) @ vectors.transpose(0, 2, 1)
    return precision, np.einsum("nij,nj,nkj,nk->ni", vectors, inverse, vectors, sides)


def _shift(grams: Floats, sides: Floats, before: Items, priors: Priors, variance: float) -> float:
    """How far the mean lies off, drawn to nothing by the noise in it."""
    now = np.concatenate([before.factors, before.biases[:, None]], axis=1)
    missing = sides[:, -1].sum() - np.einsum("ij,ij->", grams[:, -1], now)
    weight = max(float(grams[:, -1, -1].sum()), np.sqrt(len(grams) * variance))
    if weight <= 0:
        return 0.0
    unsure = len(grams) * variance * (priors.unit / weight) ** 2
    return float(missing / weight * priors.person**2 / (priors.person**2 + unsure))


def _unpacked(sums: Floats, rank: int, priors: Priors) -> tuple[Floats, Floats]:
    """Gram matrices [items, rank + 1, rank + 1] and right sides [items, rank + 1]."""
    rows, columns, scale = _upper(rank)
    grams = np.empty((len(sums), rank + 1, rank + 1))
    grams[:, rows, columns] = grams[:, columns, rows] = sums[:, : len(rows)] / scale
    return grams, sums[:, len(rows) :] * priors.unit


def _weights(cells: Cells, priors: Priors) -> Floats:
    """Of each cell: its ratings; or the root of its share of this person's, so that the squares of a person sum to 1."""
    if not priors.per_person:
        return cells.count
    total = np.bincount(cells.person, cells.count, cells.people)
    return np.asarray(np.sqrt(cells.count / total[cells.person]), np.float64)


def _upper(rank: int) -> tuple[Integers, Integers, Floats]:
    rows, columns = np.triu_indices(rank + 1)
    return rows, columns, np.where(rows == columns, 1.0, np.sqrt(2.0))
