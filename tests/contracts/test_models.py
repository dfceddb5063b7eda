"""Every registered model passes its contract, and the contract notices models that break it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from choral.learning import MODELS
from choral.learning.contract import check_model
from choral.learning.generalized_linear import LinearRegression, LogisticRegression
from choral.numerics import SeededEntropy
from tests.learning.examples import ROWS, SMALL

NAMES = sorted(MODELS)


def autodiff(model, params, examples):
    with jax.enable_x64(True):
        return np.asarray(jax.grad(lambda vector: model.loss(jnp, vector, examples))(params))


def test_every_registered_model_has_its_examples():
    assert set(SMALL) == set(ROWS) == set(MODELS)
    assert all(name == kind.NAME for name, kind in MODELS.items())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("derivative", [autodiff, None])
def test_the_model_passes_its_contract(name, derivative):
    check_model(SMALL[name], ROWS[name], derivative)


@pytest.mark.parametrize("name", NAMES)
def test_jax_computes_the_same_gradient_from_the_same_source(name):
    model, rows = SMALL[name], ROWS[name]
    params = model.init(SeededEntropy(8))
    with jax.enable_x64(True):
        theirs = jax.jit(lambda vector: model.gradient(jnp, vector, rows))(params)
    assert np.abs(np.asarray(theirs) - model.gradient(np, params, rows)).max() < 1e-14


class Steep(LinearRegression):
    def gradient(self, xp, params, examples):
        return super().gradient(xp, params, examples) * 1.001


class Summing(LinearRegression):
    def loss(self, xp, params, examples):
        return super().loss(xp, params, examples) * xp.sum(examples["weight"])

    def gradient(self, xp, params, examples):
        return super().gradient(xp, params, examples) * xp.sum(examples["weight"])


class Unweighted(LinearRegression):
    def loss(self, xp, params, examples):
        return super().loss(xp, params, {**examples, "weight": 1 + 0 * examples["weight"]})

    def gradient(self, xp, params, examples):
        return super().gradient(xp, params, {**examples, "weight": 1 + 0 * examples["weight"]})


class Dividing(LinearRegression):
    def gradient(self, xp, params, examples):
        with np.errstate(invalid="ignore"):
            return super().gradient(xp, params, examples) * (xp.sum(examples["weight"]) / xp.sum(examples["weight"]))


class Restless(LinearRegression):
    def init(self, entropy):
        return np.random.default_rng().normal(size=self.size)


class Greedy(LogisticRegression):
    def judge(self, params, examples):
        return float(len(examples["weight"])), 0.0


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (Steep, "not its loss's"),
        (Summing, "unit of weights"),
        (Unweighted, "padding changes it"),
        (Dividing, "of nothing is not 0"),
        (Restless, "entropy's alone"),
        (Greedy, "padding changes its metric"),
    ],
)
def test_a_planted_fault_breaks_the_contract(kind, promise):
    with pytest.raises(AssertionError, match=promise):
        check_model(kind(5), ROWS[kind.NAME])


def test_a_fault_of_a_thousandth_in_one_coordinate_is_noticed():
    class Crooked(LogisticRegression):
        def gradient(self, xp, params, examples):
            return super().gradient(xp, params, examples) + 1e-3 * xp.eye(self.size)[2]

    with pytest.raises(AssertionError, match="not its loss's"):
        check_model(Crooked(5), ROWS["logistic/1"])
