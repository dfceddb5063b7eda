"""The person's own model: the public one and a change of their own, learnt from their own choices. It never leaves the device.

Device half. A report's choices are deleted with the report; what this keeps is small and loses nothing of them: the
change (as many numbers as the public model), how often each sticker was chosen, and the latest choices that it has not
learnt from yet. All of it lies in the device's encrypted store, is shown by `export` and deleted by `forget`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.suggestion import CHOICES, SHOWN, Choice
from choral.device.rows import Table
from choral.device.signal import Arrays
from choral.learning import Model
from choral.protocol.codec import Nested, Wire
from choral.protocol.containers import Array, Many
from choral.protocol.wire import Integer
from choral.storage.device import DeviceStore, DeviceTransaction

STEPS, RATE, PULL = 10, 0.3, 0.2  # of a fine-tuning; the pull is that of the public model on the person's own
MOST_COUNTED = 4096  # stickers whose choices are counted, the most chosen
KEY = b"local"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """A choice as a row: sticker ids and a place."""

    KIND: ClassVar[int] = 120
    WIRE: ClassVar[Wire] = (("displayed", Many(Integer("I"), SHOWN)), ("chosen", Integer("B")))
    displayed: tuple[int, ...]
    chosen: int


@dataclass(frozen=True, slots=True)
class LocalModel:
    """What the device has learnt of its person.

    change: float64[p * q] to be added to the public model, or empty; ids, counts: int64[k], stickers chosen and how often
    waiting: choices that the change does not know yet, oldest first
    """

    KIND: ClassVar[int] = 121
    WIRE: ClassVar[Wire] = (
        ("change", Array(2**19)),
        ("ids", Array(2**19)),
        ("counts", Array(2**19)),
        ("waiting", Many(Nested(ChoiceRow), CHOICES)),
    )
    change: Floats
    ids: NDArray[np.int64]
    counts: NDArray[np.int64]
    waiting: tuple[ChoiceRow, ...] = ()

    @property
    def history(self) -> Mapping[int, int]:
        """How often each sticker was chosen, as far as the model has learnt."""
        return dict(zip(self.ids.tolist(), self.counts.tolist(), strict=True))

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What waits to be learnt from."""
        return tuple(Choice(row.displayed, row.chosen) for row in self.waiting)

    def head(self, public: Floats | None) -> Floats | None:
        """The model that ranks: the public one with the person's change, if they fit each other."""
        return public if public is None or public.shape != self.change.shape else public + self.change


EMPTY = LocalModel(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
LOCAL = Table("stickers.local", LocalModel)


def read(store: DeviceStore) -> LocalModel:
    """What the device has learnt so far."""
    with store.transaction() as tx:
        return LOCAL.get(tx, KEY) or EMPTY


def note(tx: DeviceTransaction, choice: Choice) -> None:
    """Let the choice wait to be learnt from; of more than CHOICES that wait, the oldest is only counted."""
    local = LOCAL.get(tx, KEY) or EMPTY
    waiting = (*local.waiting, ChoiceRow(choice.displayed, choice.chosen))
    ids, counts = _counted(local, waiting[:-CHOICES])
    LOCAL.put(tx, KEY, LocalModel(local.change, ids, counts, waiting[-CHOICES:]))


def learn(tx: DeviceTransaction, model: Model, public: Floats, examples: Arrays) -> int:
    """Fine-tune on what waits, given as examples, and let go of it; how many choices were learnt from."""
    local = LOCAL.get(tx, KEY) or EMPTY
    if not local.waiting:
        return 0
    before = local.change if local.change.shape == public.shape else np.zeros(model.size)
    ids, counts = _counted(local, local.waiting)
    LOCAL.put(tx, KEY, LocalModel(tuned(model, public, before, examples), ids, counts))
    return len(local.waiting)


def forget(tx: DeviceTransaction) -> None:
    """Let go of everything learnt here."""
    LOCAL.clear(tx)


def tuned(model: Model, public: Floats, change: Floats, examples: Arrays) -> Floats:
    """The change after gradient steps on the examples, float64[size]; the public model pulls on it all along.

    Source: the proximal term of Li et al. (MLSys 2020), "FedProx".
    """
    for _ in range(STEPS):
        change = change - RATE * (model.gradient(np, public + change, examples) + PULL * change)
    return change


def exported(local: LocalModel) -> dict[str, Any]:
    """All of it, fit for JSON."""
    return {
        "change": local.change.tolist(),
        "chosen": {str(id_): count for id_, count in local.history.items()},
        "waiting": [{"displayed": list(row.displayed), "chosen": row.chosen} for row in local.waiting],
    }


def _counted(local: LocalModel, choices: Sequence[ChoiceRow]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The history with these choices in it, the most chosen first."""
    counter = Counter(local.history)
    counter.update(row.displayed[row.chosen] for row in choices)
    most = counter.most_common(MOST_COUNTED)
    return np.array([id_ for id_, _ in most], np.int64), np.array([count for _, count in most], np.int64)
