"""A real agent in a training task: what it reports, and which models it refuses without spending anything."""

from dataclasses import replace

import numpy as np
import pytest

from choral.device import Signal
from choral.learning import FederatedAveraging
from choral.mechanisms.priv_unit import PrivUnit
from choral.numerics import SeededEntropy
from choral.privacy import micro
from choral.protocol import Spec
from tests.device.setting import NOW, READY, Desk, agreed, dump, task, typed
from tests.learning.examples import choices

ALGORITHM = FederatedAveraging(model="bilinear-ranking/1", shape="3x4")
MECHANISM = PrivUnit.for_epsilon(4.0, 12, clip_norm=1.0)
TRAINING = task(
    "choices",
    algorithm=Spec.of(ALGORITHM),
    mechanism=Spec.of(MECHANISM),
    price_micro=micro(MECHANISM.epsilon),
)


def examples(events):
    """Six choices, or as many rows of padding."""
    return choices(6) | ({} if events else {"weight": np.zeros(6)})


SIGNAL = Signal("choices", frozenset({"choices.typed"}), examples, limit=6, immediate=False)


class Modelled(Desk):
    def __init__(self, **params):
        super().__init__(TRAINING)
        self.params = params

    def checkout(self, one, **changes):
        return replace(super().checkout(one, **changes), params=self.params)


def right():
    return ALGORITHM.check_out(ALGORITHM.init(SeededEntropy(1)), SeededEntropy(2))


@pytest.mark.parametrize("has_events", [True, False])
def test_it_reports_an_update_once_a_round_also_with_an_empty_journal(has_events):
    desk = Modelled(**right())
    device = agreed(desk, SIGNAL)
    if has_events:
        device.record(typed("hello", "choices"), NOW)
    assert "contributed" in [step.kind for step in device.tick(NOW, READY)]
    assert len(device.waiting()) + len(desk.received) == 1
    assert "contributed" not in [step.kind for step in device.tick(NOW, READY)]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"params": np.zeros(11, np.float32)},
        {"params": np.zeros((12, 1), np.float32)},
        {"params": np.zeros(12, np.int32)},
        {"params": np.full(12, np.nan, np.float32)},
        {"params": np.full(12, np.inf, np.float32)},
    ],
    ids=["none", "short", "matrix", "integers", "nan", "infinite"],
)
def test_a_model_that_does_not_fit_is_refused_and_nothing_is_spent(params):
    desk = Modelled(**params)
    device = agreed(desk, SIGNAL)
    before = dump(device.store)["ledger"]
    assert "refused" in [step.kind for step in device.tick(NOW, READY)]
    assert not device.waiting()
    assert not desk.received
    assert dump(device.store)["ledger"] == before


def test_a_model_of_huge_numbers_moves_no_report_beyond_the_clip():
    desk = Modelled(params=np.full(12, 1e12, np.float32))
    device = agreed(desk, SIGNAL)
    device.record(typed("hello", "choices"), NOW)
    assert "contributed" in [step.kind for step in device.tick(NOW, READY)]
