"""How far one random candidate points along an update: the law of its score, ready to be integrated.

Knows two laws of the score's size: of a Gaussian direction, and of a direction on a sphere. Leaves to others what is
done with scores. Integrals are Gauss-Legendre sums over small panels, in floats: they enter estimates, never epsilon.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PANELS, NODES = 1600, 8  # enough for the narrowest integrand, of 2**15 pairs
GAUSSIAN_END = 13.0  # beyond it lies a mass of 1e-38


@dataclass(frozen=True, slots=True, eq=False)
class ScoreLaw:
    """The size s >= 0 of a symmetric score with variance 1 (Gaussian) or 1 / width (sphere), at nodes of quadrature.

    mass: chance of the cell around each node; beyond: chance of a larger size; first, second: of s and of s squared, the
    part of their mean that lies beyond each node; mean, square: the whole of it; edges: of the panels, from 0 up
    """

    mass: Floats
    beyond: Floats
    first: Floats
    second: Floats
    mean: float
    square: float
    edges: Floats

    def top_sums(self, pairs: int, top: int) -> tuple[float, float]:
        """Expected sums of s and of s squared over the `top` largest of `pairs` independent scores, by parts."""
        if top == pairs:
            return pairs * self.mean, pairs * self.square
        weights = self._rivals(pairs, top)
        return pairs * float(weights @ self.first), pairs * float(weights @ self.second)

    def tails(self, pairs: int, top: int) -> tuple[Floats, Floats]:
        """Chances that any one, and that one of the `top` largest of `pairs`, is beyond each edge."""
        beyond = _outside(self.mass)
        if top == pairs:
            return beyond, beyond
        weights = self._rivals(pairs, top)
        fewer = 1 - _outside(weights)  # that fewer than `top` of the others are larger
        return beyond, pairs / top * (beyond * fewer + _outside(weights * self.beyond))

    def _rivals(self, pairs: int, top: int) -> Floats:
        """The chance, at each node, that the `top`-th largest of all others than a given one is there."""
        log_count = math.lgamma(pairs) - math.lgamma(top) - math.lgamma(pairs - top)
        rivals: Floats = self.mass * np.exp(
            log_count + (top - 1) * np.log(np.maximum(self.beyond, 1e-300)) + (pairs - 1 - top) * np.log1p(-self.beyond)
        )
        return rivals


@lru_cache(maxsize=1)
def gaussian_law() -> ScoreLaw:
    """Of a standard Gaussian: what a Gaussian direction scores along any unit vector."""
    size, cell = _quadrature(GAUSSIAN_END)
    density = np.exp(-size * size / 2) * math.sqrt(2 / math.pi)
    beyond = np.array([math.erfc(one / math.sqrt(2)) for one in size.tolist()])
    edges = np.linspace(0, GAUSSIAN_END, PANELS + 1)
    return ScoreLaw(density * cell, beyond, density, size * density + beyond, math.sqrt(2 / math.pi), 1.0, edges)


@lru_cache(maxsize=8)
def sphere_law(width: int) -> ScoreLaw:
    """Of one coordinate of a uniform point on the unit sphere of `width` dimensions, width >= 2.

    The point's angle to an axis has a density in proportion to sin(angle)**(width - 2).
    """
    angle, cell = (one[::-1] for one in _quadrature(math.pi / 2))
    sine = np.sin(angle)
    within, whole = _sine_integrals(width - 2, angle), float(_sine_integrals(width - 2, np.array([math.pi / 2]))[0])
    squares = within - _sine_integrals(width, angle)
    mean = 1 / (width - 1) / whole
    density = sine ** (width - 2) / whole
    edges = np.cos(np.linspace(math.pi / 2, 0, PANELS + 1))
    return ScoreLaw(density * cell, within / whole, sine ** (width - 1) * mean, squares / whole, mean, 1 / width, edges)


def mean_length(width: int) -> float:
    """The mean length of a standard Gaussian vector of `width` dimensions, a little below sqrt(width)."""
    return math.sqrt(2) * math.exp(math.lgamma((width + 1) / 2) - math.lgamma(width / 2))


def _outside(weights: Floats) -> Floats:
    """The sum of the weights beyond each edge, from all down to 0."""
    panels = weights.reshape(PANELS, NODES).sum(axis=1)
    return np.concatenate([np.cumsum(panels[::-1])[::-1], [0.0]])


def _sine_integrals(power: int, angle: Floats) -> Floats:
    """The integral of sin(x)**power from 0 to each angle, by the usual recursion."""
    total = angle.copy() if power % 2 == 0 else 1 - np.cos(angle)
    for n in range(power % 2 + 2, power + 1, 2):
        total = (n - 1) / n * total - np.cos(angle) * np.sin(angle) ** (n - 1) / n
    return np.maximum(total, 0)


def _quadrature(end: float) -> tuple[Floats, Floats]:
    """Nodes on [0, end], rising, and the weight of each."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    width = end / PANELS
    starts = np.arange(PANELS)[:, None] * width
    return (starts + (nodes + 1) * width / 2).ravel(), np.tile(weights * width / 2, PANELS)
