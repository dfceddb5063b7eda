"""The closed form's compiled loop is its plain one."""

import numpy as np
import pytest

from choral.mechanisms import closed_form as room
from choral.mechanisms.closed_form import closed_form
from choral.mechanisms.priv_unit import PrivUnit
from choral.mechanisms.proj_unit import ProjUnit
from choral.numerics import SeededEntropy

ROWS = 70
SCALES = np.resize([0.0, 1e-300, 0.003, 0.05, 1.0, 1e30, 1e300], ROWS)[:, None]


@pytest.mark.parametrize(
    "mechanism",
    [PrivUnit.for_epsilon(4.0, size, clip_norm=0.5) for size in (1, 7, 150, 1001)]
    + [ProjUnit.for_epsilon(4.0, 150, clip_norm=0.5, width=64)],
    ids=lambda one: f"{one.NAME}-{one.dimension}",
)
def test_the_compiled_loop_gives_what_the_plain_one_gives(mechanism, monkeypatch):
    words = SeededEntropy(4).words(ROWS, mechanism.dimension).astype(np.float64)
    values = (words / 2**63 - 1) * SCALES
    fast = closed_form(mechanism, values, SeededEntropy(5))
    monkeypatch.setattr(room, "_kernels", lambda: None)
    plain = closed_form(mechanism, values, SeededEntropy(5))
    np.testing.assert_allclose(fast, plain, rtol=1e-11, atol=1e-12 * abs(plain).max())
