"""What every trace says of the path: check-out, consent, coin, ledger, seal, outbox, ingest, shuffle, signature."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from choral.cli.trace.tracing import Watched
from choral.device import consent, contribution, outbox
from choral.device.judging import judge
from choral.device.ledger import BudgetLedger
from choral.device.published import Published
from choral.device.transport import MOST_BYTES
from choral.privacy import MICRO
from choral.protocol import sealing
from choral.protocol.coding import expand
from choral.server.checkout import Counter
from choral.server.ingest import admit
from choral.server.shuffle import permutation

SHOWN = 48  # bytes of a payload


def _checked_out(asked: Mapping[str, Any], answer: Any) -> str:
    if answer is None:  # a signal that no task asks about
        return ""
    whose = "the same for every device in this round" if answer[1] else "drawn for this request, which names no one"
    compressed = asked["compressed"]
    size = len(expand(answer[0], MOST_BYTES)) if compressed else len(answer[0])
    return f"{size} bytes of signed check-outs, {'compressed on their way, ' * compressed}{whose}"


def _opened(_: Mapping[str, Any], opened: Any) -> str:
    task, check = opened
    return (
        f"both signatures hold: {task.mechanism.name} for {task.algorithm.name}, task {task.hash.hex()[:16]}…, "
        f"round {check.round}\nprice {task.terms.epsilon:.6f} nats a report; chance of taking part {check.chance / 2**32:g}"
    )


def _judged(_: Mapping[str, Any], offer: Any) -> str:
    return (
        "all that could be refused was looked at, and no person's data: what may be asked, price, sizes, work, dates, chance;\n"
        f"rehearsed without any event to the end; 'nothing' would be {_short(offer.nothing)}"
    )


def _short(nothing: Any) -> str:
    values = nothing.ravel()
    return f"{values.tolist()}" if len(values) <= 4 else f"{len(values)} numbers"


def _told(_: Mapping[str, Any], answer: Any) -> str:
    return f"{len(answer[0])} bytes that tell everyone what the check-outs of all open rounds say, on another connection"


def _compared(_: Mapping[str, Any], __: Any) -> str:
    return "round, chance, dates and question are those that everyone is told"


def _agreed(known: Mapping[str, Any], _: Any) -> str:
    return f"yes to Terms {known['terms'].hash.hex()[:16]}…: {known['terms'].purpose}"


def _coin(_: Mapping[str, Any], __: Any) -> str:
    return "the chance is 1: nothing is drawn"


def _spent(known: Mapping[str, Any], ledger: Any) -> str:
    paid = ledger.account("nobody").life_micro / MICRO
    return f"account `nobody`: {paid:.6f} of {known['budget'].for_life_micro / MICRO:g} nats for life are spent"


def _sealed(known: Mapping[str, Any], report: Any) -> str:
    return (
        f"{len(known['payload'])} bytes padded to {len(known['padded'])} and sealed: {len(report.to_bytes())} bytes in all\n"
        f"header {report.header.hex()}, to which the seal is bound"
    )


def _waits(known: Mapping[str, Any], _: Any) -> str:
    return f"paid and sealed; leaves at {datetime.fromtimestamp(known['outgoing'].due, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _admitted(known: Mapping[str, Any], arrival: Any) -> str:
    slot = arrival.slot
    return f"{len(known['body'])} bytes for task {slot.task.hex()[:16]}…, round {slot.round}; nothing else is known"


def _unsealed(_: Mapping[str, Any], payload: Any) -> str:
    more = f"… {len(payload)} bytes" if len(payload) > SHOWN else ""
    return f"the payload {payload[:SHOWN].hex()}{more}"


def _permuted(_: Mapping[str, Any], order: Any) -> str:
    return f"a fresh random order of the batch: {order.tolist()}"


def _signed(known: Mapping[str, Any], signed: Any) -> str:
    name = type(known["message"]).__name__
    return f"{'an' if name[0] in 'AEIO' else 'a'} {name} of {len(signed.body)} bytes, signed"


PATH: Watched = (
    (Counter.answer, _checked_out),
    (Counter.openings, _told),
    (sealing.open_checkout, _opened),
    (judge, _judged),
    (Published.require_same, _compared),
    (consent.agree, _agreed),
    (contribution.draw_coin, _coin),
    (BudgetLedger.spend, _spent),
    (sealing.seal, _sealed),
    (outbox.put, _waits),
    (admit, _admitted),
    (sealing.unseal, _unsealed),
    (permutation, _permuted),
    (sealing.sign, _signed),
)
