"""Every compiled loop equals its slow, obvious twin, and never writes where a report says."""

import numpy as np
import pytest

from choral.mechanisms import HadamardCountMeanSketch, LocalHashing, ProjectiveGeometryResponse, empty_state
from choral.mechanisms.bit_kernels import MOST
from choral.mechanisms.fast import WORTHWHILE, kernels
from choral.mechanisms.kernels import (
    count_bits,
    count_points,
    scatter_signs,
    sum_buckets,
    sum_transformed,
)
from choral.numerics import HashFamily, SeededEntropy
from choral.numerics.hadamard import hadamard
from choral.numerics.kernels import compiled
from tests.mechanisms.examples import MIDDLING, SEED


def random_records(n, rows, words, *, grouped):
    """Records uint32[n, 1 + words] with random bits; row numbers in order, or as they come."""
    records = SeededEntropy(n).words(1, n * (words + 1))[0].astype(np.uint32).reshape(n, words + 1)
    row = records[:, 0] % rows
    records[:, 0] = np.sort(row) if grouped else row
    return records


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize(
    ("n", "rows", "words"),
    [
        (0, 1, 1),
        (1, 3, 1),
        (15, 1, 2),
        (16, 1, 16),
        (17, 1, 17),
        (256, 1, 32),
        (MOST + 1, 1, 3),
        (2 * MOST + 300, 2, 1),
        (999, 70, 32),
    ],
)
def test_bits_are_counted_by_carry_save_as_by_hand(n, rows, words, grouped):
    records = random_records(n, rows, words, grouped=grouped)
    expected = np.full((rows, 32 * words + 1), 7, np.int64)
    state = expected.copy()
    bits = np.unpackbits(np.ascontiguousarray(records[:, 1:]).view(np.uint8), axis=1, bitorder="little")
    np.add.at(expected[:, :-1], records[:, 0], bits.reshape(n, 32 * words))
    np.add.at(expected[:, -1], records[:, 0], 1)
    count_bits(records, state)
    assert (state == expected).all()


@pytest.mark.parametrize("grouped", [True, False])
def test_a_row_that_does_not_exist_is_not_written(grouped):
    records = random_records(300, 4, 2, grouped=grouped)
    with pytest.raises(ValueError, match="outside"):
        count_bits(records, np.zeros((3, 65), np.int64))
    with pytest.raises(ValueError, match="fit"):
        count_bits(records, np.zeros((4, 33), np.int64))


def test_buckets_are_summed_as_by_indexing():
    family = HashFamily(SEED, 20, 64)
    state = SeededEntropy(1).below(20 * 65, 1000).astype(np.int64).reshape(20, 65)
    keys, rows = np.arange(300)[None, :], np.arange(20)[:, None]
    expected = state[rows, family(rows, keys)].sum(axis=0)
    assert (sum_buckets(state, family.coefficients(), family.shift, 300) == expected).all()
    square = np.ascontiguousarray(state[:, :64])
    expected = hadamard(square)[rows, family(rows, keys)].sum(axis=0)
    assert (sum_transformed(square, family.coefficients(), family.shift, 300) == expected).all()


def test_signs_are_scattered_as_by_indexing():
    entropy = SeededEntropy(2)
    row, column, sign = (entropy.below(5000, bound) for bound in (6, 16, 2))
    words = row | column << np.uint64(32) | sign << np.uint64(48)
    expected = np.ones((6, 16), np.int64)
    state = expected.copy()
    np.add.at(expected, (row, column), 1 - 2 * sign.astype(np.int64))
    scatter_signs(words, state)
    assert (state == expected).all()
    for shape in ((5, 16), (6, 15)):
        with pytest.raises(ValueError, match="outside"):
            scatter_signs(words, np.zeros(shape, np.int64))


def test_points_are_counted_as_by_bincount():
    points = SeededEntropy(3).below(9000, 31).astype(np.uint32)
    state = np.arange(31)
    count_points(points, state)
    assert (state == np.arange(31) + np.bincount(points, minlength=31)).all()
    with pytest.raises(ValueError, match="outside"):
        count_points(points, np.zeros(30, np.int64))


@pytest.mark.parametrize("name", sorted(MIDDLING))
def test_many_reports_at_once_are_summed_as_a_few_at_a_time(name):
    mechanism = MIDDLING[name]
    payloads = mechanism.randomize(np.arange(WORTHWHILE + 9) % mechanism.domain, SeededEntropy(4))
    together = mechanism.accumulate(empty_state(mechanism), payloads)
    apart = empty_state(mechanism)
    for start in range(0, len(payloads), 1000):
        apart = mechanism.accumulate(apart, payloads[start : start + 1000])
    assert (together == apart).all()


def test_every_second_report_can_be_summed_without_copying_by_the_caller():
    for mechanism in (*MIDDLING.values(), HadamardCountMeanSketch.for_epsilon(1.0, 5, seed=SEED, width=64, rows=2)):
        payloads = mechanism.randomize(np.arange(2 * WORTHWHILE + 8) % mechanism.domain, SeededEntropy(5))[::2]
        strided = mechanism.accumulate(empty_state(mechanism), payloads)
        assert (strided == mechanism.accumulate(empty_state(mechanism), payloads.copy())).all()


def test_little_work_needs_no_compiler():
    assert kernels(WORTHWHILE - 1) is None
    assert kernels(WORTHWHILE) is not None


def test_code_without_a_file_is_compiled_though_it_cannot_be_kept():
    scope = {}
    exec("def double(x):\n    return 2 * x", scope)
    assert compiled(scope["double"])(21) == 42


def test_big_estimates_equal_small_ones():
    """Above and below the size from which the kernels decode, the same state gives the same sums."""
    mechanism = ProjectiveGeometryResponse.for_epsilon(4.0, 2600)
    state = SeededEntropy(6).below(mechanism.cells[0], 50).astype(np.int64)
    few = mechanism.space.hyperplane_sums(state, 40)
    assert (mechanism.space.hyperplane_sums(state, 2600)[:40] == few).all()
    hashing = LocalHashing.for_epsilon(2.0, 50)
    payloads = hashing.randomize(np.zeros(10, np.int64), SeededEntropy(7))
    support = [int(hashing.supports(payloads, item).sum()) for item in range(50)]
    assert hashing.accumulate(empty_state(hashing), payloads).tolist() == support
