"""What a device tells its person: what left, what that cost, and what could be allowed."""

from datetime import timedelta

import pytest

from choral.device.statement import purposes, what_left
from tests.device.setting import MECHANISM, NOW, READY, Desk, agent, agreed, task, typed


def test_without_a_server_nothing_has_left_and_nothing_is_asked():
    device = agent(Desk())
    device.refresh(NOW)
    left = what_left(device)
    assert left.is_nothing
    assert (left.sent, left.waiting, left.accounts, left.made, left.size, left.paid) == ((), (), (), 0, 0, 0)
    assert purposes(device) == ()


def test_a_report_waits_then_left_byte_for_byte_at_the_price_that_was_paid():
    desk = Desk(task())
    device = agreed(desk)
    device.record(typed("hello"), NOW)
    device.tick(NOW, READY)
    (waiting,) = what_left(device).waiting
    assert (waiting.signal, waiting.outcome) == ("words", "waits for its random time")
    device.tick(NOW + timedelta(hours=7), READY)
    left = what_left(device)
    (sent,) = left.sent
    assert [sent.report] == desk.received
    assert (sent.report, sent.payload, sent.outcome) == (waiting.report, waiting.payload, "delivered")
    assert (left.waiting, left.made, left.forgotten, left.size) == ((), 1, 0, len(sent.report))
    assert left.paid == sent.epsilon == pytest.approx(MECHANISM.epsilon, abs=1e-6)
    assert [(one.trust, one.life) for one in left.accounts] == [("nobody", left.paid)]
    assert not left.is_nothing


def test_a_purpose_says_what_it_asks_whether_it_is_allowed_and_how_much_of_it_is_left():
    device = agent(Desk(task(reports_for_life=7)))
    device.refresh(NOW)
    (before,) = purposes(device)
    assert (before.purpose, before.unit, before.agreed, before.left) == (
        "Learn how long words are",
        "one day of words",
        False,
        7,
    )
    device.agree(bytes.fromhex(before.terms), NOW)
    device.record(typed("hello"), NOW)
    device.tick(NOW, READY)
    (after,) = purposes(device)
    assert (after.agreed, after.left, after.for_life, after.may_be_silent) == (True, 6, 7, False)
    assert after.guarantees == device.offers()[0].guarantees


def test_the_price_of_what_is_forgotten_is_still_told():
    device = agreed(Desk(task()))
    device.record(typed("hello"), NOW)
    device.tick(NOW, READY)
    device.tick(NOW + timedelta(hours=7), READY)
    device.forget()
    left = what_left(device)
    assert (left.sent, left.made, left.forgotten) == ((), 1, 1)
    assert left.paid > 0
