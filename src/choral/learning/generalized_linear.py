"""Models whose prediction is one function of a weighted sum: logistic, linear and Poisson regression."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.classification import auc
from choral.learning.rows import mean_of, random_start, shares
from choral.numerics import Entropy

LARGEST_LOG_RATE = 30.0  # beyond it a Poisson rate goes on along its tangent, so that nothing overflows


def chance_of(xp: Any, logits: Any) -> Any:
    """The logistic function, without overflow."""
    return (1 + xp.tanh(logits / 2)) / 2


def logistic_losses(xp: Any, logits: Any, labels: Any) -> Any:
    """Minus the log-likelihood of each label, 0 or 1."""
    return xp.logaddexp(0.0, logits) - labels * logits


def judge_classifier(logits: NDArray[np.floating], examples: Arrays) -> tuple[float, float]:
    """AUC over rows of weight above 0, and its standard error."""
    counted = examples["weight"] > 0
    return auc(logits[counted], examples["label"][counted])


@dataclass(frozen=True, slots=True)
class WeightedSum(ABC):
    """A weighted sum of inputs, and what it says about a label.

    features: inputs of a row, beside which an intercept is learnt; it comes last
    Examples: `inputs` [n, features], `label` [n], `weight` [n].
    """

    features: int

    def __post_init__(self) -> None:
        if self.features < 1:
            raise ValueError(f"need features >= 1, got {self.features=}")

    @property
    def size(self) -> int:
        """A weight a feature, then the intercept."""
        return self.features + 1

    def init(self, entropy: Entropy) -> NDArray[np.float64]:
        """Independent numbers of variance 1; the intercept is 0."""
        return np.append(random_start(entropy, self.features), 0.0)

    def loss(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """Weighted mean of the rows' losses."""
        losses = self.losses(xp, self.sums(params, examples), examples["label"])
        return xp.sum(shares(xp, examples["weight"]) * losses)

    def gradient(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """Of the loss, [size]: the inputs times how much too high each row's prediction is."""
        surplus = self.expected(xp, self.sums(params, examples)) - examples["label"]
        pull = surplus * shares(xp, examples["weight"])
        return xp.concatenate([pull @ examples["inputs"], xp.sum(pull)[None]])

    def predict(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """The expected label of each row, [n]."""
        return self.expected(xp, self.sums(params, examples))

    def sums(self, params: Any, examples: Arrays) -> Any:
        """Weighted sums, [n]."""
        return examples["inputs"] @ params[:-1] + params[-1]

    @abstractmethod
    def losses(self, xp: Any, sums: Any, labels: Any) -> Any:
        """Minus the log-likelihood of each label but for a constant, [n]."""

    @abstractmethod
    def expected(self, xp: Any, sums: Any) -> Any:
        """The expected label of each row, [n]; the derivative of `losses` is this less the label."""

    @abstractmethod
    def judge(self, params: NDArray[np.floating], examples: Arrays) -> tuple[float, float]:
        """METRIC on these rows and its standard error; higher is better."""


@dataclass(frozen=True, slots=True)
class LogisticRegression(WeightedSum):
    """Chance of a label 1 against 0."""

    NAME: ClassVar[str] = "logistic/1"
    METRIC: ClassVar[str] = "AUC"

    def losses(self, xp: Any, sums: Any, labels: Any) -> Any:
        """Logistic loss, [n]."""
        return logistic_losses(xp, sums, labels)

    def expected(self, xp: Any, sums: Any) -> Any:
        """Chance of a 1, [n]."""
        return chance_of(xp, sums)

    def judge(self, params: NDArray[np.floating], examples: Arrays) -> tuple[float, float]:
        """AUC over rows of weight above 0, and its standard error."""
        return judge_classifier(self.sums(params, examples), examples)


@dataclass(frozen=True, slots=True)
class LinearRegression(WeightedSum):
    """A number."""

    NAME: ClassVar[str] = "linear/1"
    METRIC: ClassVar[str] = "minus half the squared error"

    def losses(self, xp: Any, sums: Any, labels: Any) -> Any:
        """Half the squared difference, [n]."""
        return (sums - labels) ** 2 / 2

    def expected(self, xp: Any, sums: Any) -> Any:
        """The sum itself, [n]."""
        return sums

    def judge(self, params: NDArray[np.floating], examples: Arrays) -> tuple[float, float]:
        """Minus half the mean squared difference, and its standard error."""
        return mean_of(-self.losses(np, self.sums(params, examples), examples["label"]), examples["weight"])


@dataclass(frozen=True, slots=True)
class PoissonRegression(WeightedSum):
    """A count whose logarithm of the rate is the sum; beyond a rate of e**30 along the tangent."""

    NAME: ClassVar[str] = "poisson/1"
    METRIC: ClassVar[str] = "log-likelihood"

    def losses(self, xp: Any, sums: Any, labels: Any) -> Any:
        """Minus the log-likelihood of each count, but for what the model cannot change, [n]."""
        capped = xp.minimum(sums, LARGEST_LOG_RATE)
        return xp.exp(capped) * (1 + sums - capped) - labels * sums

    def expected(self, xp: Any, sums: Any) -> Any:
        """The rate, at most e**30, [n]."""
        return xp.exp(xp.minimum(sums, LARGEST_LOG_RATE))

    def judge(self, params: NDArray[np.floating], examples: Arrays) -> tuple[float, float]:
        """Mean log-likelihood but for what the model cannot change, and its standard error."""
        return mean_of(-self.losses(np, self.sums(params, examples), examples["label"]), examples["weight"])
