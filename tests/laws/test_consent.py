"""Consent: nothing is kept before a yes, nothing leaves after a no, and no row brings a yes back."""

from contextlib import suppress
from datetime import timedelta

import pytest

from choral.device.consent import CONSENTS
from choral.device.outbox import OUTBOX
from choral.errors import ConsentMissing
from tests.device.setting import BUSY, NOW, READY, Desk, agent, agreed, dump, signal, task, typed

EVENTS = ("journal", "spans", "records", "reservoirs")


@pytest.mark.parametrize("immediate", [True, False], ids=["statistics", "journalled"])
def test_no_event_is_kept_before_a_yes_or_after_a_no(immediate):
    desk = Desk(task())
    device = agent(desk, signal(immediate=immediate))
    device.refresh(NOW)
    for _ in range(2):
        with suppress(ConsentMissing):
            device.record(typed("hello"), NOW)
        left = dump(device.store)
        assert [name for name in EVENTS if left[name]] == []
        device.agree(task().terms.hash, NOW)
        device.record(typed("hello"), NOW)
        assert any(dump(device.store)[name] for name in EVENTS)
        device.withdraw(task().terms.hash)


def test_a_no_empties_the_outbox_at_once():
    device = agreed(Desk(task()))
    device.tick(NOW, READY)
    assert len(device.waiting()) == 1
    device.withdraw(task().terms.hash)
    assert dump(device.store)["outbox"] == []


def test_a_report_that_was_on_its_way_stays_when_its_person_says_no():
    """A no, by another program of this device, between two reports of one turn: the second does not go."""
    desk = Desk(task(reports_per_day=2))
    device = agreed(desk)
    device.tick(NOW, READY)
    other, send = agent(desk, store=device.store), desk.send

    def send_and_say_no(report, token=b""):
        send(report, token)
        with other.store.transaction() as tx:  # the row alone: that the outbox is emptied too is another law
            rows = list(CONSENTS.scan(tx))
        assert len(rows) == 1
        with other._store.transaction() as tx:
            CONSENTS.delete(tx, rows[0][0])

    desk.send = send_and_say_no
    last = device.waiting()[0].deadline - 1
    device.tick(NOW + timedelta(seconds=last - int(NOW.timestamp())), BUSY)
    assert len(desk.received) == 1


@pytest.mark.parametrize("table", [CONSENTS, OUTBOX], ids=["consents", "outbox"])
def test_a_row_that_is_put_back_after_a_no_is_no_yes_and_is_not_sent(table):
    desk = Desk(task())
    device = agreed(desk)
    device.tick(NOW, READY)
    with device.store.transaction() as tx:
        copies = [(name, *row) for name in (CONSENTS.name, table.name) for row in tx.scan(name)]
    device.withdraw(task().terms.hash)
    with device.store.transaction() as tx:
        for row in copies:
            tx.put(*row)
    later = agent(desk, store=device.store)
    for hours in range(1, 40):
        later.tick(NOW + timedelta(hours=hours), READY)
    assert [offer.agreed for offer in later.offers()] == [False]
    assert desk.received == []


def test_what_was_made_before_a_no_is_not_kept_after_it():
    """The no comes while reports are made, between the two transactions of a turn."""
    desk, said = Desk(task()), []
    device = agreed(desk, signal(immediate=False))
    honest, other = device.signals[0].examples, agent(desk, store=device.store)

    def examples(events):
        if events and not said:  # not in the rehearsal without events, as a check-out is judged
            said.append(True)
            other.withdraw(task().terms.hash)
        return honest(events)

    object.__setattr__(device.signals[0], "examples", examples)
    device.record(typed("hello"), NOW)
    device.tick(NOW, READY)
    assert said == [True]
    assert dump(device.store)["outbox"] == []
    assert device.ledger().accounts == ()
