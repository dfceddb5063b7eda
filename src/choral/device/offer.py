"""Which tasks a device lets in. Everything a server can ask passes here first, before anything is spent or stored.

A task must be signed by a trusted operator and its check-out by the task's own server key; its names must stand in the
table of this program; its dictionary must be the app's, and its price must cover what its mechanism really costs.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from choral.device.signal import Signal
from choral.errors import PeerError, TaskRefused
from choral.privacy import MICRO, Guarantee, required_price
from choral.protocol import Checkout, Signed, Task, Terms, open_checkout
from choral.protocol.messages import ARRAYS
from choral.protocol.report import plaintext_size

MOST_REPORTS_PER_BATCH = 10_000  # of one device; more cannot be an honest question, and would cost a device minutes
LAST_SECOND = 253_402_300_799  # of the year 9999, where Python's calendar ends


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """A task that passed every check, ready to be agreed to and to be contributed to.

    terms_hash, task_hash: names of its Terms and of its task; guarantees: the local one first
    question: hash of the check-out's parameters: a record that answers other parameters is no answer to these
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
    def deadline(self) -> int:
        """When the server stops taking reports of this check-out's round, unix seconds."""
        if self.task.rule.advance == "release":
            return self.task.expires
        closes = self.task.start + (self.checkout.round + self.task.rule.rounds_open) * self.task.rule.round_seconds
        return min(closes, self.task.expires)

    def require_live(self, second: int) -> None:
        """TaskRefused unless the task has begun, and neither it, nor its check-out, nor the round is over."""
        if self.task.start <= second < min(self.deadline, self.checkout.valid_until):
            return
        for holds, problem in (
            (second < self.task.expires, f"the task expired at {clock(self.task.expires)}; it does nothing any more"),
            (second >= self.task.start, f"the task begins at {clock(self.task.start)}; wait, or set this device's clock"),
            (second < self.checkout.valid_until, f"the check-out was valid until {clock(self.checkout.valid_until)}; {NEWER}"),
            (second < self.deadline, f"round {self.checkout.round} closed at {clock(self.deadline)}; {NEWER}"),
        ):
            if not holds:
                raise TaskRefused(problem)


NEWER = "a newer one is needed: connect to the server, and check this device's clock"


def open_offer(signed: Signed, signal: Signal, *, names: Mapping[str, type[Any]], operators: Collection[bytes]) -> Offer:
    """The offer in a signed check-out; TaskRefused, saying what is wrong with it, if it may not be let in."""
    try:
        task, checkout = open_checkout(signed, operators)
        mechanism, algorithm = task.mechanism.build(names), task.algorithm.build(names)
    except PeerError as error:
        raise TaskRefused(f"the task is not let in: {error}") from error
    _require_fit(task, checkout, signal)
    return Offer(
        signed=signed,
        task=task,
        checkout=checkout,
        mechanism=mechanism,
        algorithm=algorithm,
        guarantees=_affirmed(task, mechanism, algorithm),
        terms_hash=task.terms.hash,
        task_hash=task.hash,
        question=hashlib.sha256(ARRAYS.write(checkout.params)).digest(),
    )


def _require_fit(task: Task, checkout: Checkout, signal: Signal) -> None:
    dictionary = task.algorithm.parameters.get("dictionary", b"")
    for holds, problem in (
        (task.terms.signal == signal.name, f"it is about {task.terms.signal!r}, not about {signal.name!r}; tell its operator"),
        (dictionary == signal.dictionary, "it counts by another dictionary than this app's; update the app"),
        (checkout.issued < checkout.valid_until, "its check-out is over before it was issued; tell its operator"),
        (task.reports_per_device <= MOST_REPORTS_PER_BATCH, "a batch would hold too many reports of one device"),
    ):
        if not holds:
            raise TaskRefused(f"the task is not let in: {problem}")


def _affirmed(task: Task, mechanism: Any, algorithm: Any) -> tuple[Guarantee, ...]:
    """The guarantees, once the parts are what they must be and the price covers what the Terms' trust asks for."""
    if not (hasattr(mechanism, "randomize") and hasattr(algorithm, "contribute")):
        raise TaskRefused("the task is not let in: its mechanism or its algorithm is not one; tell its operator")
    try:
        plaintext_size(mechanism.payload.itemsize)
        guarantees: tuple[Guarantee, ...] = mechanism.guarantees(task.rule.minimum, task.reports_per_device)
        cost = required_price(
            mechanism,
            trust=task.terms.trust,
            minimum=task.rule.minimum,
            reports_per_device=task.reports_per_device,
            reports_for_life=task.terms.reports_for_life,
        )
    except (ValueError, OverflowError) as error:
        raise TaskRefused(f"the task is not let in: {error}") from error
    if cost > task.terms.price_micro:
        raise TaskRefused(
            f"the task is not let in: one report costs {cost / MICRO:g} nats, its Terms say {task.terms.epsilon:g}"
        )
    return guarantees


def clock(second: int) -> str:
    """A moment for people to read."""
    return f"{datetime.fromtimestamp(min(second, LAST_SECOND), UTC):%Y-%m-%d %H:%M} UTC"
