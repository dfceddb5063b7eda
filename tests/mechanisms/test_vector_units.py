"""PrivUnit and ProjUnit: exact epsilon, awkward updates, accuracy in every direction; the rest is the contract."""

import math
import subprocess
import sys
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from choral.mechanisms import empty_state
from choral.mechanisms.priv_unit import PrivUnit
from choral.mechanisms.proj_unit import ProjUnit
from choral.mechanisms.vectors import GRID, clipped, lifted, on_grid
from choral.numerics import SeededEntropy
from choral.numerics.enumeration import EnumeratedEntropy, outcomes
from tests.mechanisms.vector_examples import SMALL

UNITS = ["priv-unit/1", "proj-unit/1"]
UPDATES = [[1.5, 0, 0, 0, 0], [-1.5, 0, 0, 0, 0], [0, 0, 0, 0, 0], [9, 9, -9, 9, 9], [0.3, -0.1, 0.2, 0, 0], [0, 0, 1e-9, 0, 0]]


@dataclass
class OneSeed:
    """Walks every draw but the public seed, which it gives."""

    inner: EnumeratedEntropy
    seed: int
    below: object = field(init=False)
    chance: object = field(init=False)

    def __post_init__(self):
        self.below, self.chance = self.inner.below, self.inner.chance

    def words(self, rows, count):
        return np.full((rows, count), self.seed, np.uint64)


def exact_epsilon(mechanism, seed):
    """The worst log ratio over updates and payloads, given the list that the seed names: it does not depend on the update."""
    tables = []
    for update in UPDATES:
        value = np.array([update[: mechanism.dimension]], float)
        tables.append(outcomes(lambda entropy, value=value: mechanism.randomize(value, OneSeed(entropy, seed)).tobytes()))
    payloads = set().union(*tables)
    assert all(set(table) == payloads for table in tables)
    return max(math.log(max(t[one] for t in tables) / min(t[one] for t in tables)) for one in payloads)


@pytest.mark.parametrize("name", UNITS)
def test_no_payload_costs_more_than_claimed_and_some_cost_it_all_whatever_the_seed(name):
    mechanism = SMALL[name]
    found = [exact_epsilon(mechanism, seed) for seed in (0, 1, 2, 77, 2**64 - 1)]
    assert max(found) <= mechanism.epsilon + 1e-12
    assert max(found) >= mechanism.epsilon - 1e-12


@pytest.mark.parametrize("spoilt", [[0, 0, 0, 0], [5, 5, 5, 5], [-1, 2, -3, 4]])
def test_epsilon_holds_even_for_useless_candidates(spoilt, monkeypatch):
    """Whatever the scores are, so long as the list does not depend on the update: nothing rests on ChaCha20 or on floats."""
    mechanism = SMALL["priv-unit/1"]
    monkeypatch.setattr(type(mechanism.directions), "scores", lambda *_: np.array([spoilt]))
    assert exact_epsilon(mechanism, 3) <= mechanism.epsilon + 1e-12


@pytest.mark.parametrize("name", UNITS)
def test_a_payload_has_ten_bytes_and_a_claim_that_is_asked_for(name):
    kind = {"priv-unit/1": PrivUnit, "proj-unit/1": ProjUnit}[name]
    for epsilon in (0.25, 1.0, 4.0, 8.0):
        mechanism = kind.for_epsilon(epsilon, 1000, clip_norm=1.0)
        assert mechanism.payload.itemsize == 10
        assert epsilon * (1 - 1e-6) < mechanism.epsilon <= epsilon
        assert mechanism.guarantees(10**5)[1].epsilon <= mechanism.epsilon


@pytest.mark.parametrize("scale", [0.0, 5e-324, 1e-310, 1e-30, 1.0, 1e30, 1.7e308])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lifted_points_lie_on_the_sphere_whatever_the_update(scale, dtype):
    wide = np.array([[1.0, -1.0, 0.5], [1e-3, 0, 0], [0, 0, 0]])
    with np.errstate(over="ignore", under="ignore"):
        vectors = (
            np.nan_to_num(np.clip(wide * scale, -np.finfo(dtype).max, np.finfo(dtype).max)).astype(dtype).astype(np.float64)
        )
    points = lifted(vectors, 2.0)
    assert np.abs(np.sqrt((points.astype(float) ** 2).sum(axis=1)) - GRID).max() < 2
    assert (np.sign(points[:, :3]) * np.sign(vectors) >= 0).all()


def test_short_updates_are_kept_and_long_ones_shortened_to_the_clip_norm():
    vectors = np.array([[3.0, 4.0], [0.3, -0.4], [-1e300, 0.0]])
    np.testing.assert_allclose(clipped(vectors, 1.0), [[0.6, 0.8], [0.3, -0.4], [-1, 0]], rtol=1e-6)
    assert (np.linalg.norm(on_grid(vectors, 1.0, 1000.0), axis=1) <= 1000).all()


@pytest.mark.parametrize("name", UNITS)
def test_an_updates_length_beyond_the_clip_norm_does_not_show(name):
    mechanism = SMALL[name]
    value = np.arange(1.0, mechanism.dimension + 1)[None] * 4
    reports = [mechanism.randomize(value * times, SeededEntropy(5)).tobytes() for times in (1, 2, 1e9)]
    assert len(set(reports)) == 1


@pytest.mark.parametrize("kind", ["sparse", "pair", "dense", "short"])
@pytest.mark.parametrize("name", UNITS)
def test_it_is_unbiased_along_every_kind_of_update(name, kind):
    """Score of the estimate along the update, n = 8,000: 6 standard errors (false alarm 2e-9) are about 8 % here."""
    d, n = 24, 8000
    update = {"sparse": np.eye(d)[3], "pair": np.eye(d)[3] - np.eye(d)[9], "dense": np.ones(d), "short": 0.5 * np.eye(d)[0]}[
        kind
    ]
    update = update / max(1, np.linalg.norm(update))
    small = {"priv-unit/1": PrivUnit.for_epsilon, "proj-unit/1": ProjUnit.for_epsilon}[name]
    options = {"pairs": 32} | ({"width": 8} if name == "proj-unit/1" else {})
    mechanism = small(4.0, d, clip_norm=1.0, **options)
    payloads = mechanism.randomize(np.tile(update, (n, 1)), SeededEntropy(11))
    estimate = mechanism.estimate(mechanism.accumulate(empty_state(mechanism), payloads), n)
    error = (estimate.values - n * update) @ update / np.linalg.norm(update)
    assert abs(error) < 6 * math.sqrt(mechanism.variance(np.tile(update, (n, 1))).max())
    assert abs(estimate.values.sum() - n * update.sum()) < 6 * math.sqrt(mechanism.variance(np.tile(update, (n, 1))).sum())


def test_no_report_weighs_more_than_another_one():
    """A hostile report can choose among public directions; it cannot send a longer one, nor one of its own."""
    mechanism = PrivUnit.for_epsilon(4.0, 300, clip_norm=1.0)
    forged = np.zeros(200, mechanism.payload)
    forged["seed"], forged["index"] = np.arange(200), np.arange(200) % (2 * mechanism.pairs)
    lengths = [np.linalg.norm(mechanism.accumulate(empty_state(mechanism), one[None])) for one in forged]
    assert max(lengths) / min(lengths) < 1.7


def test_nothing_of_nobody_is_zero():
    for name in UNITS:
        estimate = SMALL[name].estimate(empty_state(SMALL[name]), 0)
        assert not estimate.values.any()
        assert not estimate.variance.any()


@pytest.mark.parametrize(
    "wrong", [{"dimension": 0}, {"dimension": 2**17}, {"clip_micro": 0}, {"pairs": 0}, {"top": 5}, {"keep": 1}]
)
@pytest.mark.parametrize("name", UNITS)
def test_illegal_parameters_are_refused(name, wrong):
    with pytest.raises(ValueError, match="need"):
        replace(SMALL[name], **wrong)


@pytest.mark.parametrize("width", [1, 2000])
def test_an_absurd_width_is_refused(width):
    with pytest.raises(ValueError, match="width"):
        replace(SMALL["proj-unit/1"], width=width)


@pytest.mark.parametrize("clip_norm", [0.0, -1.0, math.nan, math.inf, 1e-9])
def test_an_absurd_clip_norm_is_refused(clip_norm):
    with pytest.raises(ValueError, match="clip_norm"):
        PrivUnit.for_epsilon(1.0, 10, clip_norm=clip_norm)


def test_a_bare_device_randomizes_without_compilers_and_never_sees_the_closed_form():
    program = """
import sys
import numpy as np
from choral.mechanisms.priv_unit import PrivUnit
from choral.mechanisms.registry import MECHANISMS
from choral.numerics import SystemEntropy
mechanism = PrivUnit.for_epsilon(4.0, 1000, clip_norm=1.0)
mechanism.randomize(np.ones((1, 1000)), SystemEntropy())
print(sorted({"numba", "scipy", "jax", "choral.mechanisms.closed_form"} & set(sys.modules)))
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
