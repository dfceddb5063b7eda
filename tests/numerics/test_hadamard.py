import numpy as np
import pytest

from choral.numerics import SeededEntropy
from choral.numerics.hadamard import hadamard, sign_bits
from choral.numerics.kernels import transform_line


@pytest.mark.parametrize("width", [1, 2, 8, 64])
def test_the_fast_transform_equals_the_matrix(width):
    rows = np.arange(width)
    matrix = 1 - 2 * sign_bits(rows[:, None], rows[None, :]).astype(np.int64)
    lines = SeededEntropy(width).below(3 * width, 1000).astype(np.int64).reshape(3, width)
    assert (hadamard(lines) == lines @ matrix).all()
    assert (hadamard(hadamard(lines)) == width * lines).all()
    assert (matrix @ matrix.T == width * np.eye(width)).all()
    for line in lines:
        compiled = line.copy()
        transform_line(compiled)
        assert (compiled == line @ matrix).all()


def test_other_lengths_are_refused():
    for width in (0, 3, 12):
        with pytest.raises(ValueError, match="power of two"):
            hadamard(np.zeros(width, np.int64))
