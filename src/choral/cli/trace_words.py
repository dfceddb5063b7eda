"""Which functions `choral trace` watches, and what it says of each when it returns; nothing where the text is empty."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from choral.apps.keyboard import dictionary, events
from choral.device import consent, contribution, outbox, records
from choral.device.ledger import BudgetLedger
from choral.learning import Count
from choral.mechanisms import CountMeanSketch
from choral.numerics import HashFamily
from choral.privacy import MICRO
from choral.protocol import sealing
from choral.server.checkout import check_out
from choral.server.ingest import admit
from choral.server.shuffle import permutation

Words = Callable[[Mapping[str, Any], Any], str]


def _checked_out(_: Mapping[str, Any], bundle: Any) -> str:
    return f"{len(bundle.items)} signed check-out of {len(bundle.items[0].body)} bytes, the same for every device"


def _opened(_: Mapping[str, Any], opened: Any) -> str:
    task, check = opened
    return (
        f"both signatures hold: {task.mechanism.name} for {task.algorithm.name}, task {task.hash.hex()[:16]}…, "
        f"round {check.round}\nprice {task.terms.epsilon:.6f} nats a report; chance of taking part {check.chance / 2**32:g}"
    )


def _agreed(known: Mapping[str, Any], _: Any) -> str:
    return f"yes to Terms {known['terms'].hash.hex()[:16]}…: {known['terms'].purpose}"


def _examples(known: Mapping[str, Any], arrays: Any) -> str:
    category = arrays["category"].tolist()
    return f"{[dict(event.data) for event in known['events']]} is category {category} of {len(dictionary())}"


def _contributed(_: Mapping[str, Any], values: Any) -> str:
    return f"the values to randomize: {values.tolist()}"


def _hashed(known: Mapping[str, Any], bucket: Any) -> str:
    if bucket.size != 1:
        return ""  # decoding asks for all buckets at once
    return f"function {np.ravel(known['row']).tolist()} puts it into bucket {bucket.tolist()} of {known['self'].width}"


def _randomized(known: Mapping[str, Any], payloads: Any) -> str:
    sketch = known["self"]
    bits = "".join(map(str, np.unpackbits(payloads["bits"][0], bitorder="little")))
    return (
        f"row {payloads['row'][0]}, bits {bits}: each bit flipped with chance {sketch.flip} / 2**24\n"
        f"{payloads[0].tobytes().hex()} is all that is kept; epsilon {sketch.epsilon:.9f}"
    )


def _recorded(known: Mapping[str, Any], _: Any) -> str:
    return f"one private record kept; {known['reservoir'].seen} event seen since the last report"


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
    return f"the payload {payload.hex()}"


def _legal(_: Mapping[str, Any], mask: Any) -> str:
    return f"could a device have sent it? {mask.tolist()}"


def _permuted(_: Mapping[str, Any], order: Any) -> str:
    return f"a fresh random order of the batch: {order.tolist()}"


def _accumulated(_: Mapping[str, Any], state: Any) -> str:
    return "sum, one line a row, the row's reports last:\n" + "\n".join(" ".join(map(str, row)) for row in state.tolist())


def _estimated(_: Mapping[str, Any], estimate: Any) -> str:
    best = np.argsort(-estimate.values)[:3]
    values = ", ".join(f"{dictionary()[item]} {estimate.values[item]:.2f} ± {estimate.stderr[item]:.2f}" for item in best)
    return f"unbiased, over {len(estimate.values)} emoji; highest: {values}\none report says almost nothing: that is the point"


def _folded(_: Mapping[str, Any], state: Any) -> str:
    return f"stand out by three standard errors: {int(state['released'].sum())} of {len(state['released'])}"


def _published(_: Mapping[str, Any], arrays: Any) -> str:
    return f"items in the release: {len(arrays['item'])}"


def _signed(known: Mapping[str, Any], signed: Any) -> str:
    return f"a {type(known['message']).__name__} of {len(signed.body)} bytes, signed"


WATCHED: Sequence[tuple[Callable[..., Any], Words]] = (
    (check_out, _checked_out),
    (sealing.open_checkout, _opened),
    (consent.agree, _agreed),
    (events.examples, _examples),
    (Count.contribute, _contributed),
    (HashFamily.__call__, _hashed),
    (CountMeanSketch.randomize, _randomized),
    (records.add, _recorded),
    (contribution.draw_coin, _coin),
    (BudgetLedger.spend, _spent),
    (sealing.seal, _sealed),
    (outbox.put, _waits),
    (admit, _admitted),
    (sealing.unseal, _unsealed),
    (CountMeanSketch.legal, _legal),
    (permutation, _permuted),
    (CountMeanSketch.accumulate, _accumulated),
    (CountMeanSketch.estimate, _estimated),
    (Count.fold, _folded),
    (Count.publish, _published),
    (sealing.sign, _signed),
)
