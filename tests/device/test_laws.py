"""The laws of the house that a device must keep, each by its name."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

import numpy as np
import pytest

from choral.device import Unreachable
from choral.device.checkouts import CheckoutBook
from choral.device.outbox import OUTBOX
from choral.errors import BudgetExhausted, ConsentMissing, PeerError, TaskRefused
from choral.learning import Count
from choral.mechanisms import RandomizedResponse
from choral.numerics import ScriptedEntropy, SeededEntropy
from choral.privacy import micro
from choral.protocol import Spec
from choral.storage.device_memory import MemoryDeviceStore
from choral.storage.device_sqlite import SqliteDeviceStore

from .setting import BUSY, MECHANISM, NAMES, NOTHING, NOW, OPERATORS, READY, Desk, agent, agreed, dump, signal, task, typed

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def kinds(steps):
    return [step.kind for step in steps]


def test_consent_is_off_by_default():
    desk = Desk(task())
    device = agent(desk)
    device.refresh(NOW)
    assert [offer.agreed for offer in device.offers()] == [False]
    with pytest.raises(ConsentMissing, match=r"words\.typed"):
        device.record(typed("hello"), NOW)
    device.tick(NOW, READY)
    device.tick(NOW + DAY, READY)
    assert desk.received == []
    assert device.waiting() == ()
    assert device.ledger().accounts == ()


def test_an_event_that_no_app_declares_is_refused():
    device = agreed(Desk(task()))
    with pytest.raises(ConsentMissing, match=r"other\.typed"):
        device.record(typed("hello", "other"), NOW)


def test_nobody_can_agree_to_what_is_not_on_offer():
    device = agent(Desk(task()))
    with pytest.raises(TaskRefused, match="refresh"):
        device.agree(task().terms.hash, NOW)


def test_changed_terms_ask_again_and_a_changed_task_does_not():
    desk = Desk(task())
    device = agreed(desk)
    desk.tasks = [task(revision=1), task(purpose="Something else entirely")]
    device.refresh(NOW)
    assert {offer.terms.purpose: offer.agreed for offer in device.offers()} == {
        "Learn how long words are": True,
        "Something else entirely": False,
    }


def test_nothing_enters_the_outbox_without_a_spend_in_the_same_transaction():
    class Watched(MemoryDeviceStore):
        def transaction(self):
            return watched(super().transaction(), self)

    from contextlib import contextmanager

    @contextmanager
    def watched(inner, store):
        with inner as tx:
            before = len(list(tx.scan("outbox"))), tx.get("ledger", b"ledger")
            yield tx
            after = len(list(tx.scan("outbox"))), tx.get("ledger", b"ledger")
            if after[0] > before[0]:
                grown.append(after[1] != before[1])

    grown = []
    desk = Desk(task(reports_per_day=2))
    device = agreed(desk, store=Watched())
    for day in range(5):
        desk.now = NOW + day * DAY
        device.record(typed("hello"), desk.now)
        device.tick(desk.now, READY)
    assert grown == [True] * 5
    assert device.ledger().use(desk.tasks[0].terms.hash).life_reports == 10 == len(desk.received) + len(device.waiting())


def test_a_record_is_randomized_once_and_a_retry_draws_nothing_new():
    desk = Desk(task())
    device = agreed(desk)
    device.record(typed("hello"), NOW)
    [(_, record)] = dump(device.store)["records"]
    device.tick(NOW, READY)
    [waiting] = device.waiting()
    assert waiting.payload in record
    desk.down, desk.lose_answers = Unreachable("the answer was lost"), True
    for hours in range(7, 20):
        device.tick(NOW + hours * HOUR, BUSY)
    desk.down = None
    device.tick(NOW + 30 * HOUR, BUSY)
    assert len(desk.received) >= 3
    assert set(desk.received) == {waiting.report}
    assert device.ledger().use(desk.tasks[0].terms.hash).life_reports == 1


def test_a_retry_waits_longer_each_time():
    desk = Desk(task())
    device = agreed(desk)
    device.tick(NOW, READY)
    desk.down, now, pauses = Unreachable("no network"), NOW + 6 * HOUR, []
    for _ in range(5):
        [step] = [step for step in device.tick(now, BUSY) if step.kind == "retry"]
        [waiting] = device.waiting()
        pauses.append(waiting.due - int(now.timestamp()))
        now += timedelta(seconds=pauses[-1])
    for attempt, pause in enumerate(pauses):
        assert 450 * 2**attempt <= pause < 900 * 2**attempt
    assert "the same bytes go again" in step.text


def test_a_clock_set_back_never_refunds():
    desk = Desk(task(reports_per_day=1))
    device = agreed(desk)
    device.tick(NOW, READY)
    paid = device.ledger()
    for back in (HOUR, DAY, 300 * DAY):
        device.record(typed("hello"), NOW)
        assert "contributed" not in kinds(device.tick(NOW - back, READY))
        assert device.ledger() == paid


def test_an_expired_task_stays_expired_when_the_clock_is_set_back():
    expires = int((NOW + 2 * DAY).timestamp())
    short, long = task(expires=expires), task("long")
    desk = Desk(short, long)
    device = agreed(desk, signal(), signal("long"))
    desk.now = NOW + 3 * DAY
    device.tick(desk.now, READY)
    before = device.ledger().use(short.terms.hash).life_reports
    desk.now = NOW
    device.tick(NOW + HOUR, READY)
    assert device.ledger().use(short.terms.hash).life_reports == before == 0


def test_a_task_past_its_expiry_does_nothing():
    expiring = task(expires=int((NOW + 2 * HOUR).timestamp()), delay_seconds=0)
    desk = Desk(expiring)
    device = agreed(desk)
    desk.down = Unreachable("no network")
    device.record(typed("hello"), NOW)
    device.tick(NOW, READY)
    assert len(device.waiting()) == 1
    paid = device.ledger()
    desk.down = None
    later = NOW + 3 * HOUR
    assert device.record(typed("hello"), later) == 0
    assert "expired" in kinds(device.tick(later, READY))
    assert (device.waiting(), desk.received, device.ledger(), device.offers()) == ((), [], paid, ())
    assert not dump(device.store)["records"]


@pytest.mark.parametrize("immediate", [True, False])
def test_opting_out_empties_journal_and_outbox(immediate):
    desk = Desk(task(), task("other"))
    device = agreed(desk, signal(immediate=immediate), signal("other", immediate=immediate))
    for name in ("words", "other"):
        device.record(typed("hello", name), NOW)
    device.tick(NOW, READY)
    for name in ("words", "other"):
        device.record(typed("again", name), NOW)
    device.withdraw(task().terms.hash)
    assert [one.signal for one in device.waiting()] == ["other"]
    left = dump(device.store)
    assert len(left["journal"]) + len(left["records"]) == 1
    assert device.ledger().use(task().terms.hash).life_reports == 1
    with pytest.raises(ConsentMissing):
        device.record(typed("hello"), NOW)
    for day in range(1, 4):
        device.tick(NOW + day * DAY, READY)
    assert all(one.outgoing.signal == "other" for one in device.sent())


def test_opting_out_twice_or_of_nothing_is_no_error():
    device = agreed(Desk(task()))
    device.withdraw(task().terms.hash)
    device.withdraw(task().terms.hash)
    device.withdraw(bytes(32))


def test_agreeing_again_on_the_same_day_pays_no_second_time():
    desk = Desk(task())
    device = agreed(desk)
    device.tick(NOW, READY)
    device.withdraw(task().terms.hash)
    device.agree(task().terms.hash, NOW)
    assert "contributed" not in kinds(device.tick(NOW + HOUR, READY))
    assert device.waiting() == ()


def test_no_raw_event_is_ever_written(tmp_path):
    canary = "canary-of-this-person"
    desk = Desk(task(), task("other"))
    store = SqliteDeviceStore(tmp_path / "s", bytes(32))
    device = agreed(desk, signal(), signal("other", immediate=False), store=store)
    for number in range(30):
        device.record(typed(canary, "words"), NOW)
        device.record(typed(canary, "other"), NOW)
        if number % 10 == 0:
            device.tick(NOW + number * DAY, READY)
        for path in tmp_path.iterdir():
            data = path.read_bytes()
            assert not any(part in data for part in (canary.encode(), canary.encode("utf-16le"), b"words.typed", b"nobody"))
    decrypted = repr({name: rows for name, rows in dump(store).items() if name != "journal"})
    assert canary not in decrypted  # of statistics not even the encrypted store holds the event
    store.close()


def test_a_day_without_an_event_reports_nothing_and_looks_the_same():
    desk = Desk(task(reports_per_day=2))
    device = agreed(desk)
    device.record(typed("hello"), NOW)
    device.tick(NOW, READY)
    silent = agreed(desk)
    silent.tick(NOW, READY)
    assert len(device.waiting()) == len(silent.waiting()) == 2
    assert {len(one.report) for one in (*device.waiting(), *silent.waiting())} == {256}
    assert device.ledger() == silent.ledger()


def test_silence_is_kept_only_where_the_terms_say_that_sending_is_visible():
    desk = Desk(task(sending_is_visible=True))
    device = agreed(desk)
    [step] = device.tick(NOW, READY)
    assert step.kind == "skipped"
    assert "nothing to say" in step.text
    device.record(typed("hello"), NOW)
    assert kinds(device.tick(NOW + HOUR, READY)) == ["contributed"]


def test_statistics_contribute_once_a_device_day_and_at_most_the_reports_of_a_day():
    desk = Desk(task(reports_per_day=3))
    device = agreed(desk, signal(limit=10))
    for _ in range(10):
        device.record(typed("hello"), NOW)
    assert kinds(device.tick(NOW, READY)) == ["contributed"]
    assert len(device.waiting()) == 3
    assert not dump(device.store)["records"]
    device.record(typed("hello"), NOW)
    assert "skipped" in kinds(device.tick(NOW, READY))
    assert len(device.waiting()) == 3


def test_the_days_records_are_sampled_uniformly():
    """Of 5 events one is reported; over 500 devices each place equally often. False alarm 1e-6; notices a place missed."""
    from scipy.stats import chisquare

    quiet = task(mechanism=_almost_truthful(), price_micro=micro(19.0))
    desk, chosen = Desk(quiet), []
    desk.bundles = {"words": desk.fetch("/v1/checkouts/words")}
    book, words = CheckoutBook(names=NAMES, operators=OPERATORS), signal(limit=2)
    for number in range(500):
        device = agreed(desk, words, entropy=SeededEntropy(5, number), book=book)
        for place in range(5):
            device.record(typed("x" * place), NOW)
        device.tick(NOW, READY)
        desk.received = [device.waiting()[0].report]
        chosen += desk.values(quiet)
    counts = np.bincount(chosen, minlength=10)[:5]
    assert counts.sum() > 495
    assert chisquare(counts).pvalue > 1e-6


def test_a_report_goes_at_a_random_time_within_the_delay():
    desk = Desk(task(delay_seconds=3600))
    due = []
    for number in range(40):
        device = agreed(desk, entropy=SeededEntropy(1, number))
        device.tick(NOW, READY)
        due.append(device.waiting()[0].due - int(NOW.timestamp()))
    assert 0 <= min(due) < 900
    assert 2700 < max(due) <= 3600


def test_reports_that_come_due_together_are_not_sent_together():
    desk = Desk(task(reports_per_day=4))
    device = agreed(desk)
    device.tick(NOW, READY)
    now, sent = NOW + 6 * HOUR, 0
    device.tick(now - timedelta(minutes=10), BUSY)
    sent += len(desk.received)
    for _ in range(200):
        steps = kinds(device.tick(now, BUSY))
        assert steps.count("sent") <= 1
        sent += steps.count("sent")
        now += timedelta(minutes=10)
    assert sent == len(set(desk.received)) == 4


def test_a_device_that_wakes_once_a_day_loses_no_paid_report():
    desk = Desk(task(reports_per_day=3))
    device = agreed(desk)
    for day in range(10):
        desk.now = NOW + day * DAY
        assert "expired" not in kinds(device.tick(desk.now, READY))
    for hours in (12, 24, 30):
        assert "expired" not in kinds(device.tick(desk.now + hours * HOUR, BUSY))
    assert len(desk.received) == device.ledger().use(desk.tasks[0].terms.hash).life_reports == 30


def test_reports_whose_round_is_about_to_close_go_at_once():
    desk = Desk(task(reports_per_day=4))
    device = agreed(desk)
    device.tick(NOW, READY)
    deadline = device.waiting()[0].deadline
    last = NOW + timedelta(seconds=deadline - 1 - int(NOW.timestamp()))
    assert kinds(device.tick(last, BUSY)).count("sent") == 4


def test_the_coin_is_drawn_once_a_round_and_kept():
    desk = Desk(task(chance=2**31, advance="release", rounds_open=100))
    desk.round, desk.valid_seconds = 3, 100 * 86_400
    taken = 0
    for number in range(60):
        device = agreed(desk, entropy=SeededEntropy(9, number))
        for day in range(3):
            device.tick(NOW + day * DAY, READY)
        reports = device.ledger().use(desk.tasks[0].terms.hash).life_reports
        assert reports in (0, 3)
        taken += reports == 3
    assert 10 < taken < 50


def test_certainty_draws_no_coin():
    desk = Desk(task(delay_seconds=0, advance="release"))
    device = agreed(desk, entropy=ScriptedEntropy([0, 0]))
    assert kinds(device.tick(NOW, READY)) == ["contributed", "sent"]
    assert desk.values(desk.tasks[0]) == [NOTHING]


def test_a_private_record_has_the_bits_of_a_vectorized_run():
    desk = Desk(task())
    values = np.arange(8)
    rows = MECHANISM.randomize(values, SeededEntropy(77))
    for number, length in enumerate(values):
        device = agreed(desk, entropy=SeededEntropy(77, number))
        device.record(typed("x" * int(length)), NOW)
        device.tick(NOW, READY)
        assert device.waiting()[0].payload == rows[number].tobytes()


def test_training_contributes_once_a_round_and_deletes_what_it_used():
    desk = Desk(task(advance="release", rounds_open=100))
    desk.round, desk.valid_seconds = 0, 100 * 86_400
    device = agreed(desk, signal(immediate=False))
    device.record(typed("hello"), NOW)
    assert len(dump(device.store)["journal"]) == 1
    assert kinds(device.tick(NOW, READY)) == ["contributed"]
    assert len(dump(device.store)["journal"]) == 0
    assert "contributed" not in kinds(device.tick(NOW + DAY, READY))
    desk.round, desk.now = 1, NOW + 2 * DAY
    assert "contributed" in kinds(device.tick(NOW + 2 * DAY, READY))


def test_the_journal_forgets_after_its_time_and_keeps_at_most_its_limit():
    desk = Desk(task(retention_days=2))
    device = agreed(desk, signal(immediate=False, limit=3))
    for number in range(5):
        device.record(typed(str(number)), NOW)
    assert [row["data"]["word"] for row in device.export()["journal"]] == ["2", "3", "4"]
    device.tick(NOW + 3 * DAY, BUSY)
    assert device.export()["journal"] == []


def test_what_a_person_takes_back_before_a_report_is_not_learnt():
    device = agreed(Desk(task()), signal(immediate=False, limit=9))
    for length in range(5):
        device.record(typed("x" * (length + 1)), NOW)
    kept = device.export()["journal"]
    assert device.retract(lambda event: event.data == kept[1]["data"]) == 1
    assert device.retract(lambda event: False) == 0
    device.record(typed("new"), NOW)
    assert [one["data"] for one in device.export()["journal"]] == [kept[place]["data"] for place in (0, 2, 3, 4)] + [
        typed("new").data
    ]
    assert device.retract(lambda event: True) == 5
    assert device.export()["journal"] == []


def test_private_records_are_forgotten_after_their_time():
    device = agreed(Desk(task(retention_days=2)))
    device.record(typed("hello"), NOW)
    device.tick(NOW + timedelta(days=3), BUSY)
    assert not dump(device.store)["records"]


def test_a_busy_device_contributes_nothing_and_says_why():
    desk = Desk(task())
    device = agreed(desk)
    [step] = device.tick(NOW, BUSY)
    assert (step.kind, "in use" in step.text) == ("waiting", True)
    assert device.ledger().accounts == ()


def test_an_exhausted_budget_is_a_step_and_leaves_everything_as_it_was():
    desk = Desk(task(reports_for_life=1))
    device = agreed(desk)
    device.tick(NOW, READY)
    desk.now = NOW + DAY
    device.record(typed("hello"), desk.now)
    before = dump(device.store)
    refused = [step for step in device.tick(desk.now, READY) if step.kind == "refused"]
    assert isinstance(refused[0].error, BudgetExhausted)
    assert "for life" in refused[0].text
    after = dump(device.store)
    assert (after["records"], after["ledger"]) == (before["records"], before["ledger"])


def test_one_refused_task_stops_no_other():
    desk = Desk(task(reports_for_life=1), task("other"))
    device = agreed(desk, signal(), signal("other"))
    device.tick(NOW, READY)
    desk.now = NOW + DAY
    steps = device.tick(desk.now, READY)
    assert [(step.signal, step.kind) for step in steps if step.kind in ("refused", "contributed")] in (
        [("words", "refused"), ("other", "contributed")],
        [("other", "contributed"), ("words", "refused")],
    )


def test_a_late_report_is_refused_for_good_without_a_refund():
    desk = Desk(task())
    device = agreed(desk)
    device.tick(NOW, READY)
    paid = device.ledger()
    desk.down = PeerError("round-closed", "the round takes no more reports")
    [step] = [step for step in device.tick(NOW + 7 * HOUR, BUSY) if step.kind == "rejected"]
    assert "not refunded" in step.text
    assert (device.waiting(), device.ledger()) == ((), paid)
    [sent] = device.sent()
    assert sent.outcome.startswith("round-closed")


@pytest.mark.parametrize("problem", ["storage-full", "overloaded", "unavailable", "unknown-page", "not-authorized"])
def test_a_report_survives_what_may_pass(problem):
    desk = Desk(task())
    device = agreed(desk)
    device.tick(NOW, READY)
    desk.down = PeerError(problem, "later")
    assert "retry" in kinds(device.tick(NOW + 7 * HOUR, BUSY))
    assert len(device.waiting()) == 1


def test_what_was_sent_is_shown_byte_for_byte_and_forgotten_after_its_time():
    desk = Desk(task(retention_days=5))
    device = agreed(desk)
    device.record(typed("hello"), NOW)
    device.tick(NOW, READY)
    device.tick(NOW + 7 * HOUR, BUSY)
    [sent] = device.sent()
    assert [sent.outgoing.report] == desk.received
    assert sent.outgoing.price_micro == micro(MECHANISM.epsilon)
    assert "Learn how long words are" in sent.outgoing.meaning
    assert "Whatever the server does" in sent.outgoing.meaning
    device.tick(NOW + timedelta(days=6), BUSY)
    assert device.sent() == ()


def test_an_unreachable_server_is_one_step():
    desk = Desk(task(), task("other"))
    device = agreed(desk, signal(), signal("other"))
    desk.down = Unreachable("no network")
    assert kinds(device.tick(NOW, READY)).count("unreachable") == 1


def test_two_reports_of_one_device_share_nothing_that_another_devices_does_not():
    desk = Desk(task(delay_seconds=0))
    devices = [agreed(desk) for _ in range(3)]
    for day in range(3):
        desk.now = NOW + day * DAY
        for device in devices:
            device.tick(desk.now, READY)
    headers = {report[:38] for report in desk.received}
    assert len(headers) == 3  # one a round, the same for every device
    tails = [report[38:] for report in desk.received]
    assert len(tails) == len(set(tails)) == 9
    for place in range(len(tails[0])):
        assert len({tail[place] for tail in tails}) > 1  # no byte of the seal is constant


def test_export_is_complete_and_forgetting_leaves_only_what_was_paid():
    import json

    desk = Desk(task(), task("other"))
    device = agreed(desk, signal(), signal("other", immediate=False))
    for name in ("words", "other"):
        device.record(typed("hello", name), NOW)
    device.tick(NOW, READY)
    device.tick(NOW + 7 * HOUR, BUSY)
    for name in ("words", "other"):
        device.record(typed("hello", name), NOW)
    exported = device.export()
    json.dumps(exported)
    assert all(exported[part] for part in ("consents", "ledger", "journal", "private_records", "sent", "tasks", "turns"))
    assert exported["sent"][0]["bytes"] == desk.received[0].hex()
    paid = device.ledger()
    device.forget()
    assert {name: rows for name, rows in dump(device.store).items() if rows}.keys() == {"ledger"}
    assert device.ledger().accounts == paid.accounts
    assert device.ledger().uses == paid.uses
    device.refresh(NOW + 7 * HOUR)
    assert [offer.agreed for offer in device.offers()] == [False, False]


def test_the_outbox_table_is_empty_after_a_success():
    desk = Desk(task(delay_seconds=0))
    device = agreed(desk)
    device.tick(NOW, READY)
    with device.store.transaction() as tx:
        assert list(OUTBOX.scan(tx)) == []


def test_latest_answers_the_newest_check_out_of_a_signal():
    desk = Desk(task())
    device = agreed(desk)
    assert device.latest("words").round == 0
    desk.now = NOW + DAY
    device.refresh(desk.now)
    assert device.latest("words").round == 1
    assert device.latest("other") is None


def _almost_truthful():

    return Spec.of(RandomizedResponse.for_epsilon(18.0, domain=10))


@dataclass(frozen=True)
class Level(Count):
    """A count that asks anew with each level."""

    NAME: ClassVar[str] = "level/1"

    def require_params(self, params):
        assert set(params) == {"level"}


def test_a_record_that_answers_other_parameters_is_never_sent_and_its_loss_makes_nobody_silent():
    """A server that could drop records by asking something else would learn from silence when they came."""
    names = {**NAMES, Level.NAME: Level}
    desk = Desk(task(sending_is_visible=True, algorithm=Spec.of(Level()), mechanism=_almost_truthful(), price_micro=18_000_000))
    ask, level = desk.checkout, {"level": np.array([1])}
    desk.checkout = lambda one: ask(one, params=dict(level))
    one, other = (agreed(desk, names=names, entropy=SeededEntropy(5, number)) for number in range(2))
    one.record(typed("hello"), NOW)
    level["level"] = np.array([2])
    steps = one.tick(NOW, READY)
    assert kinds(steps) == ["contributed"]
    assert "nothing to say" in other.tick(NOW, READY)[0].text
    one.tick(NOW + timedelta(hours=8), READY)
    assert desk.values(desk.tasks[0]) == [NOTHING]
