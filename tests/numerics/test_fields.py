import numpy as np
import pytest

from choral.numerics.fields import MOST_POWER, finite_field, prime_power


@pytest.mark.parametrize("order", [2, 3, 4, 5, 8, 9, 16, 25, 27, 31, 49, 64])
def test_it_is_a_field(order):
    field, all_ = finite_field(order), np.arange(order)
    a, b = all_[:, None], all_[None, :]
    total, product = field.add(a, b), field.multiply(a, b)
    assert (np.sort(total, axis=1) == all_).all()
    assert (np.sort(product[1:], axis=1) == all_).all()
    assert (total == total.T).all()
    assert (product == product.T).all()
    assert (product[1] == all_).all()
    assert not product[0].any()
    assert (field.add(all_, field.negate(all_)) == 0).all()
    assert (field.multiply(all_[1:], field.invert(all_[1:])) == 1).all()
    for c in (1, order - 1, order // 2):
        assert (
            field.multiply(total, np.array(c)) == field.add(field.multiply(a, np.array(c)), field.multiply(b, np.array(c)))
        ).all()
        assert (field.multiply(product, np.array(c)) == field.multiply(a, field.multiply(b, np.array(c)))).all()


def test_elements_are_numbered_as_written():
    """GF(8) modulo x**3 + x + 1, GF(9) modulo x**2 + x + 2: the first primitive polynomials; x is number p."""
    assert finite_field(8).multiply(np.array([2, 4, 7]), np.array([4, 4, 7])).tolist() == [3, 6, 3]
    assert finite_field(9).multiply(np.array([3, 4]), np.array([3, 3])).tolist() == [7, 1]


def test_a_large_prime_does_not_overflow():
    field = finite_field(2**31 - 1)
    assert field.multiply(np.array([2**31 - 2]), np.array([2**31 - 2])).tolist() == [1]
    assert field.multiply(field.invert(np.array([12345])), np.array([12345])).tolist() == [1]


def test_orders_that_are_no_fields_are_refused():
    assert [n for n in range(2, 33) if prime_power(n)] == [2, 3, 4, 5, 7, 8, 9, 11, 13, 16, 17, 19, 23, 25, 27, 29, 31, 32]
    for order in (0, 1, 6, 12, 100, 2**31, 2 * MOST_POWER, 2**20):
        with pytest.raises(ValueError, match="need"):
            finite_field(order)


def test_zero_has_no_inverse():
    for order in (7, 8):
        with pytest.raises(ValueError, match="zero"):
            finite_field(order).invert(np.array([1, 0]))
