"""Projective Geometry Response: optimal accuracy, a logarithmic number of bits, and a fast decoder."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import DELTA, Estimate, Mask, Payloads, State, Values, checked_categories
from choral.mechanisms.fast import kernels
from choral.mechanisms.optimum import rare_item_variance
from choral.mechanisms.projective_space import ProjectiveSpace, points_of
from choral.mechanisms.support import Support
from choral.numerics import UNIT, Entropy
from choral.numerics.fields import MOST_POWER, prime_power
from choral.privacy import Guarantee, local, shuffled

PAYLOAD: np.dtype[np.void] = np.dtype([("point", "<u4")])
MOST_CELLS = 2**26
SPARE = 8  # fields with up to this many times the cells that the domain needs are looked at
NEAR = 0.002  # accuracy given away for a smaller state


@dataclass(frozen=True, slots=True)
class ProjectiveGeometryResponse:
    """Report a point of a projective space: with chance `keep / 2**64` one in the value's hyperplane, else one off it.

    domain: number of categories, at most the number of points; order: of the field, a prime or a prime power
    dimension: coordinates of a vector, at least 2; keep: chance of a point in the hyperplane, in units of 2**-64
    Source: Feldman, Nelson, Nguyen and Talwar, "Private Frequency Estimation via Projective Geometry" (ICML 2022).
    """

    NAME: ClassVar[str] = "projective-geometry-response/1"
    domain: int
    order: int
    dimension: int
    keep: int

    def __post_init__(self) -> None:
        if not 2 <= self.dimension <= 26 or not _is_field(self.order):
            raise ValueError(f"need 2 <= dimension <= 26 and an order that is a field's, got {self.dimension=}, {self.order=}")
        points = points_of(self.order, self.dimension)
        if not 2 <= self.domain <= points <= MOST_CELLS:
            raise ValueError(f"need 2 <= domain <= points <= 2**26, got {self.domain=} and {points} points")
        if not UNIT * self._inside // points < self.keep < UNIT:
            raise ValueError(f"need a keep above the hyperplane's share of points and below 2**64, got {self.keep=}")

    @classmethod
    def for_epsilon(cls, epsilon: float, domain: int, *, slack: float = NEAR) -> Self:
        """The smallest state within `slack` of the least variance, with a realised epsilon of at most `epsilon` nats."""
        if not 2**-10 < epsilon < 20 or not 2 <= domain <= MOST_CELLS // 2:
            raise ValueError(f"need 2**-10 < epsilon < 20 and 2 <= domain <= 2**25, got {epsilon=}, {domain=}")
        odds = math.exp(epsilon)
        order, dimension = _best_space(odds, domain, slack)
        share = _share(odds, order, dimension)
        return cls(domain, order, dimension, int(UNIT * share * (1 - 2**-40)))

    @property
    def payload(self) -> np.dtype[np.void]:
        """One point's number; log2 of the number of points is what it says."""
        return PAYLOAD

    @property
    def bits(self) -> int:
        """Bits that tell one point from another."""
        return (self.cells[0] - 1).bit_length()

    @property
    def cells(self) -> tuple[int, ...]:
        """Reports of each point."""
        return (points_of(self.order, self.dimension),)

    @property
    def epsilon(self) -> float:
        """Log ratio of the likeliest point in a hyperplane and the rarest off it; 2**-45 covers the rounding of log."""
        likeliest = self.keep * -(-UNIT // self._inside)
        rarest = (UNIT - self.keep) * (UNIT // self._outside)
        return math.log(likeliest / rarest) + 2**-45

    @property
    def space(self) -> ProjectiveSpace:
        """Where the points lie."""
        return ProjectiveSpace(self.order, self.dimension)

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """Local, then shuffled among `minimum` reports."""
        return local(self.epsilon), shuffled(self.epsilon, minimum, DELTA, reports_per_device=reports_per_device)

    def randomize(self, values: Values, entropy: Entropy) -> Payloads:
        """Payloads[n] from int64[n] in [0, domain); draws three words each."""
        truth = checked_categories(values, self.domain)
        n = len(truth)
        kept = entropy.chance(n, self.keep)
        inside = entropy.below(n, self._inside).astype(np.int64)
        outside = entropy.below(n, self._outside).astype(np.int64)
        normals = self.space.normal(truth)
        points = np.empty(n, np.int64)
        points[kept] = self.space.inside(normals[kept], inside[kept])
        points[~kept] = self.space.outside(normals[~kept], outside[~kept])
        payloads = np.empty(n, PAYLOAD)
        payloads["point"] = points
        return payloads

    def legal(self, payloads: Payloads) -> Mask:
        """Points that exist."""
        mask: Mask = payloads["point"] < self.cells[0]
        return mask

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """Reports of each point added."""
        points = payloads["point"]
        if (fast := kernels(len(points))) is not None:
            fast.count_points(np.ascontiguousarray(points), state)
        else:
            state += np.bincount(points, minlength=len(state))
        return state

    def estimate(self, state: State, n: int) -> Estimate:
        """Unbiased counts, float64[domain]: the reports in each item's hyperplane, debiased."""
        return self.support.estimate(self.space.hyperplane_sums(state, self.domain), n)

    def variance(self, counts: NDArray[np.floating], n: int) -> NDArray[np.floating]:
        """Theoretical variance of each estimate, float64[domain]."""
        return self.support.variance(counts, n)

    @property
    def support(self) -> Support:
        """Chances of a point in the true item's hyperplane, and in any other's; two meet in a smaller space."""
        return _support(self.keep / UNIT, self.order, self.dimension)

    @property
    def manipulation(self) -> float:
        """About (e**epsilon + order) / (e**epsilon - 1), of every item whose hyperplane holds the point."""
        return self.support.manipulation

    def supports(self, payloads: Payloads, item: int) -> Mask:
        """Reports in the item's hyperplane."""
        vectors = self.space.point(payloads["point"].astype(np.int64))
        return np.asarray(self.space.product(self.space.normal(np.array([item])), vectors) == 0, np.bool_)

    @property
    def _inside(self) -> int:
        return points_of(self.order, self.dimension - 1)

    @property
    def _outside(self) -> int:
        outside: int = self.order ** (self.dimension - 1)
        return outside


def _is_field(order: int) -> bool:
    found = prime_power(order) if 2 <= order <= MOST_CELLS else None
    return found is not None and (found[1] == 1 or order <= MOST_POWER)


def _share(odds: float, order: int, dimension: int) -> float:
    """The optimal chance of a point in the hyperplane, where each is `odds` times as likely as one off it."""
    inside = points_of(order, dimension - 1)
    return odds * inside / (odds * inside + float(order ** (dimension - 1)))


def _support(share: float, order: int, dimension: int) -> Support:
    inside, common = points_of(order, dimension - 1), points_of(order, dimension - 2) if dimension > 2 else 0
    lie = share * common / inside + (1 - share) * (inside - common) / order ** (dimension - 1)
    return Support(share, lie)


def _best_space(odds: float, domain: int, slack: float) -> tuple[int, int]:
    """(order, dimension) of the fewest points within `slack` of the least variance of all spaces of tolerable size."""
    found = [(*_quality(odds, order, dimension), order, dimension) for order, dimension in _spaces(domain)]
    best = min(found)[0]
    _, _, order, dimension = min((one for one in found if one[0] <= best * (1 + slack)), key=lambda one: one[1:])
    return order, dimension


def _quality(odds: float, order: int, dimension: int) -> tuple[float, int]:
    support = _support(_share(odds, order, dimension), order, dimension)
    return rare_item_variance(support.truth, support.lie), points_of(order, dimension)


def _spaces(domain: int) -> list[tuple[int, int]]:
    """Spaces with at least `domain` points and at most SPARE times as many; for each dimension from the smallest field."""
    found: list[tuple[int, int]] = []
    for dimension in range(2, 27):
        order = max(2, int(domain ** (1 / (dimension - 1)) * 0.5) - 1)
        while points_of(order, dimension) < domain or not _is_field(order):
            order += 1
        while points_of(order, dimension) <= min(SPARE * domain, MOST_CELLS) or not found:
            if _is_field(order):
                found.append((order, dimension))
            order += 1
            if dimension == 2:  # a larger field only adds noise
                break
    return found
