"""A device keeps its own time: rounds, dates and chances of a server are claims, and none of them becomes a mark."""

from dataclasses import replace
from datetime import timedelta

import pytest

from choral.numerics import SeededEntropy
from choral.protocol import Bundle, Opening, Openings, Report, encode, sign
from choral.protocol.task import CHANCE_UNIT

from .setting import DAY, NOW, READY, SERVER, START, Desk, agent, agreed, opening_of, signal, task, typed

HOUR = timedelta(hours=1)


def rounds(desk):
    return [Report.from_bytes(data).round for data in desk.received]


def served(desk, one, **changes):
    return encode(Bundle((sign(desk.checkout(one, **changes), SERVER),)))


@pytest.mark.parametrize("cookie", [1, 7, 123_456_789, 3_735_928_559])
def test_no_round_of_the_servers_choosing_reaches_a_header(cookie):
    one = task(delay_seconds=0)
    desk = Desk(one)
    device = agreed(desk)
    begin = one.start + cookie * DAY
    for dates in ({}, {"issued": min(begin, 2**39), "valid_until": min(begin + DAY, 2**39 + 1)}, {"valid_until": one.expires}):
        desk.bundles["words"] = served(desk, one, round=cookie, **dates)
        device.tick(NOW, READY)
    assert set(rounds(desk)) <= {0}
    assert device.offers()[0].checkout.round == 0


def test_a_long_valid_until_puts_no_second_report_into_a_batch():
    one = task(trust="shuffler", rounds_open=30, goal=5000, delay_seconds=0)
    desk = Desk(one)
    device = agreed(desk)
    desk.bundles["words"] = served(desk, one, round=0, valid_until=one.expires)
    for day in range(28):
        device.tick(NOW + timedelta(days=day), READY)
    assert len(desk.received) <= one.reports_per_device
    assert all(rounds(desk).count(number) <= one.reports_per_device for number in rounds(desk))


def test_no_round_gets_more_of_a_device_than_its_guarantee_covers():
    one = task(round_seconds=2 * DAY, reports_per_day=2, delay_seconds=0)
    desk = Desk(one)
    device = agreed(desk)
    for hour in range(0, 24 * 8, 3):
        desk.now = START + hour * HOUR
        device.tick(desk.now, READY)
    found = rounds(desk)
    assert one.reports_per_device == 6
    assert {number: found.count(number) for number in range(4)} == dict.fromkeys(range(4), 4)


@pytest.mark.parametrize("off", [-47, -24, -1, 0, 1, 24, 47])
def test_a_clock_up_to_two_days_wrong_loses_no_report_where_rounds_last_four_days(off):
    """Training, a report a round: each is in time for the server, whose clock is right."""
    one = task(round_seconds=4 * DAY, expires=one_expires(), delay_seconds=6 * 3600)
    desk = Desk(one)
    desk.now = START + 50 * HOUR
    device = agreed(desk, signal(immediate=False), entropy=SeededEntropy(11, off % 100))
    arrived = dict[int, int]()
    for hour in range(50, 24 * 45, 3):
        desk.now = START + hour * HOUR
        known = len(desk.received)
        device.tick(desk.now + off * HOUR, READY)
        current = (int(desk.now.timestamp()) - one.start) // one.rule.round_seconds
        for number in rounds(desk)[known:]:
            assert current - one.rule.rounds_open < number <= current, "the server would refuse it"
            arrived[number] = arrived.get(number, 0) + 1
    assert {number: arrived.get(number) for number in range(1, 11)} == dict.fromkeys(range(1, 11), 1)
    assert set(arrived.values()) == {1}


def one_expires():
    return int(START.timestamp()) + 400 * DAY


def test_where_rounds_follow_releases_no_round_is_higher_than_the_task_allows():
    one = task(advance="release", least_seconds=3600, rounds_open=30)
    desk = Desk(one)
    device = agent(desk)
    for number, kinds in ((10**9, ["refused"]), (9 + 48 + 1, ["refused"]), (9, [])):
        desk.round = number
        assert [step.kind for step in device.refresh(NOW)] == kinds


def test_a_phone_that_was_off_for_a_month_comes_back():
    one = task(advance="release", least_seconds=3600, rounds_open=5, delay_seconds=0)
    desk = Desk(one)
    desk.round = 0
    device = agreed(desk, signal(immediate=False))
    device.tick(NOW, READY)
    desk.round, desk.now = 700, NOW + timedelta(days=31)
    device.tick(desk.now, READY)
    assert rounds(desk) == [0, 700]


@pytest.mark.parametrize("chance", [0, 5, CHANCE_UNIT])
def test_a_chance_that_the_task_does_not_allow_is_refused(chance):
    one = task(chance=CHANCE_UNIT // 4, least_chance=CHANCE_UNIT // 8, most_chance=CHANCE_UNIT // 2)
    desk = Desk(one)
    device = agent(desk)
    desk.bundles["words"] = served(desk, one, chance=chance)
    [step] = device.refresh(NOW)
    assert step.code == "wrong-chance"


CHANGES = {
    "round": lambda one: replace(one, round=one.round + 2),
    "chance": lambda one: replace(one, chance=one.chance // 2),
    "issued": lambda one: replace(one, issued=one.issued + 1),
    "valid_until": lambda one: replace(one, valid_until=one.valid_until - 1),
    "question": lambda one: replace(one, question=bytes(31) + b"\1"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_check_out_that_differs_from_what_everyone_is_told_is_refused_and_displaces_none(name):
    desk = Desk(task())
    device = agreed(desk)
    held = device.offers()
    opening = opening_of(sign(desk.checkout(desk.tasks[0]), SERVER))
    desk.openings = published(CHANGES[name](opening))
    [step] = device.refresh(NOW)
    assert (step.kind, step.code) == ("refused", "differs")
    assert "not the check-out that everyone gets" in step.text
    assert [offer.checkout for offer in device.offers()] == [offer.checkout for offer in held]


def test_a_new_round_that_begins_between_the_two_downloads_alarms_nobody():
    desk = Desk(task())
    device = agent(desk)
    opening = opening_of(sign(desk.checkout(desk.tasks[0]), SERVER))
    desk.openings = published(replace(opening, round=1))
    [step] = device.refresh(NOW)
    assert step.code == "between-rounds"
    assert "taken next time" in step.text
    assert device.offers() == ()


def published(*openings: Opening, key=SERVER):
    return encode(Openings(tuple(sign(one, key) for one in openings)))


def test_a_round_that_is_not_published_published_twice_or_by_another_key_is_refused():
    desk = Desk(task())
    device = agent(desk)
    opening = opening_of(sign(desk.checkout(desk.tasks[0]), SERVER))
    from .setting import OPERATOR

    for told, code in (
        (published(), "not-published"),
        (published(opening, replace(opening, chance=1)), "differs"),
        (published(opening, key=OPERATOR), "not-published"),
        (b"<html>", "not-published"),
    ):
        desk.openings = told
        [step] = device.refresh(NOW)
        assert step.code == code
        assert device.offers() == ()


def test_every_device_asks_for_the_same_things_in_the_same_order():
    def asked(device_signals, words):
        desk = Desk(task())
        paths, fetch = [], desk.fetch
        desk.fetch = lambda path: (paths.append(path), fetch(path))[1]
        device = agreed(desk, *device_signals)
        for word in words:
            device.record(typed(word), NOW)
        device.tick(NOW, READY)
        return paths

    one = asked((signal(),), ())
    assert one == asked((signal(),), ("hello", "you"))
    assert one == ["/v1/checkouts/words", "/v1/openings"] * 2
