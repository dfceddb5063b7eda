"""Every mechanism for vectors passes its contract, and the contract notices mechanisms that break it."""

from dataclasses import replace

import numpy as np
import pytest

from choral.mechanisms import MECHANISMS
from choral.mechanisms.priv_unit import PrivUnit
from choral.mechanisms.vector_contract import check_vector_mechanism
from choral.numerics import SeededEntropy
from choral.privacy import Guarantee
from choral.protocol import Spec, decode, encode
from tests.mechanisms.vector_examples import ILLEGAL, MIDDLING, SMALL

NAMES = sorted(SMALL)


def test_every_registered_vector_mechanism_has_its_examples():
    vectors = {name for name, kind in MECHANISMS.items() if hasattr(kind, "clip_norm")}
    assert set(SMALL) == set(MIDDLING) == set(ILLEGAL) == vectors


@pytest.mark.parametrize("name", NAMES)
def test_the_mechanism_passes_its_contract(name):
    check_vector_mechanism(MIDDLING[name])


@pytest.mark.parametrize("name", NAMES)
def test_its_parameters_survive_the_wire(name):
    spec = Spec.of(MIDDLING[name])
    assert decode(encode(spec), Spec).build(MECHANISMS) == MIDDLING[name]


class Repeating(PrivUnit):
    def randomize(self, values, entropy):
        return super().randomize(values, SeededEntropy(5))


class Skewed(PrivUnit):
    def estimate(self, state, n):
        honest = super().estimate(state, n)
        return replace(honest, values=honest.values + 0.2 * n * self.clip_norm)


class Overconfident(PrivUnit):
    def variance(self, values):
        return super().variance(values) * 0.8


class Forgetful(PrivUnit):
    def accumulate(self, state, payloads):
        return super().accumulate(state, payloads[1:])


class Trusting(PrivUnit):
    def legal(self, payloads):
        return np.ones(len(payloads), bool)


class Hasty(PrivUnit):
    def randomize(self, values, entropy):
        entropy.chance(1, self.keep)
        return super().randomize(values, entropy)


class Impure(PrivUnit):
    def guarantees(self, minimum, reports_per_device=1):
        return (Guarantee(self.epsilon, 1e-6, "one report", "any two values", "nobody"),)


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (Repeating, "same noise twice|not its devices' reports"),
        (Skewed, "biased"),
        (Overconfident, "of its theory"),
        (Forgetful, "merging is not addition"),
        (Trusting, "all is legal"),
        (Hasty, "drew before it refused"),
        (Impure, "neither pure"),
    ],
)
def test_a_planted_fault_breaks_the_contract(kind, promise):
    with pytest.raises(AssertionError, match=promise):
        check_vector_mechanism(kind.for_epsilon(3.0, 12, clip_norm=1.0, pairs=16))
