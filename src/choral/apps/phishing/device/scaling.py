"""From counts to numbers of one size, by constants that travel with the model and come from public rows alone."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST = 3.0  # standard deviations beyond which a standardized feature is cut
LEAST_WIDTH = 0.1  # of the logarithm: what hardly varies among public rows stays small
TAIL = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """log(1 + x), less `shift`, over `width`, cut to [low, high]; shift and width float64[f]."""

    shift: Floats
    width: Floats
    low: float
    high: float

    @classmethod
    def standard(cls, public: Floats) -> Self:
        """Mean 0 and variance 1 over public rows float64[n, f]; for gradients that are clipped in L2."""
        logs = _logs(public)
        return cls(logs.mean(axis=0), np.maximum(logs.std(axis=0), LEAST_WIDTH), -MOST, MOST)

    @classmethod
    def unit(cls, public: Floats) -> Self:
        """Within [0, 1], as Pihur et al. ask: the range of public rows but for 1 % at either end."""
        logs = _logs(public)
        low, high = np.quantile(logs, TAIL, axis=0), np.quantile(logs, 1 - TAIL, axis=0)
        return cls(low, np.where(high > low, high - low, 1.0), 0.0, 1.0)

    def __call__(self, features: Floats) -> Floats:
        """float64[n, f] from raw features float64[n, f]."""
        return self.of_logs(_logs(features))

    def of_logs(self, logs: Floats) -> Floats:
        """float64[n, f] from the logarithms of 1 + x."""
        return np.asarray(np.clip((logs - self.shift) / self.width, self.low, self.high), np.float64)

    def logs(self, scaled: Floats) -> Floats:
        """The logarithms of 1 + x that were scaled so; what was cut stays cut."""
        return np.asarray(scaled * self.width + self.shift, np.float64)


def _logs(features: Floats) -> Floats:
    return np.asarray(np.log1p(np.maximum(features, 0.0)), np.float64)
