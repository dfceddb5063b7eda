"""One instance of each registered mechanism that is worth an audit, and how its reports are told apart."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.audit import ALPHA, DRAWS, Audit, Case, audit_by_sampling, audit_oracle
from choral.mechanisms.audit_noise import audit_noise
from choral.mechanisms.base import FrequencyOracle, Mechanism, Payloads
from choral.mechanisms.count_mean_sketch import CountMeanSketch
from choral.mechanisms.fragment_puzzle import FragmentPuzzle
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.mechanisms.hadamard_count_mean_sketch import HadamardCountMeanSketch
from choral.mechanisms.laplace_model import LaplaceModel, unpacked
from choral.mechanisms.laplace_vector import LaplaceVector
from choral.mechanisms.local_hashing import LocalHashing
from choral.mechanisms.priv_unit import PrivUnit
from choral.mechanisms.proj_unit import ProjUnit
from choral.mechanisms.projective_geometry import ProjectiveGeometryResponse
from choral.mechanisms.puzzle import PAIRS, NumberSketch, word_numbers
from choral.mechanisms.randomized_response import RandomizedResponse
from choral.mechanisms.subset_selection import SubsetSelection
from choral.mechanisms.unary_encoding import UnaryEncoding
from choral.mechanisms.vectors import MICRO_NORM, lifted
from choral.numerics import Entropy

SEED = bytes(32)
ORACLES: tuple[FrequencyOracle, ...] = (
    RandomizedResponse.for_epsilon(2.0, 16),
    CountMeanSketch.for_epsilon(4.0, 2600, seed=SEED),
    HadamardCountMeanSketch.for_epsilon(4.0, 250_000, seed=SEED),
    ProjectiveGeometryResponse.for_epsilon(4.0, 2600),
    SubsetSelection.for_epsilon(2.0, 100),
    UnaryEncoding.for_epsilon(2.0, 10),
    LocalHashing.for_epsilon(4.0, 2600),
)
WORDS = np.array([[3, 8, 15, 18, 1, 12], [19, 9, 12, 5, 14, 20]], np.uint8)  # "choral", "silent"
PUZZLE = FragmentPuzzle.for_epsilon(4.0, length=6, seed=SEED, width=64, rows=64)
VECTORS = (
    PrivUnit.for_epsilon(2.0, 20, clip_norm=1.0, pairs=64),
    ProjUnit.for_epsilon(2.0, 20, clip_norm=1.0, pairs=64, width=16),
)
NOISE = GaussianVector(1, 1_000_000, 200, 600)  # alone, and so coarse that its local epsilon can be walked
LAPLACE = LaplaceVector.for_epsilon(2.0, 3, clip_norm=1.0)
LAPLACES = (LAPLACE, LaplaceModel.around(LAPLACE))
ANY = 2**40  # draws: as many as one asks for
VECTOR_DRAWS = 100_000  # at most: a report of a vector takes a while to tell apart, and its event is not rare
AUDITED: dict[str, Mechanism] = {
    **{oracle.NAME: oracle for oracle in ORACLES},
    PUZZLE.NAME: PUZZLE,
    **{vector.NAME: vector for vector in VECTORS},
    NOISE.NAME: NOISE,
    **{laplace.NAME: laplace for laplace in LAPLACES},
}


def audit_named(name: str, entropy: Entropy, *, draws: int = DRAWS, alpha: float = ALPHA) -> Audit:
    """The audit of the named mechanism's instance; ValueError for an unknown name."""
    if name == NOISE.NAME:
        return audit_noise(NOISE, entropy, draws=min(draws, VECTOR_DRAWS), alpha=alpha)
    for oracle in ORACLES:
        if name == oracle.NAME:
            return audit_oracle(oracle, entropy, draws=draws, alpha=alpha)
    for case, most in _sampled():
        if name == case.mechanism.NAME:
            return audit_by_sampling(case, entropy, draws=min(draws, most), alpha=alpha)
    raise ValueError(f"{name!r} is not audited here; choose one of {', '.join(sorted(AUDITED))}")


def _sampled() -> Iterator[tuple[Case, int]]:
    """What is audited by its own marks, and the most draws."""
    yield puzzle_case(PUZZLE), ANY
    yield from ((laplace_case(laplace), ANY) for laplace in LAPLACES)
    yield from ((vector_case(vector), VECTOR_DRAWS) for vector in VECTORS)


def vector_case(mechanism: PrivUnit | ProjUnit) -> Case:
    """Tells an update from its opposite by whether the named direction is one of the best for the one or for the other."""
    update = np.eye(1, mechanism.dimension) * mechanism.clip_norm

    def marks(payloads: Payloads) -> NDArray[np.integer]:
        n, index = len(payloads), payloads["index"].astype(np.int64)
        points = lifted(np.repeat(update, n, axis=0), mechanism.clip_norm)
        scores = mechanism.scores(payloads["seed"].astype(np.uint64), points)
        sizes = np.sort(np.abs(scores), axis=1)[:, -mechanism.cap.top]
        named = np.take_along_axis(scores, (index >> 1)[:, None], axis=1)[:, 0]
        along = np.where(index & 1, -named, named)
        return (along >= sizes) + 2 * (-along >= sizes).astype(np.int64)

    return Case(mechanism, (update, -update), marks)


def laplace_case(mechanism: LaplaceVector | LaplaceModel) -> Case:
    """Tells an update of one weight from its opposite by whether that weight lies beyond either; around a centre of zeros."""
    value = np.eye(1, mechanism.dimension if isinstance(mechanism, LaplaceVector) else 2 * mechanism.dimension)
    if isinstance(mechanism, LaplaceModel):
        value = np.roll(value, mechanism.dimension, axis=1)

    def marks(payloads: Payloads) -> NDArray[np.integer]:
        named = payloads["steps"][:, 0]
        steps = unpacked(named) if isinstance(mechanism, LaplaceModel) else named.astype(np.int64)
        return (steps >= mechanism.radius) + 2 * (steps <= -mechanism.radius).astype(np.int64)

    size = mechanism.clip_micro / MICRO_NORM
    return Case(mechanism, (value * size, -value * size), marks)


def puzzle_case(puzzle: FragmentPuzzle) -> Case:
    """Tells two words apart by the bits of both in the sketch of words and in that of fragments."""

    def marks(payloads: Payloads) -> NDArray[np.integer]:
        place, total = payloads["position"].astype(np.int64), np.zeros(len(payloads), np.int64)
        for number, word in enumerate(WORDS):
            whole = word_numbers(word[None, :])
            pairs = word_numbers(word.reshape(-1, 2))[place]
            keys = puzzle.tags(whole) * PAIRS + pairs
            total += _bit(puzzle.words, payloads["word_row"], payloads["word_bits"], np.full(len(place), whole[0])) << number
            total += _bit(puzzle.fragments, payloads["fragment_row"], payloads["fragment_bits"], keys) << (2 + number)
        return total

    return Case(puzzle, (WORDS[:1], WORDS[1:]), marks)


def _bit(sketch: NumberSketch, row: NDArray[np.integer], bits: NDArray[np.uint8], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    bucket = sketch.hashes(row, keys)
    return np.asarray(bits[np.arange(len(row)), bucket >> 3] >> (bucket & 7) & 1, np.int64)
