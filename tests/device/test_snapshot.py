"""Nothing is computed while a store is open, and whoever withdraws or forgets meanwhile is obeyed, at once and for nothing."""

import threading
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest

from choral.device import Signal
from choral.device.contribution import LEDGER, LEDGER_KEY
from choral.storage.device_memory import MemoryDeviceStore
from choral.storage.device_sqlite import SqliteDeviceStore

from .setting import NOTHING, NOW, READY, Desk, agent, agreed, dump, examples, signal, task, typed

KEY = bytes(range(32))


@dataclass(eq=False)
class Watched:
    """A signal's examples that look at the store, and do something in the midst of a turn."""

    meanwhile: object = None
    calls: int = 0

    def __call__(self, events):
        if events:
            self.calls += 1
            if self.meanwhile is not None:
                self.meanwhile()
        return examples(events)


def watched(watch, *, immediate):
    return Signal("words", frozenset({"words.typed"}), watch, 3, immediate=immediate)


def setting(path, *, immediate, **terms):
    desk, watch = Desk(task(**terms)), Watched()
    store = SqliteDeviceStore(path, KEY)
    device = agreed(desk, watched(watch, immediate=immediate), store=store)
    return desk, watch, device


@pytest.mark.parametrize("immediate", [True, False])
def test_another_program_can_withdraw_and_forget_while_a_turn_or_a_record_is_computed(immediate, tmp_path):
    desk, watch, device = setting(tmp_path / "store", immediate=immediate)
    other = agent(desk, store=SqliteDeviceStore(tmp_path / "store", KEY))
    name = device.offers()[0].terms_hash
    if immediate:
        watch.meanwhile = lambda: other.withdraw(name)
        device.record(typed("hello"), NOW)
    else:
        device.record(typed("hello"), NOW)
        watch.meanwhile = lambda: other.withdraw(name)
        [step] = device.tick(NOW, READY)
        assert (step.kind, step.code) == ("skipped", "changed")
    assert watch.calls == 1
    assert device.ledger().accounts == ()
    assert device.waiting() == ()
    kept = dump(device.store)
    assert (kept["records"], kept["journal"]) == ([], [])


def test_what_is_thrown_away_is_made_anew_later_and_paid_once(tmp_path):
    desk, watch, device = setting(tmp_path / "store", immediate=False)
    device.record(typed("hello"), NOW)
    other = agent(desk, store=SqliteDeviceStore(tmp_path / "store", KEY))

    def consent_twice():
        name = other.offers()[0].terms_hash
        other.withdraw(name)
        other.agree(name, NOW)

    watch.meanwhile = consent_twice
    assert [step.code for step in device.tick(NOW, READY)] == ["changed"]
    watch.meanwhile = None
    assert "contributed" in [step.kind for step in device.tick(NOW, READY)]
    assert device.ledger().use(desk.tasks[0].terms.hash).life_reports == 1


def test_what_comes_into_the_journal_meanwhile_stays_and_changes_nothing(tmp_path):
    desk, watch, device = setting(tmp_path / "store", immediate=False)
    device.record(typed("hello"), NOW)
    other = agent(desk, watched(Watched(), immediate=False), store=SqliteDeviceStore(tmp_path / "store", KEY))
    watch.meanwhile = lambda: other.record(typed("later"), NOW)
    assert [step.kind for step in device.tick(NOW, READY)] == ["contributed"]
    assert [row["data"]["word"] for row in device.export()["journal"]] == ["later"]


def test_a_ledger_that_another_program_spent_from_throws_the_turn_away_unpaid(tmp_path):
    desk, watch, device = setting(tmp_path / "store", immediate=False)
    device.record(typed("hello"), NOW)
    other = agent(desk, store=SqliteDeviceStore(tmp_path / "store", KEY))

    def turn_ledger():
        with other._store.transaction() as tx:
            LEDGER.put(tx, LEDGER_KEY, LEDGER.get(tx, LEDGER_KEY).turned())

    watch.meanwhile = turn_ledger
    [step] = device.tick(NOW, READY)
    assert step.code == "changed"
    assert device.ledger().accounts == ()


def test_a_thread_that_computes_holds_no_lock_on_the_store():
    store, began, go_on = MemoryDeviceStore(), threading.Event(), threading.Event()
    watch = Watched()
    desk = Desk(task())
    device = agreed(desk, watched(watch, immediate=False), store=store)
    device.record(typed("hello"), NOW)
    watch.meanwhile = lambda: (began.set(), go_on.wait(20))
    steps = []
    turn = threading.Thread(target=lambda: steps.extend(device.tick(NOW, READY)))
    turn.start()
    assert began.wait(20)
    other = agent(desk, store=store)
    other.withdraw(other.offers()[0].terms_hash)
    go_on.set()
    turn.join(20)
    assert [step.code for step in steps] == ["changed"]
    assert other.ledger().accounts == ()


@pytest.mark.parametrize("wrong", ["raise", "memory", "nan", "shape", "none", "far", "text"])
@pytest.mark.parametrize("immediate", [True, False])
def test_whatever_an_app_makes_of_real_data_is_answered_with_nothing_randomized_and_paid(wrong, immediate):
    def failing(events):
        if not events:
            return examples(events)
        answers = {
            "nan": np.array([np.nan]),
            "shape": np.zeros((1, 2), np.int64),
            "none": np.zeros(0, np.int64),
            "far": np.array([NOTHING + 1]),
            "text": np.array(["a"]),
        }
        if wrong == "raise":
            raise RuntimeError("the app failed")
        if wrong == "memory":
            raise MemoryError
        return {"category": answers[wrong]}

    steps = []
    for examine, words in ((failing, ["hello"]), (failing, [])):
        desk = Desk(task(delay_seconds=0))
        device = agreed(desk, Signal("words", frozenset({"words.typed"}), examine, 3, immediate=immediate))
        for word in words:
            device.record(typed(word), NOW)
        made = [(step.kind, step.text) for hour in range(30) for step in device.tick(NOW + timedelta(hours=hour), READY)]
        steps.append((made, device.ledger().accounts, [len(one) for one in desk.received]))
    assert steps[0] == steps[1]
    assert ("contributed", "words: 1 report waits to be sent, paid with epsilon 2") in steps[0][0]


def test_what_goes_wrong_with_one_signal_undoes_no_other():
    desk = Desk(task(), task("more"))
    broken = Signal("more", frozenset({"words.typed"}), examples, 3, immediate=False)
    device = agreed(desk, signal(), broken)
    event = typed("hello")
    odd = type(event)(event.kind, event.at, {"word": "hello", "odd": object()})
    with pytest.raises(TypeError):
        device.record(odd, NOW)
    assert len(dump(device.store)["records"]) == 1
