"""What `choral trace stickers` says of the functions of stickers and of training, beside those of the path.

Numbers are rounded to three places, so that they are the same whatever a machine's last bits are.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from choral.apps.stickers.device import events
from choral.apps.stickers.device.keywords import KeywordIndex
from choral.apps.stickers.device.local import tuned
from choral.apps.stickers.device.personal import Shelf
from choral.apps.stickers.device.suggestion import Holdings
from choral.cli.trace.tracing import Watched
from choral.cli.trace.words import PATH
from choral.device import journal
from choral.learning import BufferedGradient
from choral.learning.shared_model import SharedModel
from choral.mechanisms import vectors
from choral.mechanisms.priv_unit import PrivUnit


def _downloaded(known: Mapping[str, Any], _: Any) -> str:
    holdings = known["self"].holdings
    return (
        f"{len(holdings.ids)} sticker candidates with keywords, public features and popularity; "
        f"preference information: {_numbers(holdings.preference)}"
    )


def _matched(_: Mapping[str, Any], places: Any) -> str:
    return f"a keyword stands for stickers at places {places.tolist()}; text and keyword are let go"


def _ranked(_: Mapping[str, Any], ids: Any) -> str:
    return f"shown, the best first: stickers {ids.tolist()}"


def _chosen(_: Mapping[str, Any], event: Any) -> str:
    return f"the event: {dict(event.data)}"


def _kept(known: Mapping[str, Any], _: Any) -> str:
    return f"journalled for {known['signal'].name}, encrypted, {known['ttl_days']} days at most"


def _examples(_: Mapping[str, Any], arrays: Any) -> str:
    row = {name: array[0] for name, array in arrays.items()}
    count = int(row["shown"].sum())
    items = "; ".join(str(_numbers(item)) for item in row["items"][:count])
    choices, rows = int(arrays["weight"].sum()), len(arrays["weight"])
    return f"{choices} of {rows} rows: personal {_numbers(row['personal'])}, chosen place {int(row['chosen'])}\nitems {items}"


def _updated(_: Mapping[str, Any], update: Any) -> str:
    return f"minus the gradient, before the clip: {_numbers(update)}"


def _clipped(known: Mapping[str, Any], points: Any) -> str:
    return f"clipped to {known['clip_norm']:g} and lifted to the sphere, over 2**24: {_numbers(points[0] / vectors.GRID)}"


def _randomized(known: Mapping[str, Any], payloads: Any) -> str:
    unit = known["self"]
    return (
        f"of {2 * unit.pairs} directions of the list {int(payloads['seed'][0]):016x}, number {int(payloads['index'][0])}\n"
        f"{payloads[0].tobytes().hex()} is all that leaves, whatever the model's size; epsilon {unit.epsilon:.6f}"
    )


def _learnt(_: Mapping[str, Any], change: Any) -> str:
    return f"the phone's own change of the model, which never leaves: {_numbers(change)}"


def _legal(_: Mapping[str, Any], mask: Any) -> str:
    return f"could a device have sent it? {mask.tolist()}"


def _estimated(_: Mapping[str, Any], estimate: Any) -> str:
    error = _numbers(estimate.stderr[:1])[0]
    return (
        f"unbiased sum over {estimate.n} report: {_numbers(estimate.values)}, standard error {error} each\n"
        "one report says almost nothing: that is the point"
    )


def _folded(known: Mapping[str, Any], state: Any) -> str:
    return f"step {int(state['round'][0])} of {known['self'].horizon}: the model is now {_numbers(state['params'])}"


def _published(_: Mapping[str, Any], arrays: Any) -> str:
    return (
        f"in the release: params {_numbers(arrays['params'])}, and the error of the mean update {_numbers(arrays['noise'])[0]}"
    )


def _numbers(values: Any) -> list[float]:
    return [float(one) + 0.0 for one in np.round(np.asarray(values, np.float64), 3)]


WATCHED: Watched = (
    *PATH,
    (Shelf.download, _downloaded),
    (KeywordIndex.places, _matched),
    (Holdings.suggested, _ranked),
    (events.chosen, _chosen),
    (journal.append, _kept),
    (Holdings.examples, _examples),
    (BufferedGradient.local_update, _updated),
    (vectors.lifted, _clipped),
    (PrivUnit.randomize, _randomized),
    (tuned, _learnt),
    (PrivUnit.legal, _legal),
    (PrivUnit.estimate, _estimated),
    (SharedModel.folded, _folded),
    (SharedModel.publish, _published),
)
