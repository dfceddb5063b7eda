import numpy as np
import pytest

from choral.mechanisms.line_kernels import line_sums
from choral.mechanisms.projective_space import ProjectiveSpace, points_of
from choral.numerics import SeededEntropy


def counts(n):
    return (SeededEntropy(1).words(n, 1)[:, 0] % np.uint64(1000)).astype(np.int64)


@pytest.mark.parametrize("scale", [1, 2**40])
def test_the_fast_sums_along_lines_are_the_slow_ones(scale):
    weights, x = counts(31 * 31).reshape(31, 31) * scale, np.arange(31)
    slow = [[weights[x, (z - x * y) % 31].sum() for z in range(31)] for y in range(9)]
    assert line_sums(weights, 9).tolist() == slow


@pytest.mark.parametrize("items", [2, 47, 48, 49, 400, points_of(47, 3)])
def test_a_plane_is_decoded_as_far_as_its_items_reach(items):
    """At 47 elements few slopes take the slow road and many the compiled one."""
    space, weights = ProjectiveSpace(47, 3), counts(points_of(47, 3))
    points = space.point(np.arange(len(weights)))
    chosen = np.unique(np.linspace(0, items - 1, 30).astype(np.int64))
    sums = space.hyperplane_sums(weights, items)
    assert len(sums) == items
    for item in chosen:
        meets = space.product(np.repeat(space.normal(np.array([item])), len(weights), axis=0), points) == 0
        assert sums[item] == weights[meets].sum()
