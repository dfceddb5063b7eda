"""ProjUnit in integers: PrivUnit after a random projection to few dimensions, for updates of many thousand numbers."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import DELTA, Estimate, Mask, Payloads, State, Values
from choral.mechanisms.cap import Cap, enough_pairs
from choral.mechanisms.score_laws import mean_length, sphere_law
from choral.mechanisms.vectors import MICRO_NORM, Floats, checked_sizes, checked_vectors, clip_micro, clipped, lifted
from choral.numerics import Entropy
from choral.numerics.directions import Directions, spread
from choral.privacy import Guarantee, local, shuffled

PROJECTION = sha256(b"choral/proj-unit/1 projection").digest()
CODE = sha256(b"choral/proj-unit/1 code").digest()
SHIFT = 16  # bits by which projected coordinates are shortened before they are scored
RADIUS = 2**12  # of a code vector, times sqrt(width)
CHUNK = 64


@dataclass(frozen=True, slots=True)
class ProjUnit:
    """Report a seed and a number: the seed gives a projection to `width` dimensions and a list of directions there.

    dimension: of an update, 1 to 2**16; clip_micro: L2 norm to which an update is shortened, in millionths
    width: dimensions after the projection, 2 to 1024; pairs, top, keep: how one direction is chosen, see `Cap`
    A device expands width * dimension + pairs * width numbers where PrivUnit expands pairs * dimension; the server
    expands width * dimension a report. Privacy is PrivUnit's, for the same reason. Every report has its own projection:
    one for all would leave out the same part of everyone's update.
    Source: Asi, Feldman, Nelson, Nguyen and Talwar (arXiv 2306.04444), "ProjUnit".
    """

    NAME: ClassVar[str] = "proj-unit/1"
    dimension: int
    clip_micro: int
    width: int
    pairs: int
    top: int
    keep: int

    def __post_init__(self) -> None:
        checked_sizes(self.dimension, self.clip_micro)
        if not 2 <= self.width <= 1024:
            raise ValueError(f"need 2 <= width <= 1024, got {self.width=}")
        Cap(self.pairs, self.top, self.keep)

    @classmethod
    def for_epsilon(
        cls, epsilon: float, dimension: int, *, clip_norm: float, width: int = 128, pairs: int | None = None
    ) -> Self:
        """The most accurate choice among `pairs` whose realised epsilon is at most `epsilon` nats."""
        number = enough_pairs(epsilon) if pairs is None else pairs
        cap = Cap.for_epsilon(epsilon, number, sphere_law(width))
        return cls(dimension, clip_micro(clip_norm), width, cap.pairs, cap.top, cap.keep)

    @property
    def payload(self) -> np.dtype[np.void]:
        """The seed, then twice the pair's number, plus 1 for the opposite direction."""
        return np.dtype([("seed", "<u8"), ("index", "<u2")])

    @property
    def bits(self) -> int:
        """The seed of a list, and a number on it."""
        return 64 + (2 * self.pairs - 1).bit_length()

    @property
    def cells(self) -> tuple[int, ...]:
        """Sums of the named directions, back in the update's dimensions; the last holds what the update lacked."""
        return (self.dimension + 1,)

    @property
    def cap(self) -> Cap:
        """The private choice."""
        return Cap(self.pairs, self.top, self.keep)

    @property
    def work(self) -> int:
        """Numbers that randomizing one value handles: a projection, and a list of directions after it."""
        return self.width * (self.dimension + 1 + self.pairs)

    @property
    def epsilon(self) -> float:
        """That of the choice: neither projection nor list depends on the update."""
        return self.cap.epsilon

    @property
    def clip_norm(self) -> float:
        """The L2 norm to which an update is shortened."""
        return self.clip_micro / MICRO_NORM

    @property
    def projections(self) -> Directions:
        """The family of all projections, row by row."""
        return Directions(PROJECTION, self.dimension + 1)

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """Local, then shuffled among `minimum` reports."""
        return local(self.epsilon), shuffled(self.epsilon, minimum, DELTA, reports_per_device=reports_per_device)

    def randomize(self, values: Values, entropy: Entropy) -> Payloads:
        """Payloads[n] from floats [n, dimension]; refuses NaN, infinity and other shapes; draws four words each."""
        points = lifted(checked_vectors(values, self.dimension), self.clip_norm)
        payloads = np.empty(len(points), self.payload)
        payloads["seed"] = seeds = entropy.words(len(points), 1)[:, 0]
        ranks = self.cap.draw(len(points), entropy)
        for start in range(0, len(points), CHUNK):
            part = slice(start, start + CHUNK)
            pair, sign = self.cap.named(ranks[part], self.scores(seeds[part], points[part]))
            payloads["index"][part] = 2 * pair + (sign < 0)
        return payloads

    def legal(self, payloads: Payloads) -> Mask:
        """Every seed, and a number on its list."""
        return np.asarray(payloads["index"] < 2 * self.pairs, np.bool_)

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """The named directions, taken back through their projections, added."""
        index = payloads["index"].astype(np.int64)
        seeds = payloads["seed"].astype(np.uint64)
        codes = [self._code(seed, pair, 1)[0] for seed, pair in zip(seeds.tolist(), (index >> 1).tolist(), strict=True)]
        if codes:
            signs = 1 - 2 * (index[:, None] & 1)
            self.projections.add(state, seeds, np.zeros(len(index), np.int64), signs * _of_one_length(np.array(codes)))
        return state

    def estimate(self, state: State, n: int) -> Estimate:
        """Unbiased sum of the clipped updates, float64[dimension]."""
        values = state[: self.dimension] * (self.clip_norm / (self.gain * spread() * RADIUS * self.width**0.5))
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
        return _moments(self.cap, self.width)[0]

    def scores(self, seeds: NDArray[np.uint64], points: NDArray[np.int64]) -> Floats:
        """How far each code vector lies along the projected update: exact products over square roots of exact integers."""
        projected = self.projections.scores(seeds, points, self.width) >> SHIFT
        scores = np.empty((len(seeds), self.pairs))
        for row, seed in enumerate(seeds.tolist()):
            code = self._code(seed, 0, self.pairs).astype(np.float64)
            scores[row] = (code @ projected[row].astype(np.float64)) / np.sqrt(np.maximum((code * code).sum(axis=1), 1))
        return scores

    def _code(self, seed: int, first: int, count: int) -> NDArray[np.int16]:
        return Directions(CODE, self.width).expand(seed, first, count)

    def _variance(self, squares: NDArray[np.floating], n: int) -> Floats:
        """squares: of each coordinate, summed over the updates, at clip norm 1."""
        gain, square = _moments(self.cap, self.width)
        return self.clip_norm**2 * (n / gain**2 + ((square - 1) / gain**2 - 1) * np.asarray(squares, np.float64))


def _of_one_length(codes: NDArray[np.int16]) -> NDArray[np.int64]:
    """Code vectors int64[n, width], all of length RADIUS * sqrt(width) but for rounding."""
    wide = codes.astype(np.float64)
    squares = np.maximum((wide * wide).sum(axis=1, keepdims=True), 1)
    scaled: NDArray[np.int64] = np.rint(wide * (RADIUS * codes.shape[1] ** 0.5 / np.sqrt(squares))).astype(np.int64)
    return scaled


@lru_cache(maxsize=64)
def _moments(cap: Cap, width: int) -> tuple[float, float]:
    """Gain and mean square of the score back in the update's dimensions.

    The projected update has a random direction and a length of its own; both are independent.
    """
    first, second = cap.moments(sphere_law(width))
    return mean_length(width) * first, width * second
