"""The audit passes honest claims and catches planted faults. A sampled audit of a true claim fails for 1 seed in 10**6."""

import math

import numpy as np
import pytest

from choral.mechanisms import (
    MECHANISMS,
    CountMeanSketch,
    HadamardCountMeanSketch,
    LocalHashing,
    ProjectiveGeometryResponse,
    RandomizedResponse,
    SubsetSelection,
)
from choral.mechanisms.audit import audit_by_sampling, audit_oracle, count_paths, log_ratio_bound, oracle_case
from choral.mechanisms.audit_cases import AUDITED, PUZZLE, audit_named, puzzle_case
from choral.numerics import SeededEntropy
from tests.mechanisms.examples import SEED, SMALL

SAMPLED = {
    "sketch": CountMeanSketch.for_epsilon(4.0, 100, seed=SEED, width=64, rows=64),
    "hadamard": HadamardCountMeanSketch.for_epsilon(2.0, 1000, seed=SEED, width=1024, rows=512),
    "projective": ProjectiveGeometryResponse.for_epsilon(4.0, 2600),
    "subset": SubsetSelection.for_epsilon(2.0, 40),
    "hashing": LocalHashing.for_epsilon(3.0, 1000),
}


def test_every_registered_mechanism_has_an_instance():
    assert set(MECHANISMS) == set(AUDITED)
    with pytest.raises(ValueError, match="not audited"):
        audit_named("unheard-of/1", SeededEntropy(1))


@pytest.mark.parametrize("name", sorted(SMALL))
def test_small_instances_are_walked_and_reach_their_claim(name):
    found = audit_oracle(SMALL[name], SeededEntropy(1))
    assert (found.method, found.verdict) == ("enumeration", "holds")
    assert found.claimed - 1e-9 <= found.lower_bound <= found.claimed + 1e-12


@pytest.mark.parametrize("name", sorted(SAMPLED))
def test_sampling_comes_close_to_a_true_claim_and_stays_below_it(name):
    found = audit_oracle(SAMPLED[name], SeededEntropy(2), draws=400_000)
    assert (found.method, found.verdict, found.draws) == ("sampling", "holds", 400_000)
    assert 0.95 * found.claimed < found.lower_bound <= found.claimed


def test_the_fragment_puzzle_is_audited_by_both_of_its_sketches():
    found = audit_by_sampling(puzzle_case(PUZZLE), SeededEntropy(3), draws=600_000)
    assert found.verdict == "holds"
    assert found.lower_bound > 0.75 * found.claimed + 0.5  # more than the fragment's share alone


class Cheap(ProjectiveGeometryResponse):
    @property
    def epsilon(self):
        return super().epsilon / 1.05


class CheapResponse(RandomizedResponse):
    @property
    def epsilon(self):
        return super().epsilon / 1.05


class Loaded(RandomizedResponse):
    def randomize(self, values, entropy):
        honest = RandomizedResponse(self.domain, self.keep + self.keep // 100)
        return honest.randomize(values, entropy)


class Reusing(ProjectiveGeometryResponse):
    def randomize(self, values, entropy):
        return super().randomize(values, SeededEntropy(7))


class ReusingResponse(RandomizedResponse):
    def randomize(self, values, entropy):
        return super().randomize(values, SeededEntropy(7))


@pytest.mark.parametrize("fault", [CheapResponse, Loaded, ReusingResponse])
def test_a_planted_fault_is_caught_by_walking(fault):
    assert audit_oracle(fault.for_epsilon(2.0, 8), SeededEntropy(1)).verdict == "broken"


def test_an_epsilon_5_percent_too_high_is_caught_by_sampling():
    """Missed with chance below 0.01 for another seed."""
    assert audit_oracle(Cheap.for_epsilon(4.0, 2600), SeededEntropy(4)).verdict == "broken"


def test_a_biased_coin_is_caught_by_sampling():
    mechanism = HadamardCountMeanSketch.for_epsilon(2.0, 1000, seed=SEED, width=1024, rows=512)
    assert audit_oracle(mechanism, Biased(), draws=400_000).verdict == "broken"


class Biased(SeededEntropy):
    """Turns a sign an eighth more seldom than it should."""

    def __init__(self):
        super().__init__(5)

    def chance(self, rows, numerator):
        return super().chance(rows, numerator - numerator // 8)


def test_reused_entropy_is_caught_by_sampling():
    found = audit_oracle(Reusing.for_epsilon(4.0, 2600), SeededEntropy(6), draws=200_000)
    assert (found.verdict, found.lower_bound) == ("broken", math.inf)
    assert found.document()["lower_bound"] is None


def test_a_far_too_cautious_claim_is_called_loose():
    class Timid(ProjectiveGeometryResponse):
        @property
        def epsilon(self):
            return 1.2 * super().epsilon

    assert audit_oracle(Timid.for_epsilon(2.0, 500), SeededEntropy(6), draws=200_000).verdict == "loose"


def test_what_cannot_be_walked_is_counted_as_endless():
    assert count_paths(RandomizedResponse.for_epsilon(1.0, 9)) == 2 * 8
    assert count_paths(LocalHashing.for_epsilon(1.0, 9)) is None
    assert count_paths(SAMPLED["sketch"]) is None


def test_the_bound_holds_for_all_but_a_share_alpha_of_draws():
    """At alpha = 0.05: of 2,000 pairs of binomials, at most 150 bounds exceed the truth (chance of more: 1e-9)."""
    entropy, n, p, q = SeededEntropy(8), 400, 0.5, 0.1
    hits = [np.array([entropy.chance(n, int(c * 2**64)).sum() for _ in range(2000)]) for c in (p, q)]
    exceeding = sum(log_ratio_bound(int(a), int(b), n, 0.05) > math.log(p / q) for a, b in zip(*hits, strict=True))
    assert exceeding <= 150


def test_absurd_requests_are_refused():
    case = oracle_case(SAMPLED["projective"])
    for wrong in ({"draws": 10}, {"alpha": 0.0}, {"alpha": 0.5}):
        with pytest.raises(ValueError, match="need"):
            audit_by_sampling(case, SeededEntropy(1), **wrong)
    assert log_ratio_bound(0, 5, 100, 0.01) == -math.inf
