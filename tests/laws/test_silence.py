"""Silence says nothing: whether, when, how many and for how much does not depend on the data. Seeds are fixed."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from choral.device import Conditions
from choral.learning import Count
from choral.numerics import SeededEntropy
from choral.protocol import Spec
from choral.storage.device_memory import MemoryDeviceStore
from tests.device.setting import NAMES, NOTHING, NOW, READY, Desk, agreed, signal, task, typed

DAY = timedelta(days=1)


def raising(events):
    if events:
        raise MemoryError("these events are too much for the app")
    return {"category": np.array([NOTHING])}


def outside(events):
    return {"category": np.array([11 if events else NOTHING])}


def infinite(events):
    return {"category": np.array([np.nan if events else float(NOTHING)])}


def many(events):
    return {"category": np.array([4] * 50 if events else [NOTHING])}


def seen_of(device, desk):
    """What others can see of a device: kinds of steps, number, size and time of reports; and what it paid."""
    steps = []
    for day in range(3):
        desk.now = NOW + day * DAY
        steps += [(step.kind, step.code, step.signal) for step in device.tick(desk.now, READY)]
    waiting = [(len(one.report), one.due, one.price_micro) for one in device.waiting()]
    return steps, waiting, len(desk.received), device.ledger()


@pytest.mark.parametrize("immediate", [True, False], ids=["statistics", "journalled"])
@pytest.mark.parametrize("examples", [raising, outside, infinite, many])
def test_data_can_refuse_nothing(examples, immediate):
    seen = []
    for words in ((), ("hello",)):
        desk = Desk(task(reports_per_day=2))
        device = agreed(desk, replace(signal(immediate=immediate), examples=examples))
        for word in words:
            device.record(typed(word), NOW)
        steps, waiting, sent, ledger = seen_of(device, desk)
        kinds = sorted(steps)
        seen.append((kinds, [(size, price) for size, _, price in waiting], sent, ledger))
    assert seen[0] == seen[1]
    assert seen[0][3].accounts[0].life_micro == 3 * 2 * task().terms.price_micro


def test_a_report_that_says_nothing_costs_what_one_costs_that_says_something():
    paid = []
    for count in range(3):
        desk = Desk(task(reports_per_day=2))
        device = agreed(desk)
        for _ in range(count):
            device.record(typed("hello"), NOW)
        device.tick(NOW, READY)
        paid.append((len(device.waiting()), device.ledger()))
    assert paid[0] == paid[1] == paid[2]
    assert paid[0][0] == 2


def test_reports_of_nothing_do_not_share_their_noise():
    """Two reports a day of 120 devices that have nothing to say: equal with chance .24; below 60 of 120 but for 1e-9."""
    equal = 0
    for number in range(120):
        device = agreed(Desk(task(reports_per_day=2)), entropy=SeededEntropy(7, number))
        device.tick(NOW, READY)
        one, other = device.waiting()
        equal += one.payload == other.payload
    assert 5 < equal < 60


class Asking(Count):
    """A count whose answer the check-out can make to be nothing, whatever a person's events are."""

    NAME = "asking/1"

    def require_params(self, params):
        assert set(params) == {"one"}

    def contribute(self, params, examples):
        found = examples["category"]
        return np.where(found == params["one"][0], found, NOTHING)


Asking.__module__ = Count.__module__  # as the package's own: it needs no process of its own


@pytest.mark.parametrize("asked", [5, 6])
def test_a_check_out_cannot_make_a_device_silent(asked):
    """Terms that allow silence: whoever has events reports, also where none of them is what the check-out asks about."""
    desk = Desk(task(sending_is_visible=True, algorithm=Spec.of(Asking())))
    ask = desk.checkout
    desk.checkout = lambda one: ask(one, params={"one": np.array([asked])})
    device = agreed(desk, signal(immediate=False), names={**NAMES, Asking.NAME: Asking})
    device.record(typed("hello"), NOW)
    assert [step.kind for step in device.tick(NOW, READY)] == ["contributed"]


def test_silence_is_only_where_there_is_no_event():
    desk = Desk(task(sending_is_visible=True))
    device = agreed(desk, signal(immediate=False))
    assert [step.kind for step in device.tick(NOW, READY)] == ["skipped"]


@pytest.mark.parametrize("lacking", ["charging", "unmetered"])
def test_a_due_report_waits_for_its_persons_conditions(lacking):
    desk = Desk(task())
    device = agreed(desk)
    device.tick(NOW, READY)
    wrong = Conditions(**{"idle": True, "charging": True, "unmetered": True, lacking: False})
    device.tick(NOW + timedelta(hours=8), wrong)
    assert (desk.received, len(device.waiting())) == ([], 1)
    device.tick(NOW + timedelta(hours=9), READY)
    assert len(desk.received) == 1


def test_nothing_is_computed_inside_a_transaction():
    """So that a person, by another program of the same device, withdraws without waiting."""
    store, found = MemoryDeviceStore(), []
    desk = Desk(task())

    def examples(events):
        found.append(store._open)
        return {"category": np.array([len(events) or NOTHING])}

    device = agreed(desk, replace(signal(immediate=False), examples=examples), store=store)
    device.record(typed("hello"), NOW)
    device.tick(NOW, READY)
    assert len(found) > 1
    assert not any(found)
