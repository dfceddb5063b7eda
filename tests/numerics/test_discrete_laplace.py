"""The tables of discrete Laplace noise against the law itself, and the compiled draw against the plain one."""

import math

import numpy as np
import pytest

from choral.numerics import ScriptedEntropy, SeededEntropy
from choral.numerics.discrete_laplace import DiscreteLaplace, _tables, sizes
from choral.numerics.laplace_kernels import sizes as compiled_sizes

HIGHEST = 2**64 - 1


def chance(noise, x):
    """What the tables give the integer x, for sizes below `exact`; exact products of integers, as a float."""
    high, low = noise.chances()
    size = x if x >= 0 else -1 - x
    return high[size // noise.base] * low[size % noise.base + (noise.base if x < 0 else 0)] / 2**128


@pytest.mark.parametrize("scale", [1, 2, 3, 10, 257])
def test_every_chance_is_the_laws_within_the_slack(scale):
    noise, ratio = DiscreteLaplace(scale), math.exp(-1 / scale)
    for x in range(-noise.exact, noise.exact):
        law = (1 - ratio) / (1 + ratio) * ratio ** abs(x)
        assert abs(math.log(chance(noise, x) / law)) <= noise.slack + 1e-11
    assert noise.slack < 1e-9


@pytest.mark.parametrize("scale", [1, 26_502, 2**26])
def test_all_chances_make_a_whole(scale):
    assert all(sum(cells) == 2**64 and min(cells) > 0 for cells in DiscreteLaplace(scale).chances())
    assert DiscreteLaplace(scale).slack < 1e-8


@pytest.mark.parametrize("scale", [1, 7, 26_502, 2**24])
def test_the_compiled_draw_gives_the_same_integers(scale):
    base, (high, low) = DiscreteLaplace(scale).base, _tables(scale, DiscreteLaplace(scale).base)
    ends = np.concatenate([high, low, high - np.uint64(1), low - np.uint64(1), np.array([0, HIGHEST], np.uint64)])
    words = np.concatenate([SeededEntropy(1).words(5000, 2), np.stack([ends, ends[::-1]], axis=1)])
    np.testing.assert_array_equal(compiled_sizes(words, high, low, base), sizes(words, high, low, base))


def test_no_draw_is_larger_than_the_largest():
    noise = DiscreteLaplace(5)
    extremes = [noise.draw(1, 1, ScriptedEntropy([high, low]))[0, 0] for high in (0, HIGHEST) for low in (0, HIGHEST)]
    assert extremes[0] == 0
    assert max(abs(x) for x in extremes) <= noise.largest


def test_mean_and_variance_are_the_laws():
    """n = 200,000: within 6 standard errors, false alarm 4e-9; the fourth moment is 6 times the squared variance."""
    noise, n = DiscreteLaplace(100), 200_000
    drawn = noise.draw(n, 1, SeededEntropy(2))[:, 0]
    assert abs(drawn.mean()) < 6 * math.sqrt(noise.variance / n)
    assert abs(drawn.var() / noise.variance - 1) < 6 * math.sqrt(5 / n)


@pytest.mark.parametrize("scale", [0, -1, 2**26 + 1])
def test_a_scale_without_a_table_is_refused(scale):
    with pytest.raises(ValueError, match="scale"):
        DiscreteLaplace(scale)
