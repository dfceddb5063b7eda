from fractions import Fraction

import numpy as np
import pytest

from choral.numerics import FLIP_UNIT, UNIT, outcomes


def test_chances_sum_to_one_and_are_exact():
    found = outcomes(lambda entropy: bytes([int(entropy.below(1, 3)[0]), int(entropy.chance(1, 5)[0])]))
    assert sum(found.values()) == 1
    assert found[b"\0\1"] == Fraction(UNIT // 3 + 1, UNIT) * Fraction(5, UNIT)
    assert found[b"\2\0"] == Fraction(UNIT // 3, UNIT) * Fraction(UNIT - 5, UNIT)


def test_coins_fall_independently():
    found = outcomes(lambda entropy: entropy.flips(1, 3, FLIP_UNIT // 4).tobytes())
    assert len(found) == 8
    assert found[b"\5"] == Fraction(1, 4) ** 2 * Fraction(3, 4)


def test_a_path_may_end_early():
    found = outcomes(lambda entropy: b"a" if entropy.chance(1, 2**63)[0] else bytes([int(entropy.below(1, 2)[0])]))
    assert found == {b"a": Fraction(1, 2), b"\0": Fraction(1, 4), b"\1": Fraction(1, 4)}


def test_a_function_without_draws_has_one_outcome():
    assert outcomes(lambda entropy: b"sure") == {b"sure": Fraction(1)}


@pytest.mark.parametrize(
    "draw",
    [lambda e: e.words(1, 1), lambda e: e.below(2, 3), lambda e: e.flips(1, 13, 5), lambda e: e.below(1, 2**20)],
    ids=["words", "rows", "coins", "branches"],
)
def test_what_cannot_be_walked_is_refused(draw):
    with pytest.raises(ValueError, match=r"enumerat|row by row"):
        outcomes(lambda entropy: np.asarray(draw(entropy)).tobytes())
