"""The harness is worth something only if it notices: known bugs, planted one by one, each seen by the World.

Each test tells one story twice: the honest system lives through it, the one with the bug does not.
"""

from dataclasses import replace

import numpy as np
import pytest

from choral.device import clock, contribution, outbox, records
from choral.device.ledger import BudgetLedger
from choral.device.offer import Offer
from choral.mechanisms import payloads_from
from choral.numerics import SeededEntropy
from choral.protocol import Report, report_id, seal
from choral.simulation.memory import Broken
from choral.simulation.ops import Kind, Op
from choral.simulation.setting import MECHANISM, Setting, shuffler_key
from choral.simulation.story import run
from choral.simulation.world import World
from choral.storage import MemoryServerStore
from tests.world.stories import DAY, HOUR, advance, day, duties, for_all

LOST_ANSWERS = [
    op
    for _ in range(12)
    for op in (*for_all(Kind.DROP_RESPONSE), *for_all(Kind.TICK), advance(HOUR), *for_all(Kind.TICK), advance(HOUR))
]


def notices(story, broken, *, setting=None, open_store=None):
    """The World says what is broken while the story is told."""
    with World.begin(setting, open_store) as world, pytest.raises(Broken, match=broken):
        run(world, story)


def lives(story, *, setting=None):
    with World.begin(setting) as world:
        run(world, story)


class AcknowledgesFirst(MemoryServerStore):
    """Bug: says that reports are kept before they are; the next call writes them, a crash loses them."""

    def __init__(self):
        super().__init__()
        self.later = []

    def add(self, arrivals):
        super().add(self.later)
        self.later = list(arrivals)
        return (True,) * len(arrivals)

    def close(self):
        self.later = []


class CountsEachArrival(MemoryServerStore):
    """Bug: no dedupe."""

    count = 0

    def add(self, arrivals):
        CountsEachArrival.count += len(arrivals)
        number = self.count.to_bytes(32, "little")
        return super().add([replace(arrival, id=number) for arrival in arrivals])


class ForgetsIds(MemoryServerStore):
    """Bug: ids are forgotten while their round is open."""

    def forget_ids(self, now):
        for number, reports in self._tables.reports.items():
            self._tables.reports[number] = {bytes([place]) * 32: body for place, body in enumerate(reports.values())}
        return super().forget_ids(now)


class ForgetsIdsOfCutBatches(MemoryServerStore):
    """Bug: ids are forgotten when a batch is cut, so that a retry is told that it came too late."""

    def finish_shuffle(self, batch, parts, **given):
        super().finish_shuffle(batch, parts, **given)
        self._tables.reports[batch.number] = {}


class TakesReportsAfterTheCut(MemoryServerStore):
    """Bug: a batch that was cut takes reports."""

    def add(self, arrivals):
        for arrival in arrivals:
            batch = self._tables.open_batch(arrival.slot)
            self._tables.batches[batch.number] = replace(batch, reports=batch.reports + 1)
            self._tables.reports.setdefault(batch.number, {})[arrival.id] = arrival.body
        return (True,) * len(arrivals)


class IsOneBelowTheMinimum(MemoryServerStore):
    """Bug: minimum off by one."""

    def add(self, arrivals):
        return super().add([replace(one, slot=replace(one.slot, minimum=one.slot.minimum - 1)) for one in arrivals])

    def open_round(self, slot, *said):
        return super().open_round(replace(slot, minimum=slot.minimum - 1), *said)


class ReleasesAgain(MemoryServerStore):
    """Bug: a released batch stays due."""

    def finish_release(self, batch, row, **given):
        before = self._tables.batches[batch.number], self._tables.payloads[batch.number]
        super().finish_release(batch, row, **given)
        self._tables.batches[batch.number], self._tables.payloads[batch.number] = replace(before[0], lease_until=0), before[1]


class KeepsWhatItReleased(MemoryServerStore):
    """Bug: payloads outlive their release."""

    def finish_release(self, batch, row, **given):
        kept = self._tables.payloads[batch.number]
        super().finish_release(batch, row, **given)
        self._tables.payloads[batch.number] = kept


SERVER_BUGS = [
    (AcknowledgesFirst, [*day()[:30], Op(Kind.RESTART_SERVER)], "an acknowledged report is lost"),
    (CountsEachArrival, [*for_all(Kind.RECORD), *LOST_ANSWERS], "counted twice"),
    (CountsEachArrival, [*day()[:30], *[Op(Kind.REPLAY, 0, number) for number in range(6)]], "counted twice"),
    (ForgetsIds, [*day()[:20], Op(Kind.CLOSE), *[Op(Kind.REPLAY, 0, number) for number in range(6)]], "counted twice"),
    (
        ForgetsIdsOfCutBatches,
        [*day(), *[Op(Kind.REPLAY, 0, number) for number in range(6)]],
        "a duplicate of an acknowledged report",
    ),
    (TakesReportsAfterTheCut, [*day()[:24], *duties(), *day()], "after it was cut|left of a batch"),
    (
        IsOneBelowTheMinimum,
        [Op(Kind.RECORD), *[Op(Kind.TICK), advance(6 * HOUR)] * 4, advance(2 * DAY), *duties()],
        "below the minimum",
    ),
    (
        ReleasesAgain,
        [*day(), advance(HOUR), *duties(), advance(HOUR), *duties()],
        "called released|was released|released twice",
    ),
    (KeepsWhatItReleased, [*day(), *duties()], "reports are left"),
]
SETTINGS = {IsOneBelowTheMinimum: Setting(reports_per_day=1)}


@pytest.mark.parametrize(("bug", "story", "broken"), SERVER_BUGS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_bug_of_the_server_is_noticed_and_its_story_is_harmless_without_it(bug, story, broken):
    setting, store = SETTINGS.get(bug), bug()
    lives(story, setting=setting)
    notices(story, broken, setting=setting, open_store=lambda: store)


def test_randomizing_again_on_retry_is_noticed(monkeypatch):
    honest, entropy = outbox._retry, SeededEntropy(1)

    def randomizing(store, outgoing, why, **given):
        step = honest(store, outgoing, why, **given)
        report = Report.from_bytes(outgoing.report)
        value = payloads_from(MECHANISM, [outgoing.payload])["value"].astype(np.int64)
        payload = MECHANISM.randomize(value, entropy).tobytes()
        sealed = seal(payload, report.task, report.round, shuffler_key().public_key().public_bytes_raw())
        fresh = replace(outgoing, payload=payload, report=sealed.to_bytes())
        with store.transaction() as tx:
            outbox.OUTBOX.delete(tx, report_id(outgoing.report))
            outbox.put(tx, fresh)
        return step

    story = [*for_all(Kind.RECORD), *LOST_ANSWERS]
    lives(story)
    monkeypatch.setattr(outbox, "_retry", randomizing)
    notices(story, "more reports than were paid for")


def test_a_record_that_stays_after_it_was_used_is_noticed(monkeypatch):
    """Bug: the same record can be chosen again, randomized or not."""
    story = [*for_all(Kind.RECORD), *day()[3:], *day()[3:]]
    lives(story)
    monkeypatch.setattr(records, "drop", lambda tx, task: None)
    notices(story, "in two reports")


def test_enqueueing_without_paying_is_noticed(monkeypatch):
    story = day()
    lives(story)
    monkeypatch.setattr(BudgetLedger, "spend", lambda self, *args, **given: self)
    notices(story, "more reports than were paid for")


CLOCK_STORY = [*day()[:27], Op(Kind.CLOCK_BACK, 0, 2 * DAY), *[op for _ in range(30) for op in (Op(Kind.TICK), advance(HOUR))]]


def test_a_refund_when_the_clock_jumps_back_is_noticed(monkeypatch):
    """Bug: an earlier clock opens the ledger as it was then."""
    honest = BudgetLedger.limits

    def refunding(self, terms, budget, now):
        jumped = int(now.timestamp()) < self.mark
        return honest(BudgetLedger() if jumped else self, terms, budget, now)

    spend = BudgetLedger.spend

    def spending(self, terms, budget, now, **given):
        jumped = int(now.timestamp()) < self.mark
        return spend(BudgetLedger() if jumped else self, terms, budget, now, **given)

    lives(CLOCK_STORY)
    monkeypatch.setattr(BudgetLedger, "limits", refunding)
    monkeypatch.setattr(BudgetLedger, "spend", spending)
    _take_turns_by_the_bare_clock(monkeypatch)
    notices(CLOCK_STORY, "gave something back|more reports than were paid for")


def test_a_second_turn_when_the_clock_jumps_back_is_noticed(monkeypatch):
    """Bug: days are counted by the device's clock as it stands, without its high-water mark."""
    lives(CLOCK_STORY)
    _take_turns_by_the_bare_clock(monkeypatch)
    notices(CLOCK_STORY, "more reports than the days that this device has seen allow")


def _take_turns_by_the_bare_clock(monkeypatch):
    """Also the device's own rounds, which would hide the bug: a clock set back by days waits for the server's round."""
    monkeypatch.setattr(BudgetLedger, "second", lambda self, now: int(now.timestamp()))
    monkeypatch.setattr(Offer, "waits", lambda self, second: "")
    monkeypatch.setattr(clock, "clock_problem", lambda *_, **__: "")
    honest = contribution._due

    def due_on_any_other_day(tx, offer, signal, turns, account, **given):
        day = account.day(given["now"])
        kept = contribution.Turns(tuple(one if one.day == day else replace(one, day=0) for one in turns.turns))
        return honest(tx, offer, signal, kept, account, **given)

    monkeypatch.setattr(contribution, "_due", due_on_any_other_day)


@pytest.mark.parametrize(("room", "broken"), [(outbox, "reports wait on"), (records, "private records are kept on")])
def test_a_withdrawal_that_leaves_something_is_noticed(monkeypatch, room, broken):
    story = [Op(Kind.TICK), Op(Kind.RECORD), Op(Kind.WITHDRAW)]
    lives(story)
    monkeypatch.setattr(room, "drop", lambda tx, name: None)
    notices(story, broken)
