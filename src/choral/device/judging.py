"""What a device lets in, judged before any of its person's data are looked at. Everything a server can ask passes here.

One function, `judge`, and one table, REASONS, of all that can be wrong. It knows public things only: a signed check-out, what
an app declares, this program's table of names, trusted operators. After it, a person's data can refuse nothing any more: what
fails then is "nothing", randomized, paid and sent like any other answer.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choral.device import clock
from choral.device.capped import contribute
from choral.device.offer import Offer
from choral.device.signal import Signal
from choral.errors import PeerError, TaskRefused
from choral.privacy import MICRO, Guarantee, required_price
from choral.protocol import Checkout, Signed, Task, open_checkout, question_of, seal
from choral.protocol.report import plaintext_size

MOST_REPORTS_PER_BATCH = 10_000  # of one device; more cannot be an honest question, and would cost a device minutes
MOST_OPERATIONS = 2**31  # of a device half on single numbers: some seconds on an old phone
MOST_KEYS = 64  # of shufflers that are remembered
MOST_NUMBERS = 2**25  # held at a time: 256 MiB

REASONS: Mapping[str, str] = {  # code -> what is wrong, and who must act
    "unreadable": "it cannot be read; tell whoever runs the server",
    "unsigned": "no trusted operator signed it, or its server did not; tell whoever runs the server, and trust no other key",
    "unknown-name": "this program does not know its mechanism or algorithm; update this program, or leave the task alone",
    "other-signal": "it is about another signal than the one it was offered for; tell its operator",
    "other-question": "it asks what the app does not offer to answer; update the app, or tell the operator",
    "other-dictionary": "it counts by another dictionary than this app's; update the app",
    "too-many-reports": "a batch would hold too many reports of one device; tell its operator",
    "too-expensive": "a report costs more than its Terms say; tell its operator",
    "wrong-dates": "its check-out lies outside its round; tell whoever runs the server",
    "wrong-chance": "its chance of taking part is not one that the task allows; tell whoever runs the server",
    "wrong-parameters": "its parameters are none that its algorithm checks out; tell whoever runs the server",
    "too-long": "its reports fit no size class; tell its operator",
    "too-much-work": "it would keep a device busy for too long; tell its operator",
    "does-not-fit": "its mechanism or algorithm cannot take what the app says; tell its operator",
    "bad-key": "nothing can be sealed to its key; tell its operator",
}


def judge(signed: Signed, signal: Signal, *, names: Mapping[str, type[Any]], operators: Collection[bytes]) -> Offer:
    """The offer in a signed check-out; TaskRefused with the reason's code if it may not be let in. Reads no person's data."""
    try:
        task, checkout = open_checkout(signed, operators)
        mechanism, algorithm = task.mechanism.build(names), task.algorithm.build(names)
    except PeerError as error:
        codes = {"bad-signature": "unsigned", "unknown-name": "unknown-name"}
        raise refuse(codes.get(error.problem, "unreadable"), signal.name, str(error)) from error
    for code, detail in (*_faults(task, signal), *_faults_of_round(task, checkout)):
        raise refuse(code, signal.name, detail)
    guarantees = _affirmed_price(task, mechanism, algorithm)
    _require_work(task, checkout, mechanism, algorithm, signal)
    return Offer(
        signed=signed,
        task=task,
        checkout=checkout,
        mechanism=mechanism,
        algorithm=algorithm,
        guarantees=guarantees,
        terms_hash=task.terms.hash,
        task_hash=task.hash,
        question=question_of(checkout.params),
        nothing=rehearse(task, checkout, mechanism, algorithm, signal),
    )


def refuse(code: str, signal: str, detail: str = "") -> TaskRefused:
    """The refusal for a reason of REASONS: what was wrong with which task, who must act, and that nothing was paid."""
    more = f" ({detail})" if detail else ""
    return TaskRefused(f"the task about {signal!r} is not let in: {REASONS[code]}{more}; nothing was paid", code=code)


def _faults(task: Task, signal: Signal) -> Iterator[tuple[str, str]]:
    """What is wrong with the question, as far as can be seen without running anything: (code, detail)."""
    terms, asks = task.terms, signal.asks
    if terms.signal != signal.name:
        yield "other-signal", f"it is about {terms.signal!r}"
    held = (signal.dictionary, signal.dictionary_name, signal.signer)
    if (task.algorithm.parameters.get("dictionary", b""), terms.dictionary, terms.signer) != held:
        yield "other-dictionary", f"it names {terms.dictionary!r}"
    for name, allowed in ((task.mechanism.name, asks.mechanisms), (task.algorithm.name, asks.algorithms)):
        if allowed and name not in allowed:
            yield "other-question", f"it asks by {name}"
    for name, value in asks.exact:
        found = {spec.parameters[name] for spec in (task.mechanism, task.algorithm) if name in spec.parameters}
        if found != {value}:
            yield "other-question", f"its {name} is {', '.join(map(str, sorted(map(str, found)))) or 'not said'}, not {value}"


def _faults_of_round(task: Task, checkout: Checkout) -> Iterator[tuple[str, str]]:
    """What is wrong with the numbers of its round: (code, detail)."""
    if task.reports_per_device > MOST_REPORTS_PER_BATCH:
        yield "too-many-reports", f"{task.reports_per_device}"
    begin, end = clock.span_of(task, checkout)
    if not begin <= checkout.issued < checkout.valid_until <= end:
        yield "wrong-dates", f"round {checkout.round}, {clock.clock(checkout.issued)} to {clock.clock(checkout.valid_until)}"
    if not task.least_chance <= checkout.chance <= task.most_chance:
        yield "wrong-chance", f"{checkout.chance / 2**32:g}"


def _affirmed_price(task: Task, mechanism: Any, algorithm: Any) -> tuple[Guarantee, ...]:
    """The guarantees, once the parts are what they must be and the price covers what the Terms' trust asks for."""
    if not (hasattr(mechanism, "randomize") and hasattr(algorithm, "contribute")):
        raise refuse("does-not-fit", task.terms.signal, "its mechanism or its algorithm is not one")
    try:
        guarantees: tuple[Guarantee, ...] = mechanism.guarantees(task.rule.minimum, task.reports_per_device)
        cost = required_price(
            mechanism,
            trust=task.terms.trust,
            minimum=task.rule.minimum,
            reports_per_device=task.reports_per_device,
            reports_for_life=task.terms.reports_for_life,
        )
    except (ValueError, ArithmeticError) as error:
        raise refuse("too-expensive", task.terms.signal, str(error)) from error
    if cost > task.terms.price_micro:
        told = f"one report costs {cost / MICRO:g} nats, its Terms say {task.terms.epsilon:g}"
        raise refuse("too-expensive", task.terms.signal, told)
    return guarantees


def _require_work(task: Task, checkout: Checkout, mechanism: Any, algorithm: Any, signal: Signal) -> None:
    """TaskRefused unless the parameters are the algorithm's, and a device is done with them in bounded time and memory.

    An algorithm from outside this package may declare neither: it runs with a hard cap (see capped.py).
    """
    name = task.terms.signal
    try:
        plaintext_size(mechanism.payload.itemsize)
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise refuse("too-long", name, str(error)) from error
    try:
        if hasattr(algorithm, "require_params"):
            algorithm.require_params(checkout.params)
        operations, numbers = getattr(mechanism, "work", 0), getattr(mechanism, "work", 0)
        if hasattr(algorithm, "device_work"):
            work = algorithm.device_work(checkout.params, signal.limit)
            operations, numbers = operations + work.operations, max(numbers, work.numbers)
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise refuse("wrong-parameters", name, str(error)) from error
    if operations > MOST_OPERATIONS or numbers > MOST_NUMBERS:
        raise refuse("too-much-work", name, f"{operations:,} operations, {numbers:,} numbers at a time")


def rehearse(task: Task, checkout: Checkout, mechanism: Any, algorithm: Any, signal: Signal) -> NDArray[Any]:
    """What is contributed without any event, one row: the device half run once on what the app answers for nothing.

    A data-free rehearsal of the whole way to a sealed report: what fails here fails on every device alike. A mechanism refuses
    before it draws, so that one that comes to draw takes the row.
    """
    try:
        if signal.is_personal:
            row = np.asarray(algorithm.nothing(checkout.params))
        else:
            row = contribute(algorithm, checkout.params, signal.examples(()))[:1]
        if not len(row) or (row.dtype.kind == "f" and not np.isfinite(row).all()):
            raise ValueError("the app's signal answers with no row, or with numbers that are none; it must answer 'nothing'")
        with suppress(Drawn):
            mechanism.randomize(row, AtDraw())
    except Exception as error:  # the app's or an outside algorithm's own: whatever it is, the task does not fit
        raise refuse("does-not-fit", task.terms.signal, f"{type(error).__name__}: {error}") from error
    if problem := _seal_problem(task.shuffler_key):
        raise refuse("bad-key", task.terms.signal, problem)
    return row


class Drawn(Exception):  # noqa: N818  # named for what happened
    """A mechanism took its value and came to draw."""


class AtDraw:
    """Entropy that ends a rehearsal at the first draw."""

    def below(self, rows: int, bound: int) -> NDArray[np.uint64]:
        """Never answers."""
        raise Drawn

    def chance(self, rows: int, numerator: int) -> NDArray[np.bool_]:
        """Never answers."""
        raise Drawn

    def flips(self, rows: int, count: int, numerator: int) -> NDArray[np.uint8]:
        """Never answers."""
        raise Drawn

    def words(self, rows: int, count: int) -> NDArray[np.uint64]:
        """Never answers."""
        raise Drawn


@lru_cache(MOST_KEYS)
def _seal_problem(key: bytes) -> str:
    """Why nothing can be sealed to the key; empty if something can."""
    try:
        seal(b"", bytes(32), 0, key)
    except ValueError as error:
        return str(error)
    return ""
