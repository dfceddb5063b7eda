"""Links on a device: what is kept, what is learnt of it and when, what a model says, and that nothing else leaves."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choral.apps.phishing.device.canonical import marks
from choral.apps.phishing.device.detector import Detector, shipped_detector, thresholds
from choral.apps.phishing.device.features import PUBLIC, WIDE, constants, look
from choral.apps.phishing.device.records import (
    KIND,
    LINKS,
    MOST_RECORDS,
    ROWS,
    UNIT_LINKS,
    WIDE_LINKS,
    WINDOW,
    features_of,
    marks_of,
    received,
    signals,
)
from choral.apps.phishing.device.tasks import RETENTION_DAYS, buffered_task, drawn_task
from choral.device import Event, journal
from choral.device.signal import Signal
from choral.errors import PeerError, Refused, UsageError
from choral.mechanisms.priv_unit import PrivUnit
from choral.protocol import Report, sign, unseal
from choral.storage import MemoryDeviceStore
from tests.apps.phishing_device import (
    BAD,
    CANARIES,
    GOOD,
    GOOD_MODEL,
    HERE,
    LOGIN,
    SIZE,
    LinkDesk,
    canaries,
    device,
    feed,
    kept,
    links_task,
    operator_desk,
    receive,
)
from tests.device.setting import NAMES, NOW, OPERATOR, READY, SHUFFLER


def estimates(desk, task):
    """The estimate that each report gives the server."""
    mechanism = task.mechanism.build(NAMES)
    reports = [Report.from_bytes(data) for data in desk.received]
    payloads = [np.frombuffer(unseal(one, mechanism.payload.itemsize, SHUFFLER), mechanism.payload) for one in reports]
    empty = np.zeros(mechanism.cells, np.int64)
    return [mechanism.estimate(mechanism.accumulate(empty.copy(), payload), 1).values for payload in payloads]


def signed(found):
    """A feed as an operator signs it."""
    return sign(found.release(), OPERATOR)


def judged_by(release=None):
    """A task whose versions are judged by this public data, or by none."""
    desk = operator_desk(canaries=b"" if release is None else release.hash)
    return buffered_task(desk, minimum=10, goal=10, delay_seconds=0)


def test_a_record_holds_features_and_hash_prefixes_and_never_the_link():
    watch = device(LinkDesk())
    link = "https://secret-name.example.com/private/path?hidden=abc"
    answer = watch.receive(link, LOGIN, HERE, NOW)
    (event,) = kept(watch)
    assert answer.noted
    assert event.kind == KIND
    assert set(features_of(event)) == set(WIDE)
    assert marks_of(event) == marks(link)
    assert all(type(value) in (int, float) for name, value in event.data.items() if name != "marks")
    for part in ("secret", "private", "hidden=", "abc", "example.com"):
        assert part not in str(event.data)


def test_without_consent_a_link_is_judged_and_nothing_is_kept():
    watch = device(LinkDesk(), agree=False)
    answer = watch.receive(BAD.format(1), LOGIN, HERE, NOW)
    assert not answer.noted
    assert answer.verdict.reasons
    assert not kept(watch)


def test_once_a_window_of_links_came_the_device_contributes_and_the_oldest_of_them_are_deleted():
    desk = LinkDesk()
    watch = device(desk)
    bad, good = receive(watch, 4), receive(watch, WINDOW - 1, bad=False)
    watch.book.take(signed(feed(*((link, True) for link in bad), *((link, False) for link in good[:3]))), watch.operators)
    before = kept(watch)
    assert [step.kind for step in watch.agent.tick(NOW, READY)] == ["contributed", "sent"]
    assert len(desk.received) == 1
    assert kept(watch) == before[WINDOW:]
    watch.receive(GOOD.format("later"), None, HERE, NOW)
    assert len(kept(watch)) == 4


def test_of_a_window_the_newest_labelled_links_are_learnt_from_and_no_other():
    book = {}
    (signal, *_) = signals(lambda of_link: book.get(of_link[0]))
    events = [received(look(GOOD.format(number), None, HERE), NOW) for number in range(WINDOW + 3)]
    places = (0, 2, 3, 7, 11, 12, 19, WINDOW, WINDOW + 1)  # the last two lie outside of the window
    book.update({marks_of(events[place])[0]: place % 2 == 0 for place in places})
    examples = signal.examples(events)
    chosen = [place for place in places if place < WINDOW][-ROWS:]
    layout = constants().public
    assert (examples["inputs"] == layout.rows([features_of(events[place]) for place in chosen])).all()
    assert examples["label"].tolist() == [float(place % 2 == 0) for place in chosen]
    assert examples["weight"].tolist() == [1.0] * ROWS
    book.clear()
    book[marks_of(events[5])[0]] = True
    assert signal.examples(events)["weight"].tolist() == [1.0, *[0.0] * (ROWS - 1)]
    assert not signal.examples(events[: WINDOW - 1])["weight"].any()


def test_too_few_links_train_nothing_spend_nothing_and_stay_however_many_are_labelled():
    desk = LinkDesk()
    watch = device(desk)
    for link in receive(watch, WINDOW - 1):
        watch.book.report(link, phishing=True, now=NOW)
    (step,) = watch.agent.tick(NOW, READY)
    assert step.kind == "skipped"
    assert "nothing to say" in step.text
    assert not desk.received
    assert not watch.agent.ledger().account("nobody").life_micro
    assert len(kept(watch)) == WINDOW - 1
    receive(watch, 1, bad=False)
    assert "contributed" in {one.kind for one in watch.agent.tick(NOW, READY)}
    assert not kept(watch)


def test_a_window_without_a_label_makes_a_report_of_zeros_that_is_paid():
    desk = LinkDesk()
    watch = device(desk)
    receive(watch, WINDOW)
    (signal, *_) = watch.agent.signals
    assert not any(array.any() for array in signal.examples(kept(watch)).values())
    assert [step.kind for step in watch.agent.tick(NOW, READY)] == ["contributed", "sent"]
    assert watch.agent.ledger().account("nobody").life_micro == links_task().terms.price_micro
    assert not kept(watch)


def test_where_terms_forbid_silence_too_few_links_make_a_report_of_nothing_and_stay():
    task = links_task(silent=False)
    desk = LinkDesk(task)
    watch = device(desk)
    for link in receive(watch, WINDOW - 1):
        watch.book.report(link, phishing=True, now=NOW)
    assert "sent" in {one.kind for one in watch.agent.tick(NOW, READY)}
    assert len(kept(watch)) == WINDOW - 1
    assert watch.agent.ledger().account("nobody").life_micro == task.terms.price_micro
    (signal, *_) = watch.agent.signals
    examples = signal.examples(kept(watch))
    assert not examples["weight"].any()
    assert examples["inputs"].shape == (ROWS, len(PUBLIC))
    assert task.mechanism.build(NAMES) == PrivUnit.for_epsilon(4.0, SIZE, clip_norm=1.0)
    assert len(estimates(desk, task)) == 1


@pytest.mark.parametrize(("window", "rows"), [(0, 0), (4, 5), (MOST_RECORDS + 1, 5), (20, 0)])
def test_a_window_that_cannot_hold_its_rows_is_refused(window, rows):
    with pytest.raises(ValueError, match="a window of at most 200 links"):
        signals(lambda of_link: None, window=window, rows=rows)


@pytest.mark.parametrize("silent", [True, False])
def test_the_terms_say_of_how_many_links_a_report_is_made_and_whether_fewer_mean_silence(silent):
    for task in (links_task(silent=silent), drawn_task(operator_desk(), silent=silent)):
        assert task.terms.unit == "one update from 20 links on one device"
        assert task.terms.sending_is_visible is silent


def test_records_without_a_label_stay_until_their_time_is_over():
    watch = device(LinkDesk())
    receive(watch, 3, bad=False)
    watch.agent.tick(NOW + timedelta(days=RETENTION_DAYS - 1), READY)
    assert len(kept(watch)) == 3
    watch.agent.tick(NOW + timedelta(days=RETENTION_DAYS, hours=1), READY)
    assert not kept(watch)


def test_saying_no_deletes_every_record():
    watch = device(LinkDesk())
    receive(watch, 3)
    (offer,) = watch.agent.offers()
    watch.agent.withdraw(offer.terms_hash)
    assert not kept(watch)


@pytest.mark.parametrize("model", [np.full(SIZE - 1, 0.1, np.float32), np.zeros(SIZE, np.int64), np.zeros((1, SIZE))])
def test_a_model_of_the_wrong_length_or_type_trains_nothing_and_spends_nothing(model):
    desk = LinkDesk(params=model)
    watch = device(desk)
    assert [one.code for one in watch.agent.tick(NOW, READY)] == ["wrong-parameters"]
    assert not watch.agent.ledger().account("nobody").life_micro
    assert "ships" in watch.detector().name


def test_a_model_of_huge_numbers_makes_no_device_silent_and_every_answer_is_paid():
    """What such a model comes to depends on the links: were NaN refused, silence would tell of them for nothing."""
    answers = set()
    for first in (1e12, -1e12, 0.0):
        desk = LinkDesk(params=np.append([first, -first], np.full(SIZE - 2, 1e12)))
        watch = device(desk)
        for link in receive(watch, WINDOW):
            watch.book.report(link, phishing=True, now=NOW)
        answers.add(frozenset(one.kind for one in watch.agent.tick(NOW, READY)))
        assert watch.agent.ledger().account("nobody").life_micro
        assert len(desk.received) == 1
    assert answers == {frozenset({"contributed", "sent"})}


def test_a_model_with_nan_is_not_even_let_in():
    desk = LinkDesk(params=np.full(SIZE, np.nan))
    watch = device(desk)
    assert not watch.agent.offers()
    assert any("finite" in line or "cannot be read" in line for line in watch.refresh(NOW))


def test_draw_and_discard_reads_features_within_0_and_1():
    task = drawn_task(operator_desk())
    desk = LinkDesk(task, params=np.zeros(SIZE))
    desk.round = None
    watch = device(desk)
    for link in receive(watch, WINDOW):
        watch.book.report(link, phishing=True, now=NOW)
    events = kept(watch, UNIT_LINKS)
    examples = {one.name: one.examples(events) for one in watch.agent.signals}
    assert examples[UNIT_LINKS]["inputs"].min() >= 0
    assert examples[UNIT_LINKS]["inputs"].max() <= 1
    assert examples[LINKS]["inputs"].min() < 0
    assert examples[WIDE_LINKS]["inputs"].shape == (ROWS, len(WIDE))
    assert {one.kind for one in watch.agent.tick(NOW, READY)} == {"contributed", "sent"}
    assert not kept(watch, UNIT_LINKS)


def test_what_goes_out_names_no_link_and_is_the_same_whatever_is_held():
    full, empty = LinkDesk(), LinkDesk()
    watch, other = device(full), device(empty)
    links = receive(watch, WINDOW)
    for link in links:
        watch.book.report(link, phishing=True, now=NOW)
    watch.agent.tick(NOW, READY)
    other.agent.tick(NOW, READY)
    watch.refresh(NOW)
    other.refresh(NOW)
    assert full.asked == empty.asked
    assert not any("192.0.2" in path for path in full.asked)


def test_of_journalled_events_only_the_used_go_and_the_limit_counts_what_stays():
    store = MemoryDeviceStore()
    even = lambda events: [int(event.data["n"]) % 2 == 0 for event in events]  # noqa: E731
    one = Signal("s", frozenset({"k"}), lambda events: {}, 4, immediate=False, used=even)
    with store.transaction() as tx:
        for number in range(4):
            journal.append(tx, one, Event("k", NOW, {"n": number}), ttl_days=1, now=NOW)
        held = journal.entries(tx, "s")
        journal.drop_used(tx, "s", [one for one, used in zip(held, even([one.content for one in held]), strict=True) if used])
        assert [event.data["n"] for event in journal.read(tx, "s")] == [1, 3]
        for number in (5, 7, 9):
            journal.append(tx, one, Event("k", NOW, {"n": number}), ttl_days=1, now=NOW)
        assert [event.data["n"] for event in journal.read(tx, "s")] == [3, 5, 7, 9]
        journal.drop_used(tx, "s", journal.entries(tx, "s"))
        assert not journal.read(tx, "s")
    with pytest.raises(ValueError, match="must answer for each"):
        replace(one, used=lambda events: []).uses([Event("k", NOW, {"n": 1})])


def test_a_journal_keeps_so_many_records_and_no_more():
    (signal, *_) = signals(lambda of_link: None)
    event = received(look(BAD, None, HERE), NOW)
    store = MemoryDeviceStore()
    with store.transaction() as tx:
        for _ in range(MOST_RECORDS + 3):
            journal.append(tx, signal, event, ttl_days=1, now=NOW)
        assert len(journal.read(tx, LINKS)) == MOST_RECORDS


def test_the_newest_model_judges_once_its_canaries_are_here():
    desk = LinkDesk(version=3)
    watch = device(desk, agree=False)
    assert watch.detector().name == "version 3 of the model learnt from devices"
    honest = CANARIES.arrays["inputs"][CANARIES.arrays["label"] == 0].astype(np.float64)
    found = watch.detector().thresholds
    scores = honest @ GOOD_MODEL[:-1].astype(np.float64) + GOOD_MODEL[-1]
    assert (scores > found.with_page).mean() == 0.01
    assert found.link_alone != found.with_page


def test_a_model_without_canaries_or_worse_than_the_public_one_does_not_judge():
    assert "ships" in device(LinkDesk(judged_by())).detector().name
    assert "ships" in device(LinkDesk(params=-GOOD_MODEL)).detector().name
    few = canaries(rows=20)
    desk = LinkDesk(judged_by(few))
    desk.offer(few)
    assert "ships" in device(desk).detector().name


def test_a_model_on_another_scale_is_held_against_the_public_one_too():
    shipped = shipped_detector()
    source = np.random.default_rng(11)
    rows = source.normal(size=(2_000, len(PUBLIC))).clip(-2.0, 2.0)
    scores = rows @ shipped.params[:-1]
    label = (scores > np.median(scores)).astype(np.float64)  # the public model tells these links apart
    scales = constants()
    unit = scales.public.as_read_by(scales.in_unit, rows)
    arrays = {"inputs": unit.astype(np.float32), "label": label, "weight": np.ones(len(label))}
    public = replace(CANARIES, arrays=arrays)
    weak, strong = (np.append(np.zeros(len(PUBLIC)), 0.0), np.append(shipped.params[:-1] * _stretch(scales), 0.0))
    for params, judge in ((weak, "ships"), (strong, "version 1 of the model learnt")):
        desk = LinkDesk(drawn_task(operator_desk(canaries=public.hash)), params=params.astype(np.float32))
        desk.round = None
        desk.offer(public)
        assert judge in device(desk).detector().name


def _stretch(scales):
    """What a step of a feature within [0, 1] is in standard deviations."""
    return scales.unit.width / scales.standard.width


def test_canaries_that_are_not_those_of_the_task_are_refused():
    desk = LinkDesk()
    desk.releases[CANARIES.hash] = canaries(rows=200)
    watch = device(desk)
    assert any("not those that the task names" in line for line in watch.refresh(NOW))
    assert "ships" in watch.detector().name


def test_a_phishing_page_stops_the_person_before_the_password_and_a_garden_does_not():
    watch = device(LinkDesk(judged_by()))
    answer = watch.receive("http://paypal-login.192-0-2-7.account-verify.tk/wp-admin/login.php?cmd=1", LOGIN, HERE, NOW)
    assert answer.stops
    assert answer.warns
    assert 0.95 < answer.verdict.score < 1
    assert len(answer.verdict.reasons) == 3
    assert all(reason.text for reason in answer.verdict.reasons)
    assert not watch.receive("https://www.gardening.example.com/roses", None, HERE, NOW).warns


def test_a_known_label_decides_over_the_model():
    watch = device(LinkDesk())
    link = "http://paypal-login.192-0-2-7.account-verify.tk/wp-admin/login.php?cmd=1"
    watch.book.report(link, phishing=False, now=NOW)
    assert not watch.receive(link, LOGIN, HERE, NOW).stops
    watch.book.report(link, phishing=True, now=NOW)
    assert watch.receive(link, LOGIN, HERE, NOW).stops


def test_reasons_are_the_strongest_parts_of_the_score():
    detector = shipped_detector()
    seen = look(BAD, LOGIN, HERE)
    verdict = detector.judge(seen)
    row = detector.layout.rows([seen.features])[0]
    parts = detector.params[:-1] * row
    assert verdict.logit == pytest.approx(parts.sum() + detector.params[-1])
    assert [abs(reason.weight) for reason in verdict.reasons] == pytest.approx(sorted(abs(parts))[-3:][::-1])
    assert verdict.as_json()["reasons"][0]["for_phishing"] == (verdict.reasons[0].weight > 0)


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.lists(st.floats(), max_size=60).map(np.array),
        st.sampled_from([np.nan, np.inf, -np.inf, 1.7e308, -2e6]).map(lambda bad: np.append(np.zeros(SIZE - 1), bad)),
        st.just(np.zeros((SIZE, 1))),
        st.just(np.zeros(SIZE, complex)),
        st.just(np.array(["a"] * SIZE)),
    )
)
def test_whatever_is_no_model_is_refused(params):
    with pytest.raises(Refused, match="finite numbers"):
        Detector.of(params, constants().public, CANARIES.arrays, name="x")


@pytest.mark.parametrize(
    "arrays",
    [{}, {"inputs": np.zeros((2, 3)), "label": np.zeros(2), "weight": np.ones(2)}, {"inputs": 1, "label": 2, "weight": 3}],
)
def test_canaries_that_are_none_are_refused(arrays):
    with pytest.raises(Refused, match="canaries"):
        thresholds(np.zeros(SIZE), constants().public, arrays)


def test_unreadable_links_and_pages_are_refused_and_leave_nothing():
    watch = device(LinkDesk())
    for link, page in (("javascript:alert(1)", None), (GOOD, b"<div>" * 5_000), ("https://a\x07b.example", LOGIN)):
        with pytest.raises(Refused):
            watch.receive(link, page, HERE, NOW)
    assert not kept(watch)
    assert not watch.agent.ledger().account("nobody").life_micro


def test_lists_of_releases_that_cannot_be_read_are_said_and_change_nothing():
    class Odd(LinkDesk):
        answer = b"["

        def fetch(self, path):
            return self.answer if path == "/v1/releases" else super().fetch(path)

    desk = Odd()
    watch = device(desk)
    for answer in (b"[", b"{}", b'[{"kind": "labels"}]', b'[{"kind": "labels", "created": 9e15, "hash": "zz"}]', b"[" * 5_000):
        desk.answer = answer
        assert any("cannot be read" in line for line in watch.refresh(NOW)) or answer == b"{}"
    desk.down = PeerError("odd", "down")
    assert watch.refresh(NOW)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, 20.0, float("nan")])
def test_a_price_out_of_range_is_refused(epsilon):
    with pytest.raises(UsageError, match="out of range"):
        links_task(epsilon=epsilon)
