"""Finite fields with a prime or a prime power of elements, numbered so that every language counts alike.

Elements are integers 0 .. order - 1: remainders for a prime; else the base-p digits of a polynomial over GF(p), lowest
power first, modulo the primitive polynomial x**k + c with the smallest number c. So 0 is zero and 1 is one.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

MOST_PRIME = 2**31
MOST_POWER = 2**12
Elements = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Field:
    """GF(prime**degree): sums, products and inverses of whole arrays of elements. Made by `finite_field`."""

    prime: int
    degree: int
    powers: Elements = field(repr=False, compare=False)  # g**i for 0 <= i < 2 (order - 1), where the degree is above 1
    logs: Elements = field(repr=False, compare=False)  # i with g**i = element; meaningless for zero

    @property
    def order(self) -> int:
        """Number of elements."""
        order: int = self.prime**self.degree
        return order

    def add(self, a: Elements, b: Elements) -> Elements:
        """a + b, element by element."""
        if self.degree == 1:
            return (a + b) % self.prime
        if self.prime == 2:
            return a ^ b
        places = self.prime ** np.arange(self.degree)
        return sum(((a // place + b // place) % self.prime * place for place in places), np.zeros((), np.int64))

    def negate(self, a: Elements) -> Elements:
        """-a, element by element."""
        return self.multiply(a, np.array(self.prime - 1))

    def multiply(self, a: Elements, b: Elements) -> Elements:
        """a * b, element by element."""
        if self.degree == 1:
            return a * b % self.prime
        return np.where((a == 0) | (b == 0), 0, self.powers[self.logs[a] + self.logs[b]])

    def invert(self, a: Elements) -> Elements:
        """1 / a, element by element; a must not hold zero."""
        if not np.all(a):
            raise ValueError("zero has no inverse")
        if self.degree > 1:
            return self.powers[self.order - 1 - self.logs[a]]
        inverse, base, left = np.ones_like(a), a, self.prime - 2
        while left:  # a ** (p - 2), by squaring
            inverse = inverse * base % self.prime if left & 1 else inverse
            base, left = base * base % self.prime, left >> 1
        return inverse


def prime_power(order: int) -> tuple[int, int] | None:
    """The (prime, degree) with prime**degree == order, or None if there is none.

    >>> prime_power(64), prime_power(53), prime_power(12)
    ((2, 6), (53, 1), None)
    """
    if order < 2:
        return None
    prime = next((n for n in range(2, int(order**0.5) + 2) if order % n == 0), order)
    degree = 0
    while order % prime == 0:
        order, degree = order // prime, degree + 1
    return (prime, degree) if order == 1 else None


@lru_cache(maxsize=32)
def finite_field(order: int) -> Field:
    """The field with `order` elements; ValueError if there is none, or if it is too large to count in."""
    found = prime_power(order) if order <= MOST_PRIME else None
    if found is None or (found[1] > 1 and order > MOST_POWER):
        raise ValueError(f"need a prime below {MOST_PRIME} or a prime power up to {MOST_POWER}, got {order=}")
    prime, degree = found
    nothing = np.empty(0, np.int64)
    powers = _powers_of_root(prime, degree) if degree > 1 else nothing
    logs = np.zeros(order, np.int64) if degree > 1 else nothing
    logs[powers] = np.arange(len(powers))
    return Field(prime, degree, np.concatenate([powers, powers]), logs)


def _powers_of_root(prime: int, degree: int) -> Elements:
    """The order - 1 powers of the polynomial x modulo the first polynomial for which they all differ."""
    order = prime**degree
    for constant in range(1, order):
        powers = [1]
        while len(powers) < order and (following := _times_x(powers[-1], constant, prime, order)) != 1:
            powers.append(following)
        if len(powers) == order - 1:
            return np.array(powers)
    raise AssertionError("every finite field has a primitive polynomial")


def _times_x(element: int, constant: int, prime: int, order: int) -> int:
    """x * element modulo x**k + constant: the digit that overflows, times -constant, comes back."""
    overflow, shifted = divmod(element * prime, order)
    place, product = 1, 0
    while place < order:
        digit = (shifted // place - overflow * (constant // place)) % prime
        product, place = product + digit * place, place * prime
    return product
