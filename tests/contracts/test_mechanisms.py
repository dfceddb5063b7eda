"""Every registered mechanism passes the contract, and the contract notices mechanisms that break it."""

from dataclasses import replace

import pytest

from choral.mechanisms import MECHANISMS, RandomizedResponse
from choral.mechanisms.contract import check_mechanism
from choral.numerics import SeededEntropy
from choral.protocol import Spec, decode, encode
from tests.mechanisms.examples import ILLEGAL, MIDDLING, SMALL

NAMES = sorted(SMALL)


def test_every_registered_name_has_its_examples():
    oracles = {name for name, kind in MECHANISMS.items() if hasattr(kind, "supports")}
    assert set(SMALL) == set(MIDDLING) == set(ILLEGAL) == oracles
    assert all(name == kind.NAME for name, kind in MECHANISMS.items())


@pytest.mark.parametrize("name", NAMES)
def test_the_mechanism_passes_its_contract(name):
    check_mechanism(MIDDLING[name], SMALL[name])


@pytest.mark.parametrize("name", NAMES)
def test_its_parameters_survive_the_wire(name):
    spec = Spec.of(MIDDLING[name])
    assert decode(encode(spec), Spec).build(MECHANISMS) == MIDDLING[name]


class Boastful(RandomizedResponse):
    @property
    def epsilon(self):
        return super().epsilon * 0.95


class Timid(RandomizedResponse):
    @property
    def epsilon(self):
        return super().epsilon * 1.05


class Repeating(RandomizedResponse):
    def randomize(self, values, entropy):
        return super().randomize(values, SeededEntropy(5))


class Skewed(RandomizedResponse):
    def estimate(self, state, n):
        honest = super().estimate(state, n)
        return replace(honest, values=honest.values + 0.05 * n)


class Overconfident(RandomizedResponse):
    def variance(self, counts, n):
        return super().variance(counts, n) * 0.8


class Forgetful(RandomizedResponse):
    def accumulate(self, state, payloads):
        return super().accumulate(state, payloads[1:])


class Suspicious(RandomizedResponse):
    def legal(self, payloads):
        return super().legal(payloads) & (payloads["value"] > 0)


class Hasty(RandomizedResponse):
    def randomize(self, values, entropy):
        entropy.chance(1, self.keep)
        return super().randomize(values, entropy)


class Harmless(RandomizedResponse):
    @property
    def manipulation(self):
        return 1.0


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (Boastful, "outcome costs"),
        (Timid, "no outcome costs more"),
        (Repeating, "same noise twice|not its devices' reports"),
        (Skewed, "biased|moved an item"),
        (Overconfident, "of its theory"),
        (Forgetful, "merging is not addition"),
        (Suspicious, "calls its own payload illegal"),
        (Hasty, "drew before it refused"),
        (Harmless, "moved an item"),
    ],
)
def test_a_planted_fault_breaks_the_contract(kind, promise):
    with pytest.raises(AssertionError, match=promise):
        check_mechanism(kind.for_epsilon(1.5, 10), kind.for_epsilon(1.5, 5))
