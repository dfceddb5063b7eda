"""The release gate of a study: a state that is clearly worse on public canaries than the best before is rolled back."""

from collections.abc import Callable
from dataclasses import dataclass, field

from choral.learning.base import Arrays
from choral.learning.gate import is_worse

Judge = Callable[[Arrays], tuple[float, float]]


@dataclass(slots=True)
class Gate:
    """Holds the last state that passed; a state that does not is rolled back to it, as the server does.

    judge: (metric, standard error) of a state, higher is better; is_open: lets everything pass
    """

    judge: Judge
    passed: Arrays
    is_open: bool = False
    best: float = field(init=False)
    rolled_back: int = 0

    def __post_init__(self) -> None:
        self.best = self.judge(self.passed)[0]

    def admit(self, state: Arrays) -> Arrays:
        """The state itself, or the last one that passed."""
        metric, error = self.judge(state)
        if not self.is_open and is_worse(metric, error, best=self.best):
            self.rolled_back += 1
            return self.passed
        self.passed, self.best = state, max(self.best, metric)
        return state
