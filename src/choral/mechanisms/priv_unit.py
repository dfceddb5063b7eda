"""PrivUnit in integers: one of many public directions is named, likelier one that points along the update."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import DELTA, Estimate, Mask, Payloads, State, Values
from choral.mechanisms.cap import Cap, enough_pairs
from choral.mechanisms.score_laws import gaussian_law
from choral.mechanisms.vectors import MICRO_NORM, Floats, checked_sizes, checked_vectors, clip_micro, clipped, lifted
from choral.numerics import Entropy
from choral.numerics.directions import Directions, spread
from choral.privacy import Guarantee, local, shuffled

KEY = sha256(b"choral/priv-unit/1").digest()


@dataclass(frozen=True, slots=True)
class PrivUnit:
    """Report the seed of a list of random directions, and the number of one that points along the update or does not.

    dimension: of an update, 1 to 2**16; clip_micro: L2 norm to which an update is shortened, in millionths
    pairs, top, keep: how one direction is chosen, see `Cap`
    A direction is drawn without the update; what the update decides is an exact integer ranking and one coin. So epsilon
    holds to the last digit for any two updates, with no slack for how a cap's chance varies (decision record 10).
    Source: Bhowmick et al. (2018), "PrivUnit"; Gaussian form by Asi, Feldman and Talwar (ICML 2022); a seed for a
    direction as in Feldman and Talwar (ICML 2021).
    """

    NAME: ClassVar[str] = "priv-unit/1"
    dimension: int
    clip_micro: int
    pairs: int
    top: int
    keep: int

    def __post_init__(self) -> None:
        checked_sizes(self.dimension, self.clip_micro)
        Cap(self.pairs, self.top, self.keep)

    @classmethod
    def for_epsilon(cls, epsilon: float, dimension: int, *, clip_norm: float, pairs: int | None = None) -> Self:
        """The most accurate choice among `pairs` whose realised epsilon is at most `epsilon` nats.

        pairs: as many as leave 1 % of the optimal accuracy, if not given

        >>> PrivUnit.for_epsilon(4.0, 1000, clip_norm=1.0).payload.itemsize
        10
        """
        cap = Cap.for_epsilon(epsilon, enough_pairs(epsilon) if pairs is None else pairs, gaussian_law())
        return cls(dimension, clip_micro(clip_norm), cap.pairs, cap.top, cap.keep)

    @property
    def payload(self) -> np.dtype[np.void]:
        """The list's seed, then twice the pair's number, plus 1 for the opposite direction: ten bytes for any dimension."""
        return np.dtype([("seed", "<u8"), ("index", "<u2")])

    @property
    def bits(self) -> int:
        """The seed of a list, and a number on it."""
        return 64 + (2 * self.pairs - 1).bit_length()

    @property
    def cells(self) -> tuple[int, ...]:
        """Sums of the named directions; the last coordinate holds what the update lacked to full length."""
        return (self.dimension + 1,)

    @property
    def cap(self) -> Cap:
        """The private choice."""
        return Cap(self.pairs, self.top, self.keep)

    @property
    def work(self) -> int:
        """Numbers that randomizing one value handles: a list of directions."""
        return self.pairs * (self.dimension + 1)

    @property
    def epsilon(self) -> float:
        """That of the choice: neither seed nor list depends on the update."""
        return self.cap.epsilon

    @property
    def clip_norm(self) -> float:
        """The L2 norm to which an update is shortened."""
        return self.clip_micro / MICRO_NORM

    @property
    def directions(self) -> Directions:
        """The family of all lists, in one dimension more than an update has."""
        return Directions(KEY, self.dimension + 1)

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """Local, then shuffled among `minimum` reports."""
        return local(self.epsilon), shuffled(self.epsilon, minimum, DELTA, reports_per_device=reports_per_device)

    def randomize(self, values: Values, entropy: Entropy) -> Payloads:
        """Payloads[n] from floats [n, dimension]; refuses NaN, infinity and other shapes; draws four words each."""
        points = lifted(checked_vectors(values, self.dimension), self.clip_norm)
        payloads = np.empty(len(points), self.payload)
        payloads["seed"] = seeds = entropy.words(len(points), 1)[:, 0]
        ranks = self.cap.draw(len(points), entropy)
        pair, sign = self.cap.named(ranks, self.scores(seeds, points))
        payloads["index"] = 2 * pair + (sign < 0)
        return payloads

    def scores(self, seeds: NDArray[np.uint64], points: NDArray[np.int64]) -> NDArray[np.int64]:
        """How far each pair on each seed's list lies along a lifted update, int64[n, pairs]: exact integers."""
        return self.directions.scores(seeds, points, self.pairs)

    def legal(self, payloads: Payloads) -> Mask:
        """Every seed, and a number on its list."""
        return np.asarray(payloads["index"] < 2 * self.pairs, np.bool_)

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """The named directions added."""
        index = payloads["index"].astype(np.int64)
        self.directions.add(state, payloads["seed"].astype(np.uint64), index >> 1, 1 - 2 * (index[:, None] & 1))
        return state

    def estimate(self, state: State, n: int) -> Estimate:
        """Unbiased sum of the clipped updates, float64[dimension]."""
        values = state[: self.dimension] * (self.clip_norm / (self.gain * spread()))
        share = np.minimum(values**2 / (max(n, 1) * self.clip_norm**2), n)  # of the squares of updates, at least
        return Estimate(values, self._variance(share, n), n)

    def clip(self, values: Values) -> Floats:
        """The vectors shortened to the clip norm, whose sum is estimated: float64[n, dimension]."""
        return clipped(checked_vectors(values, self.dimension), self.clip_norm)

    def variance(self, values: Values) -> Floats:
        """Theoretical variance of each coordinate of the estimate for these values, float64[dimension]."""
        vectors = self.clip(values)
        return self._variance((vectors**2).sum(axis=0) / self.clip_norm**2, len(vectors))

    @property
    def gain(self) -> float:
        """Mean score of the named direction; dimension / gain**2 is the mean squared error of one report at clip norm 1."""
        return _moments(self.cap)[0]

    def _variance(self, squares: NDArray[np.floating], n: int) -> Floats:
        """squares: of each coordinate, summed over the updates, at clip norm 1."""
        gain, square = _moments(self.cap)
        return self.clip_norm**2 * (n / gain**2 + ((square - 1) / gain**2 - 1) * np.asarray(squares, np.float64))


@lru_cache(maxsize=64)
def _moments(cap: Cap) -> tuple[float, float]:
    return cap.moments(gaussian_law())
