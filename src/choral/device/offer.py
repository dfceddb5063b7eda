"""A task that a device let in: everything about it that could be refused was refused before (see judging.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from choral.device import clock
from choral.errors import TaskRefused
from choral.privacy import Guarantee
from choral.protocol import Checkout, Signed, Task, Terms

NEWER = "a newer one is needed: connect to the server, and check this device's clock"


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """A task that passed every check, ready to be agreed to and to be contributed to.

    terms_hash, task_hash: names of its Terms and of its task; guarantees: the local one first
    question: hash of the check-out's parameters: a record that answers other parameters is no answer to these
    nothing: what a device without anything to say contributes, one row; it stands in wherever the data themselves fail
    agreed: whether this person has said yes to these Terms
    """

    signed: Signed
    task: Task
    checkout: Checkout
    mechanism: Any
    algorithm: Any
    guarantees: tuple[Guarantee, ...]
    terms_hash: bytes
    task_hash: bytes
    question: bytes
    nothing: NDArray[Any]
    agreed: bool = False

    @property
    def terms(self) -> Terms:
        """What a person agrees to."""
        return self.task.terms

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a person is told of it: what holds if nobody is honest; then, where they trust a sum, what a sum adds."""
        told = ("nobody", "sum") if self.terms.trust == "sum" else ("nobody",)
        return tuple(one.sentence for one in self.guarantees if one.trust in told)

    @property
    def trains(self) -> bool:
        """Whether a model is learnt: all that a device holds then makes one row, else each example makes one."""
        return hasattr(self.algorithm, "judge")

    @property
    def deadline(self) -> int:
        """When the server stops taking reports of this check-out's round, unix seconds."""
        return clock.deadline(self.task, self.checkout.round)

    def is_now(self, second: int, round_: int | None = None) -> bool:
        """Whether this round, else the check-out's, is the one of this device's own clock; by releases, every round can be."""
        asked = self.checkout.round if round_ is None else round_
        return self.task.rule.advance == "release" or asked == clock.own_round(self.task, second)

    def waits(self, second: int) -> str:
        """Why the check-out's round is not yet, or no more, the one of this device's own clock; empty if it is."""
        if self.is_now(second):
            return ""
        own = clock.own_round(self.task, second)
        return f"the server is at round {self.checkout.round}, this device's clock at round {own}; it waits until both agree"

    def require_live(self, second: int, mark: int) -> None:
        """TaskRefused unless the task has begun, the check-out is still valid and its round can be the one that is open.

        second: by this device's clock; mark: the latest second at which it ever paid
        """
        task, checkout = self.task, self.checkout
        problem = clock.clock_problem(task, checkout, second, mark=mark)
        is_over = task.rule.advance == "release" and second >= checkout.valid_until
        checks: Sequence[tuple[bool, str, str]] = (
            (second < task.expires, "expired", f"the task expired at {clock.clock(task.expires)}"),
            (second >= task.start, "begins-later", f"the task begins at {clock.clock(task.start)}; wait, or set this clock"),
            (not problem, "clocks-differ", f"{problem}; {NEWER}"),
            (not is_over, "over", f"the check-out was valid until {clock.clock(checkout.valid_until)}; {NEWER}"),
        )
        for holds, code, detail in checks:
            if not holds:
                raise TaskRefused(f"{detail}; nothing was paid", code=code)
