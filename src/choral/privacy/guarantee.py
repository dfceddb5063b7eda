"""What a promise of differential privacy says, as data.

Knows epsilon, delta and the words they need. Leaves to others how noise is drawn.
"""

import math
from dataclasses import dataclass
from typing import Literal

Trust = Literal["nobody", "shuffler", "sum"]
TRUSTS: tuple[Trust, ...] = ("nobody", "shuffler", "sum")
MOST_READABLE = 14.0  # about a million to one
MICRO = 1_000_000  # budgets are kept in millionths of a nat, as integers


@dataclass(frozen=True, slots=True)
class Guarantee:
    """An upper bound (epsilon, delta), the unit it protects, the neighbours it compares and whom one must trust.

    epsilon: nats, at least 0, an upper bound computed from the integers in use; infinite where nothing is promised
    delta: in [0, 1); 0 means pure
    unit: what one change is, in words, such as "one report"
    relation: which two inputs are compared, such as "any two values"
    trust: `nobody` needs no one's honesty; `shuffler` and `sum` need what `assumption` says
    """

    epsilon: float
    delta: float
    unit: str
    relation: str
    trust: Trust
    assumption: str = ""

    def __post_init__(self) -> None:
        if not (self.epsilon >= 0 and 0 <= self.delta < 1):
            raise ValueError(f"need epsilon >= 0 and 0 <= delta < 1, got {self.epsilon=}, {self.delta=}")
        if self.trust not in TRUSTS:
            raise ValueError(f"trust is one of {TRUSTS}, got {self.trust!r}")

    @property
    def hides_little(self) -> bool:
        """Whether the bound is that of a share of a sum's noise: none, or too large to mean anything."""
        return math.isinf(self.epsilon) or (self.delta > 0 and self.epsilon > MOST_READABLE)

    @property
    def sentence(self) -> str:
        """The promise in one plain sentence."""
        if self.hides_little:
            number = "no bound on epsilon" if math.isinf(self.epsilon) else f"epsilon {self.epsilon:.4g}, delta {self.delta:g}"
            return f"{self.unit} alone hides next to nothing ({number}): who sees it by itself learns what it says."
        weak = ", which hides next to nothing" if self.epsilon > MOST_READABLE else ""
        slip = f", except with chance {self.delta:g}" if self.delta else ""
        condition = f" If {self.assumption}." if self.assumption else " Whatever the server does."
        return (
            f"epsilon {self.epsilon:.4g} for {self.unit} ({self.relation}): "
            f"nothing anyone concludes becomes more than {_times(self.epsilon)} times likelier{weak}{slip}.{condition}"
        )


def _times(epsilon: float) -> str:
    """exp(epsilon) for a reader; a number too large to mean anything stays a power."""
    if epsilon > MOST_READABLE:
        return f"e^{epsilon:.4g}"
    odds = math.exp(epsilon)
    return f"{odds:,.1f}" if odds < 1000 else f"{odds:,.0f}"


def local(epsilon: float) -> Guarantee:
    """Pure local privacy of one report: holds for any two values and needs nobody's honesty."""
    return Guarantee(epsilon, 0.0, "one report", "any two values", "nobody")


def micro(epsilon: float) -> int:
    """Epsilon in millionths of a nat, rounded up, as budgets and prices are kept."""
    return math.ceil(epsilon * MICRO)
