"""Every registered algorithm passes its contract, and the contract notices algorithms that break it."""

import numpy as np
import pytest

from choral.learning import ALGORITHMS, FederatedAveraging
from choral.learning.contract import check_algorithm
from choral.protocol import Release, Spec, decode, encode
from tests.learning.examples import CASES, choices, estimates

NAMES = sorted(CASES)


def travelled(arrays):
    release = Release(bytes(32), 0, "unpublished", 1, 0, (), arrays)
    return decode(encode(release), Release).arrays


def test_every_registered_algorithm_has_its_examples():
    assert set(ALGORITHMS) == set(CASES)
    assert all(name == kind.NAME for name, kind in ALGORITHMS.items())


@pytest.mark.parametrize("name", NAMES)
def test_the_algorithm_passes_its_contract(name):
    algorithm, examples, updates, linear = CASES[name]
    check_algorithm(algorithm, examples, updates, travelled=travelled, linear=linear)


def test_the_server_may_step_by_adam():
    algorithm = FederatedAveraging(model="bilinear-ranking/1", shape="3x4", optimizer="adam", momentum_milli=900)
    check_algorithm(algorithm, choices(), estimates(12), travelled=travelled, linear=("velocity",))


@pytest.mark.parametrize("name", NAMES)
def test_its_parameters_survive_the_wire(name):
    spec = Spec.of(CASES[name][0])
    assert decode(encode(spec), Spec).build(ALGORITHMS) == CASES[name][0]


class Personal(FederatedAveraging):
    def check_out(self, state, entropy):
        return {**super().check_out(state, entropy), "receiver": np.random.default_rng().integers(0, 99, 8)}


class Trusting(FederatedAveraging):
    def require_params(self, params):
        assert set(params) == {"params"}


class Writing(FederatedAveraging):
    def fold(self, state, update, entropy):
        state["params"][0] = 1
        return super().fold(state, update, entropy)


class Rooted(FederatedAveraging):
    def stepped(self, state, mean):
        changed = super().stepped(state, mean)
        return {**changed, "params": changed["params"] ** 2}


class Wide(FederatedAveraging):
    def init(self, entropy):
        return {**super().init(entropy), "history": np.zeros(3, np.float16)}


class Exploding(FederatedAveraging):
    def publish(self, state):
        return {"params": super().publish(state)["params"] / 0.0 if state["round"][0] > 1 else state["params"]}


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (Personal, "check_out is not of the state"),
        (Trusting, "takes parameters that are not finite"),
        (Writing, "read-only"),
        (Rooted, "params is not linear"),
        (Wide, "f2|float16"),
        (Exploding, "not finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_planted_fault_breaks_the_contract(kind, promise):
    with pytest.raises((AssertionError, ValueError), match=promise):
        check_algorithm(
            kind(model="bilinear-ranking/1", shape="3x4"),
            choices(),
            estimates(12),
            travelled=travelled,
            linear=("params",),
        )
