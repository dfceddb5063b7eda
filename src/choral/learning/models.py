"""Models that are learnt by gradients, each written once over an array namespace, and their names.

Knows flat vectors of parameters and named arrays of examples. Leaves to algorithms how steps are made and summed.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.bilinear_ranking import BilinearRanking
from choral.learning.generalized_linear import LinearRegression, LogisticRegression, PoissonRegression
from choral.learning.perceptron import MultilayerPerceptron
from choral.numerics import Entropy


class Model(Protocol):
    """A loss, its gradient and a prediction; a frozen dataclass of integers, its shape.

    `xp` is numpy on a device (64 bits) or jax.numpy for a cohort; `params` [size] is one flat vector. Examples are named
    arrays with a leading axis of rows, of which "weight" [n] is one: 0 marks padding. Shapes never depend on values.
    """

    NAME: ClassVar[str]
    METRIC: ClassVar[str]  # what `judge` measures

    @property
    def size(self) -> int:
        """Numbers in the flat vector of parameters."""
        ...

    def init(self, entropy: Entropy) -> NDArray[np.float64]:
        """A random start at the model's natural scale, float64[size]."""
        ...

    def loss(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """Weighted mean over rows; 0 if all weights are."""
        ...

    def gradient(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """Of the loss, [size]; written out, and compared with autodiff by `check_model`."""
        ...

    def predict(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """What the model says about each row."""
        ...

    def judge(self, params: NDArray[np.floating], examples: Arrays) -> tuple[float, float]:
        """METRIC on these rows and its standard error, rows being independent; higher is better."""
        ...


MODELS: Mapping[str, type[Any]] = {
    kind.NAME: kind for kind in (BilinearRanking, LogisticRegression, LinearRegression, PoissonRegression, MultilayerPerceptron)
}


def model_of(name: str, shape: str) -> Model:
    """The model of that name whose fields are the integers of `shape`; ValueError if there is none.

    >>> model_of("bilinear-ranking/1", "10x15").size
    150
    """
    if name not in MODELS:
        raise ValueError(f"no model is called {name!r}; choose one of {', '.join(MODELS)}")
    try:
        lengths = [int(length) for length in str(shape).split("x")]
        model: Model = MODELS[name](*lengths)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{shape!r} is no shape of {name}: {error}") from None
    if "x".join(map(str, lengths)) != shape:
        raise ValueError(f"{shape!r} is no shape of {name}; write integers joined by x, such as 10x15")
    return model
