"""The whole system under faults: after each op, every promise is checked (choral/simulation/invariants.py)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choral.simulation.memory import Broken
from choral.simulation.ops import Kind, Op, load, save
from choral.simulation.setting import NOTHING, Setting
from choral.simulation.story import run
from choral.simulation.world import World
from choral.storage import SqliteServerStore
from tests.world.stories import DAY, DEVICES, HOUR, REPRODUCTIONS, advance, day, duties, for_all, live, ops


@settings(max_examples=60)
@given(st.lists(ops, min_size=30, max_size=40))
def test_every_promise_holds_after_every_op(story):
    live(story, "found-in-short-lists")


@settings(max_examples=20)
@given(st.lists(ops, min_size=10, max_size=20))
def test_every_promise_holds_when_the_devices_have_been_busy_for_days(story):
    live([*day(), *day(), *story], "found-after-busy-days")


@settings(max_examples=8)
@given(story=st.lists(ops, min_size=30, max_size=40))
def test_every_promise_holds_with_the_store_on_disk(story, tmp_path_factory):
    path = tmp_path_factory.mktemp("world") / "store.sqlite"
    live(story, "found-on-disk", open_store=lambda: SqliteServerStore(path))


@pytest.mark.acceptance
@settings(max_examples=10_000)
@given(st.lists(ops, max_size=200))
def test_every_promise_holds_in_ten_thousand_long_lists(story):
    live(story, "found-in-long-lists")


@pytest.mark.parametrize("path", sorted(REPRODUCTIONS.glob("*.json")), ids=lambda path: path.stem)
def test_what_once_broke_a_promise_breaks_none_now(path):
    with World.begin(Setting(trains="training" in path.stem)) as world:
        run(world, load(path))


def test_days_of_work_end_in_releases_that_hold_every_report():
    """No vacuous World: here everything is acknowledged, released and counted, and budgets end."""
    with World.begin() as world:
        run(world, [*day(), *day(), *day(), *day(), *day(), *duties(), advance(2 * DAY), *duties(), *duties()])
        rows = world.store.batches(world.task.hash)
        released = [row for row in rows if row.state == "released"]
        assert len(released) >= 3
        assert sum(row.legal for row in released) >= 20
        assert world.wire.acknowledged == world.wire.delivered == set(world.wire.sent)
        assert [device.agent.ledger().use(world.task.terms.hash).life_reports for device in world.devices] == [8] * DEVICES


def test_a_lost_answer_makes_the_device_send_the_same_bytes_and_they_count_once():
    with World.begin(Setting(minimum=1, goal=50)) as world:
        run(world, [Op(Kind.RECORD), Op(Kind.DROP_RESPONSE), Op(Kind.TICK)])
        while not world.wire.sent:
            run(world, [advance(HOUR), Op(Kind.TICK)])
        retries = [op for _ in range(40) for op in (advance(HOUR // 2), Op(Kind.TICK))]
        run(world, retries)
        assert all(sent.outcome == "delivered" for sent in world.devices[0].agent.sent())
        assert len(world.devices[0].agent.sent()) == len(world.wire.sent)
        (row, *_) = world.store.batches(world.task.hash)
        assert row.reports <= len(world.wire.sent)


def test_a_server_that_dies_before_its_commit_has_acknowledged_nothing():
    with World.begin() as world:
        run(world, [Op(Kind.RECORD), Op(Kind.CRASH_BEFORE_COMMIT)])
        while not world.wire.sent:
            run(world, [advance(HOUR), Op(Kind.TICK)])
        assert not world.wire.acknowledged
        assert not sum(row.reports for row in world.store.batches(world.task.hash))


def test_a_server_that_dies_after_its_commit_holds_the_report_once():
    with World.begin() as world:
        run(world, [Op(Kind.RECORD), Op(Kind.CRASH_AFTER_COMMIT)])
        while not world.wire.sent:
            run(world, [advance(HOUR), Op(Kind.TICK)])
        assert not world.wire.acknowledged
        run(world, [Op(Kind.REPLAY), Op(Kind.REPLAY)])
        assert [row.reports for row in world.store.batches(world.task.hash)] == [1]


def test_a_shuffle_that_dies_is_taken_up_again_after_its_lease():
    for fault in (Kind.CRASH_BEFORE_COMMIT, Kind.CRASH_AFTER_COMMIT):
        with World.begin() as world:
            run(world, [*day()[:-3], advance(DAY), advance(DAY), Op(fault), Op(Kind.SHUFFLE)])
            run(world, [advance(HOUR), *duties(), *duties()])
            assert "released" in [row.state for row in world.store.batches(world.task.hash)]


def test_a_device_without_events_reports_nothing_like_the_others():
    with World.begin() as world:
        quiet_day = [op for op in day() if op.kind is not Kind.RECORD]
        run(world, quiet_day)
        assert len(world.wire.sent) == DEVICES * world.setting.reports_per_day
        assert set(world.memory.said.values()) == {NOTHING}


def test_a_task_past_its_expiry_does_nothing():
    with World.begin() as world:
        run(world, [advance(20 * DAY), *for_all(Kind.RECORD), *day()])
        assert not world.wire.sent
        assert not any(device.agent.waiting() for device in world.devices)


def test_a_story_is_kept_and_told_again(tmp_path):
    story = (Op(Kind.RECORD, 2), Op(Kind.ADVANCE, 0, 60), Op(Kind.REPLAY, 0, 7))
    save(story, tmp_path / "story.json", 'Broken: "why"')
    assert load(tmp_path / "story.json") == story


def test_a_broken_promise_is_kept_as_a_reproduction(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.world.stories.REPRODUCTIONS", tmp_path)
    monkeypatch.setattr("choral.simulation.story.check", _never_content)
    with pytest.raises(Broken):
        live([Op(Kind.RECORD)], "planted")
    assert load(tmp_path / "planted.json") == (Op(Kind.RECORD),)


def _never_content(world):
    if world.serial:
        raise Broken("planted")
