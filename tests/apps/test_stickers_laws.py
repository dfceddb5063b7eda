"""Laws of the sticker app: no text anywhere, the update is a function of what was displayed and chosen, nothing is lost."""

import gc
from dataclasses import replace

import numpy as np
import pytest

from choral.apps.stickers.device.events import CHOICE
from choral.apps.stickers.device.suggestion import Choice, Holdings
from choral.apps.stickers.device.tasks import SMALL
from choral.device.keys import KeyFile
from choral.mechanisms.priv_unit import PrivUnit
from choral.numerics import SeededEntropy
from choral.storage import SqliteDeviceStore
from tests.apps.stickers_phone import (
    MODEL,
    Q,
    StickerDesk,
    next_day,
    phone,
    quality_task,
    small_task,
    some_features,
)
from tests.device.setting import NOW, READY, dump

CANARY = "ぬらりひょんが thank you とつぶやく xyzzy-plugh"
MARKS = ("ぬらりひょん", "xyzzy", "plugh", "つぶやく")


class Held:
    """Any object that was reachable from a root."""

    def __init__(self, root):
        self.seen, stack = {}, [root]
        while stack:
            one = stack.pop()
            if id(one) in self.seen or isinstance(one, type) or type(one).__name__ in ("module", "function"):
                continue
            self.seen[id(one)] = one
            stack += gc.get_referents(one)

    def texts(self):
        return [one for one in self.seen.values() if isinstance(one, str)] + [
            one.decode("utf-8", "replace") for one in self.seen.values() if isinstance(one, bytes)
        ]


def small_update(choice=5):
    """An update made the way a device makes it, without a phone around it."""
    held = Holdings(np.arange(20), (("hi",),) * 20, some_features(20, Q - 1) / 127, np.zeros(20), np.array([1.0, 0.5, -1.0]))
    examples = held.examples([Choice(tuple(range(10)), choice), Choice(tuple(range(5, 15)), 2)])
    return SMALL.algorithm().contribute({"params": MODEL}, examples)


def update_of(made):
    """The payload of the training report that a phone sent."""
    (row,) = [row for row in made.agent.sent() if row.outgoing.signal == CHOICE]
    return row.outgoing.payload


def used(text, *, replaced=None, store=None):
    """A phone on which `text` was typed, the second sticker chosen and a report made; what it had, and what it sent."""
    desk = StickerDesk(small_task(), quality_task())
    made = phone(desk, **({} if store is None else {"store": store}))
    shown = made.suggest(text)
    if replaced is not None:
        text = replaced  # the message is changed after the stickers are on the screen
    made.choose(shown.number, 1, NOW)
    return made, desk


def test_replacing_the_message_after_display_leaves_the_update_equal_to_the_bit():
    updates = []
    for replaced in (None, "something else entirely", "", CANARY):
        made, _ = used("thank you", replaced=replaced)
        (training,) = [signal for signal in made.agent.signals if not signal.immediate]
        from choral.device import journal

        with made.store.transaction() as tx:
            examples = training.examples(journal.read(tx, training.name))
        updates.append(SMALL.algorithm().contribute({"params": MODEL}, examples).tobytes())
    assert len(set(updates)) == 1


def test_two_messages_that_show_the_same_stickers_make_the_same_journal_and_the_same_model():
    kept = []
    for text in ("thank you", "qzq THANK   YOU! 「」"):
        made, _ = used(text)
        made.train(NOW, READY)
        kept.append((update_of(made), made.learnt.change.tobytes()))
    assert kept[0] == kept[1]


def test_no_text_stays_in_memory_after_ranking():
    made, _ = used(CANARY)
    for holder in (made, made.agent, made.shelf, made.store):
        assert not [text for text in Held(holder).texts() if any(mark in text for mark in MARKS)]
    planted = [made, CANARY]
    assert [text for text in Held(planted).texts() if "xyzzy" in text]  # the search does find


def test_no_text_and_no_keyword_reaches_the_store_neither_its_files_nor_its_rows(tmp_path):
    vault = KeyFile(tmp_path / "key")
    store = SqliteDeviceStore(tmp_path / "store.sqlite", vault.key())
    made, desk = used(CANARY, store=store)
    events = made.agent.export()["journal"]
    made.train(NOW, READY)
    made.choose(made.suggest(CANARY).number, 0, NOW)
    raw = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    for mark in (*MARKS, "thank you"):
        assert mark.encode() not in raw
        assert mark.encode("utf-16-le") not in raw
    rows = dump(store)
    with store.transaction() as tx:
        rows |= {name: list(tx.scan(name)) for name in ("stickers.local", "binding")}
        assert sorted(tx.spaces()) == sorted({name for name, found in rows.items() if found} | {"stickers.downloads"})
    plain = b"".join(key + value for found in rows.values() for key, value in found)
    assert plain
    for mark in (*MARKS, "thank"):
        assert mark.encode() not in plain
    assert all(set(event["data"]) == {"displayed", "chosen", "version"} for event in events)
    for report in desk.received:
        assert not any(mark.encode() in report for mark in MARKS)
    store.close()


def test_the_update_is_a_function_of_displayed_chosen_features_and_position_alone():
    assert small_update().tobytes() == small_update().tobytes()
    assert small_update(4).tobytes() != small_update(5).tobytes()


def test_a_report_is_no_longer_and_no_shorter_for_any_choice():
    sizes = set()
    for text in ("thank you", "おはよう", None):
        desk = StickerDesk()
        made = phone(desk)
        if text is not None:
            made.choose(made.suggest(text).number, 3, NOW)
        made.train(NOW, READY)
        sizes |= {len(report) for report in desk.received}
    assert len(sizes) == 1


def test_the_reports_choices_are_deleted_with_the_report_and_the_persons_model_has_learnt_from_them():
    made, _ = used("thank you")
    chosen = made.learnt.choices[0]
    made.train(NOW, READY)
    assert made.agent.export()["journal"] == []
    assert made.learnt.choices == ()
    assert made.learnt.history == {chosen.displayed[1]: 1}
    assert np.abs(made.learnt.change).max() > 0


def test_the_persons_model_never_reaches_a_server():
    desk = StickerDesk()
    made = phone(desk)
    for _ in range(3):
        made.choose(made.suggest("thank you").number, 9, desk.now)
        made.train(next_day(desk), READY)
    change = made.learnt.change
    for outgoing in (row.outgoing for row in made.agent.sent()):
        assert change.tobytes() not in outgoing.payload + outgoing.report
        assert change.astype(np.float32).tobytes() not in outgoing.payload + outgoing.report
    assert len({len(report) for report in desk.received}) == 1


def test_the_report_on_the_wire_is_the_random_answer_of_the_very_update():
    desk = StickerDesk(small_task())
    made = phone(desk, entropy=SeededEntropy(77))
    made.choose(made.suggest("thank you").number, 3, NOW)
    waiting = made.learnt.choices
    update = SMALL.algorithm().contribute({"params": MODEL}, made.holdings.examples(waiting))
    made.train(NOW, READY)
    mechanism = desk.tasks[0].mechanism.build({PrivUnit.NAME: PrivUnit})
    expected = mechanism.randomize(update, SeededEntropy(77))  # the coin is certain and draws nothing
    assert made.agent.sent()[0].outgoing.payload == expected[0].tobytes()


def test_who_lies_about_conditions_pays_and_sends_exactly_as_everyone_and_no_more():
    honest_desk, lying_desk = StickerDesk(), StickerDesk()
    honest, liar = phone(honest_desk), phone(lying_desk)
    honest.train(NOW, READY)
    for _ in range(20):  # "idle and charging", it says, all day long
        liar.train(NOW, READY)
    assert len(lying_desk.received) == len(honest_desk.received) == 1
    assert liar.agent.ledger().account("nobody").life_micro == honest.agent.ledger().account("nobody").life_micro


def test_a_person_reports_a_few_times_in_their_life_and_then_never_again():
    desk = StickerDesk()
    made = phone(desk)
    for _ in range(8):
        made.choose(made.suggest("thank you").number, 0, desk.now)
        made.train(next_day(desk), READY)
    assert len(desk.received) == desk.tasks[0].terms.reports_for_life == 4
    assert made.learnt.history  # the person's own model goes on


def test_no_report_without_a_price_and_no_price_without_a_report():
    desk = StickerDesk()
    made = phone(desk)
    for _ in range(6):
        made.train(next_day(desk), READY)
        paid = made.agent.ledger().account("nobody").life_micro
        assert paid == (len(made.agent.sent()) + len(made.agent.waiting())) * desk.tasks[0].terms.price_micro


def test_withdrawing_empties_journal_and_outbox_and_leaves_the_persons_own_model():
    desk = StickerDesk(replace(small_task(), delay_seconds=3600))
    made = phone(desk)
    made.choose(made.suggest("thank you").number, 1, NOW)
    made.train(NOW, READY)
    made.choose(made.suggest("thank you").number, 1, NOW)
    assert made.agent.waiting()
    for offer in made.agent.offers():
        made.agent.withdraw(offer.terms_hash)
    assert made.agent.waiting() == ()
    assert made.agent.export()["journal"] == []
    assert made.learnt.history


def test_forgetting_leaves_nothing_but_the_ledger():
    made, _ = used("thank you")
    made.train(NOW, READY)
    paid = made.agent.ledger().account("nobody").life_micro
    made.forget()
    export = made.export()
    assert export["stickers"] == {
        "change": [],
        "chosen": {},
        "waiting": [],
        "downloads": {"preference": [], "candidates": 0, "held": []},
    }
    assert not export["journal"]
    assert not export["consents"]
    assert made.agent.ledger().account("nobody").life_micro == paid > 0
    assert made.suggest("thank you").ids == ()


def test_the_export_shows_all_that_the_phone_has_learnt():
    made, _ = used("thank you")
    export = made.export()["stickers"]
    assert export["waiting"][0]["chosen"] == 1
    assert export["downloads"]["candidates"] == len(made.holdings.ids)
    made.train(NOW, READY)
    assert sum(made.export()["stickers"]["chosen"].values()) == 1
    made.forget_learnt()
    assert made.export()["stickers"]["chosen"] == {}
    assert made.agent.sent()


def test_suggesting_needs_neither_network_nor_store():
    desk = StickerDesk()
    made = phone(desk)
    desk.down = RuntimeError("no network")
    with made.store.transaction():  # a second one within it would be a ValueError
        assert len(made.suggest("thank you").ids) == 10


@pytest.mark.parametrize("text", ["", " ", "😀", "\0", "thank you" * 10_000, "\ud800", "ﷺ" * 600])
def test_any_text_may_be_typed(text):
    assert len(phone(StickerDesk()).suggest(text).ids) <= 10
