"""Noise: exact draws of integers, each row and each report its own. Seeds are fixed."""

import numpy as np
import pytest

from choral.mechanisms import RandomizedResponse
from choral.numerics import ScriptedEntropy, SeededEntropy
from choral.numerics.discrete_laplace import DiscreteLaplace, _tables


@pytest.mark.parametrize("scale", [1, 10, 257])
def test_noise_changes_at_the_very_ends_of_its_cells(scale):
    """As the exact chances say, in integers: noise in floating point is a step off at some of these words."""
    noise = DiscreteLaplace(scale)
    high, low = _tables(scale, noise.base)
    for place, end in enumerate(high.tolist()):
        below, at = (int(noise.draw(1, 1, ScriptedEntropy([word, 0]))[0, 0]) for word in (end - 1, end))
        assert (below, at) == (place * noise.base, (place + 1) * noise.base)
    for place, end in enumerate(low.tolist()[: noise.base - 1]):
        below, at = (int(noise.draw(1, 1, ScriptedEntropy([0, word]))[0, 0]) for word in (end - 1, end))
        assert (below, at) == (place, place + 1)


def test_rows_do_not_share_their_noise():
    """Pairs of equal rows: both kept with chance p * p, not p. n = 4,000, 6 standard errors, false alarm 2e-9."""
    mechanism = RandomizedResponse.for_epsilon(1.0, domain=8)
    rows = mechanism.randomize(np.zeros(8_000, np.int64), SeededEntropy(11))["value"].reshape(4_000, 2)
    p = mechanism.keep / 2**64
    both = float((rows == 0).all(axis=1).mean())
    assert abs(both - p * p) < 6 * np.sqrt(p * p * (1 - p * p) / 4_000)
    assert len({tuple(row) for row in rows.tolist()}) == 64
