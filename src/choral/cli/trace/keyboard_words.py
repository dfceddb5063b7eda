"""What `choral trace keyboard` says of the keyboard's own functions, beside those of the path."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from choral.apps.keyboard import dictionary, events
from choral.cli.trace.tracing import Watched
from choral.cli.trace.words import PATH
from choral.device import records
from choral.learning import Count
from choral.mechanisms import CountMeanSketch
from choral.numerics import HashFamily


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
    return f"one private record kept; {known['count']} event seen since the last report"


def _legal(_: Mapping[str, Any], mask: Any) -> str:
    return f"could a device have sent it? {mask.tolist()}"


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


WATCHED: Watched = (
    *PATH,
    (events.examples, _examples),
    (Count.contribute, _contributed),
    (HashFamily.__call__, _hashed),
    (CountMeanSketch.randomize, _randomized),
    (records.add, _recorded),
    (CountMeanSketch.legal, _legal),
    (CountMeanSketch.accumulate, _accumulated),
    (CountMeanSketch.estimate, _estimated),
    (Count.fold, _folded),
    (Count.publish, _published),
)
