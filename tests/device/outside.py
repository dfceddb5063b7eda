"""Algorithms from outside the package: one that is honest, and some that are not, or not always."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from choral.learning import Count


@dataclass(frozen=True)
class Honest(Count):
    NAME: ClassVar[str] = "honest/1"


@dataclass(frozen=True)
class Hanging(Count):
    """Never answers where there is something to say."""

    NAME: ClassVar[str] = "hanging/1"

    def contribute(self, params, examples):
        while (examples["category"] != 9).any():
            pass
        return super().contribute(params, examples)


@dataclass(frozen=True)
class Hungry(Count):
    """Takes 16 GiB where there is something to say."""

    NAME: ClassVar[str] = "hungry/1"

    def contribute(self, params, examples):
        if (examples["category"] != 9).any():
            np.ones(2**31)
        return super().contribute(params, examples)


@dataclass(frozen=True)
class Leaving(Count):
    """Ends its process where there is something to say."""

    NAME: ClassVar[str] = "leaving/1"

    def contribute(self, params, examples):
        if (examples["category"] != 9).any():
            raise SystemExit(0)
        return super().contribute(params, examples)
