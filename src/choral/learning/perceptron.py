"""One hidden layer between inputs and a yes or no."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.generalized_linear import chance_of, judge_classifier, logistic_losses
from choral.learning.rows import random_start, shares
from choral.numerics import Entropy


@dataclass(frozen=True, slots=True)
class MultilayerPerceptron:
    """Chance of a label 1 against 0: a hidden layer of tanh units and a logistic output.

    inputs: numbers of a row; hidden: units
    Parameters: weights [inputs, hidden] row by row, biases [hidden], output weights [hidden], output bias.
    Examples: `inputs` [n, inputs], `label` [n], `weight` [n].
    """

    NAME: ClassVar[str] = "perceptron/1"
    METRIC: ClassVar[str] = "AUC"
    inputs: int
    hidden: int

    def __post_init__(self) -> None:
        if self.inputs < 1 or self.hidden < 1:
            raise ValueError(f"need inputs >= 1 and hidden >= 1, got {self.inputs=}, {self.hidden=}")

    @property
    def size(self) -> int:
        """All weights and biases."""
        return self.hidden * (self.inputs + 2) + 1

    def init(self, entropy: Entropy) -> NDArray[np.float64]:
        """Weights of variance 1 over the number that a unit sums; biases are 0."""
        start = random_start(entropy, self.size)
        first, second = self.inputs * self.hidden, (self.inputs + 1) * self.hidden
        start[:first] /= np.sqrt(self.inputs)
        start[first:second] = 0.0
        start[second:-1] /= np.sqrt(self.hidden)
        start[-1] = 0.0
        return start

    def loss(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """Weighted mean of the logistic losses."""
        losses = logistic_losses(xp, self._logits(xp, params, examples)[0], examples["label"])
        return xp.sum(shares(xp, examples["weight"]) * losses)

    def gradient(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """Of the loss, [size]."""
        logits, units = self._logits(xp, params, examples)
        pull = (chance_of(xp, logits) - examples["label"]) * shares(xp, examples["weight"])
        inner = pull[:, None] * self._parts(xp, params)[2] * (1 - units**2)
        weights = xp.reshape(examples["inputs"].T @ inner, (self.inputs * self.hidden,))
        return xp.concatenate([weights, xp.sum(inner, axis=0), pull @ units, xp.sum(pull)[None]])

    def predict(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """Chance of a 1, [n]."""
        return chance_of(xp, self._logits(xp, params, examples)[0])

    def judge(self, params: NDArray[np.floating], examples: Arrays) -> tuple[float, float]:
        """AUC over rows of weight above 0, and its standard error."""
        return judge_classifier(self._logits(np, params, examples)[0], examples)

    def _parts(self, xp: Any, params: Any) -> tuple[Any, Any, Any]:
        """Weights [inputs, hidden], biases [hidden], output weights [hidden]."""
        first, second = self.inputs * self.hidden, (self.inputs + 1) * self.hidden
        return xp.reshape(params[:first], (self.inputs, self.hidden)), params[first:second], params[second:-1]

    def _logits(self, xp: Any, params: Any, examples: Arrays) -> tuple[Any, Any]:
        """Logits [n] and units [n, hidden]."""
        weights, biases, output = self._parts(xp, params)
        units = xp.tanh(examples["inputs"] @ weights + biases)
        return units @ output + params[-1], units
