"""Points and hyperplanes of projective space over a finite field, numbered for devices and servers alike.

A message point has 1 as its first coordinate that is not zero; the items' normals have 1 as their last. Points are
numbered by their free coordinates: first the one point (0 .. 0 1), then those with one free coordinate behind the 1, and
so on; the free coordinates are digits in base `order`, the first one highest. A normal is a point read backwards.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.fast import kernels
from choral.numerics.fields import Field, finite_field

Vectors = NDArray[np.int64]  # int64[..., dimension], elements of the field
MOST_TABLE = 2**11  # order up to which products of all pairs are tabulated while decoding


def points_of(order: int, dimension: int) -> int:
    """Number of points of the space: (order**dimension - 1) / (order - 1)."""
    return int((order**dimension - 1) // (order - 1))


@dataclass(frozen=True, slots=True)
class ProjectiveSpace:
    """The projective space of vectors with `dimension` coordinates in the field with `order` elements."""

    order: int
    dimension: int

    @property
    def field(self) -> Field:
        """The field of the coordinates."""
        return finite_field(self.order)

    def point(self, number: NDArray[np.int64]) -> Vectors:
        """The points with these numbers, int64[n, dimension]."""
        vectors = np.zeros((len(number), self.dimension), np.int64)
        free = self._free(number)
        rest = number - self._offsets()[free]
        for place in range(self.dimension - 1, -1, -1):
            behind = self.dimension - 1 - place
            rest, digit = np.divmod(rest, self.order)
            vectors[:, place] = np.where(behind < free, digit, behind == free)
        return vectors

    def number(self, vectors: Vectors) -> NDArray[np.int64]:
        """The numbers of points in their normal form, int64[n]."""
        first = np.argmax(vectors != 0, axis=1)
        weights = self.order ** np.arange(self.dimension - 1, -1, -1)
        free = self.dimension - 1 - first
        return np.asarray(vectors @ weights - self.order**free + self._offsets()[free], np.int64)

    def normal(self, number: NDArray[np.int64]) -> Vectors:
        """The normals with these numbers, int64[n, dimension]; their last coordinate that is not zero is 1."""
        return self.point(number)[:, ::-1]

    def inside(self, normals: Vectors, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of the `number`-th point of each normal's hyperplane; of points_of(order, dimension - 1)."""
        smaller = ProjectiveSpace(self.order, self.dimension - 1)
        return self.number(self._completed(normals, smaller.point(number), 0))

    def outside(self, normals: Vectors, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of the `number`-th point off each normal's hyperplane; of order**(dimension - 1)."""
        places = self.order ** np.arange(self.dimension - 2, -1, -1)
        vectors = self._completed(normals, number[:, None] // places % self.order, 1)
        first = vectors[np.arange(len(vectors)), np.argmax(vectors != 0, axis=1)]
        return self.number(self.field.multiply(vectors, self.field.invert(first)[:, None]))

    def product(self, normals: Vectors, vectors: Vectors) -> NDArray[np.int64]:
        """Scalar products, int64[n]."""
        total = np.zeros(max(len(normals), len(vectors)), np.int64)
        for place in range(self.dimension):
            total = self.field.add(total, self.field.multiply(normals[:, place], vectors[:, place]))
        return total

    def _completed(self, normals: Vectors, others: Vectors, product: int) -> Vectors:
        """Vectors whose scalar product with the normal is `product`, from all coordinates but one.

        The one left out is where the normal's last 1 is: a vector in normal form stays so, and nothing is divided.
        """
        n, last = len(normals), self.dimension - 1
        pivot = last - np.argmax(normals[:, ::-1] != 0, axis=1)
        vectors = np.zeros((n, self.dimension), np.int64)
        for place in range(last):
            vectors[np.arange(n), place + (place >= pivot)] = others[:, place]
        missing = self.field.add(np.array(product), self.field.negate(self.product(normals, vectors)))
        vectors[np.arange(n), pivot] = missing
        return vectors

    def _offsets(self) -> NDArray[np.int64]:
        """Number of the first point with r free coordinates, for each r."""
        return np.array([points_of(self.order, free) for free in range(self.dimension)])

    def _free(self, number: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self._offsets(), number, side="right") - 1

    def hyperplane_sums(self, weights: NDArray[np.int64], items: int) -> NDArray[np.int64]:
        """For the first `items` normals the weights of all points in their hyperplane, int64[items].

        Points with `free` coordinates behind their 1 are summed together: those whose free coordinates meet the rest of
        the normal in minus the coordinate that meets the 1.
        """
        if self.dimension == 3 and self.field.order == self.field.prime:
            return self._plane_sums(weights, items)
        normals = self.normal(np.arange(items))
        negative = self.field.negate(normals)
        sums = np.zeros(items, np.int64)
        for free, start in enumerate(self._offsets()):
            group = weights[start : start + self.order**free]
            at = self.dimension - 1 - free
            suffix, exists = self._suffix(normals[:, at + 1 :])
            alone = np.where(normals[:, at] == 0, group.sum(), 0)
            if free == 0:
                sums += alone
                continue
            table = _tabulated(self.field, group, free)
            sums += np.where(exists, table[negative[:, at], suffix], alone)
        return sums

    def _plane_sums(self, weights: NDArray[np.int64], items: int) -> NDArray[np.int64]:
        """`hyperplane_sums` of a plane over a prime field, only as far as the items reach.

        The line of the normal (a, b, 1) holds the points (1, x, -a - b x) and (0, 1, -b).
        """
        order, elements = self.order, np.arange(self.order)
        alone, edge, square = weights[0], weights[1 : 1 + order], weights[1 + order :].reshape(order, order)
        slopes = -(-max(items - 1 - order, 0) // order)
        lines = _lines(square, slopes)[:, -elements % order] + edge[-elements[:slopes] % order, None]
        flat = np.concatenate([[alone + edge.sum()], alone + square.sum(axis=1)[-elements % order]])
        return np.concatenate([flat, lines.ravel()])[:items]

    def _suffix(self, ends: Vectors) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Each normal end's column in the table of its length, and whether the end is not zero."""
        column, exists, columns = np.zeros(len(ends), np.int64), np.zeros(len(ends), np.bool_), 0
        for place in range(ends.shape[1] - 1, -1, -1):
            column = np.where(exists, 1 + ends[:, place] * columns + column, 0)
            exists = exists | (ends[:, place] != 0)
            columns = 1 + self.order * columns
        return column, exists


def _lines(square: NDArray[np.int64], slopes: int) -> NDArray[np.int64]:
    """int64[slopes, q]: entry (y, z) is the sum over x of square[x, (z - x * y) mod q], q prime."""
    order = len(square)
    if kernels(slopes * order**2 // 16) is not None:
        from choral.mechanisms.line_kernels import line_sums

        return line_sums(square, slopes)
    x, z = np.arange(order)[:, None], np.arange(order)[None, :]
    sums = [square[x, (z - x * y) % order].sum(axis=0) for y in range(slopes)]
    return np.array(sums, np.int64).reshape(slopes, order)


def _tabulated(field: Field, weights: NDArray[np.int64], free: int) -> NDArray[np.int64]:
    """int64[order, ends]: for each z and each normal end the weights of the points x with x * end == z.

    Dynamic programming over coordinates, last one first; `ends` grows by one column (a 1 before zeros), and by `order`
    columns (any element before an end) for each that was there.
    """
    order = field.order
    marginal = weights.reshape(-1, order)  # [coordinates before, this coordinate]
    table = marginal[:, :, None].copy()  # ends: the 1 alone, which is met by z itself
    for _ in range(free - 1):
        marginal = marginal.sum(axis=1).reshape(-1, order)
        old = table.reshape(-1, order, order, table.shape[2])
        table = np.zeros((len(old), order, 1 + order * old.shape[3]), np.int64)
        table[:, :, 0] = marginal
        _extend(field, old, table)
    return np.asarray(table[0])


def _extend(field: Field, old: NDArray[np.int64], new: NDArray[np.int64]) -> None:
    """new[p, z, 1 + y * S + s] = sum over x of old[p, x, z - x * y, s]."""
    order, ends, elements = field.order, old.shape[3], np.arange(field.order)
    if order <= MOST_TABLE and (fast := kernels(old.size * order // 4)) is not None:
        product = field.multiply(elements[:, None], elements[None, :])
        difference = field.add(elements[:, None], field.negate(elements)[None, :])
        fast.extend_normals(old, product, difference, new)
        return
    for y in range(order):
        for x in range(order):
            shifted = field.add(elements, field.negate(field.multiply(np.array(x), np.array(y))))
            new[:, :, 1 + y * ends : 1 + (y + 1) * ends] += old[:, x, shifted]
