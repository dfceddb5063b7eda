"""Training under faults: beside the count, one task a road of training, each with versions that have no gaps."""

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from choral.simulation.faults import WRITES
from choral.simulation.ops import Kind, Op
from choral.simulation.setting import Setting
from choral.simulation.story import run
from choral.simulation.world import World
from choral.storage import SqliteServerStore
from tests.world.stories import for_all, live, training_day, training_duties, training_ops

TRAINING = Setting(trains=True)
WITH_TOKENS = Setting(trains=True, issuer=generate_private_key(65_537, 2048))
AVERAGED, BUFFERED, DRAWN = 1, 2, 3


def versions(world, task):
    return world.faults.inner.versions(world.asked[task].hash)


@settings(max_examples=15)
@given(st.lists(training_ops, min_size=20, max_size=30))
def test_every_promise_of_training_holds_after_every_op(story):
    live([*training_day(2), *story], "found-in-training", setting=TRAINING)


@settings(max_examples=4)
@given(st.lists(training_ops, min_size=15, max_size=20))
def test_every_promise_of_training_holds_where_reports_need_tokens(story):
    live([*training_day(2), *story], "found-in-training-with-tokens", setting=WITH_TOKENS)


@settings(max_examples=3)
@given(story=st.lists(training_ops, min_size=20, max_size=30))
def test_every_promise_of_training_holds_with_the_store_on_disk(story, tmp_path_factory):
    path = tmp_path_factory.mktemp("world") / "store.sqlite"
    live([*training_day(2), *story], "found-in-training-on-disk", setting=TRAINING, open_store=lambda: SqliteServerStore(path))


@pytest.mark.acceptance
@settings(max_examples=2_000)
@given(st.lists(training_ops, min_size=50, max_size=150))
def test_every_promise_of_training_holds_in_two_thousand_long_lists(story):
    live([*training_day(2), *story], "found-in-training-long", setting=TRAINING)


def test_days_of_training_end_in_versions_of_each_model_that_hold_every_report():
    """No vacuous World: each road publishes, and each report that was acknowledged is in a version."""
    with World.begin(TRAINING) as world:
        run(world, [*training_day(), *training_day(), *training_day(), *training_day(), *training_duties()])
        for task in (AVERAGED, BUFFERED, DRAWN):
            assert len(versions(world, task)) >= 3
        folded = {name for names in world.memory.folded.values() for name in names}
        assert len(folded) >= 10
        assert world.memory.streamed[world.asked[DRAWN].hash].updates >= 6


def busy(number):
    """A day in which the server makes every write there is: two forged reports among three are a batch to erase."""
    forged = [Op(Kind.FORGE, 0, AVERAGED)] * 2
    return [*for_all(Kind.AGREE), Op(Kind.PUBLISH, 0, number), *forged, *training_day(3), Op(Kind.ROLL_BACK, 0, DRAWN - 1)]


@pytest.mark.parametrize("write", WRITES)
def test_a_server_that_dies_at_any_of_its_writes_before_and_after_the_commit_goes_on(write):
    number = 1 + WRITES.index(write)
    for crash in (Kind.CRASH_BEFORE_COMMIT, Kind.CRASH_AFTER_COMMIT):
        with World.begin(TRAINING, agreed=False) as world:
            run(world, [Op(crash, 0, number), Op(Kind.AGREE)])
            run(world, busy(1) if not world.memory.deaths else ())
            assert world.memory.deaths == [write]
            run(world, [*busy(2), *training_day(2), *training_duties()])
            assert all(len(versions(world, task)) >= 2 for task in (BUFFERED, DRAWN))


def test_of_two_workers_at_one_batch_one_writes_and_the_slow_one_loses_its_lease():
    day = training_day(3)
    before = next(place for place, op in enumerate(day) if op.kind is Kind.SHUFFLE)
    stalled = [op for duty in (Kind.SHUFFLE, Kind.STREAM, Kind.RELEASE) for op in (Op(Kind.STALL, 0, 121), Op(duty))]
    with World.begin(TRAINING) as world:
        for number in range(3):
            run(world, [*day[:before], *stalled[2 * number : 2 * number + 2]])
            assert world.faults.meanwhile is None, "the slow worker came to its last write"
            run(world, training_duties())
        assert all(len(versions(world, task)) >= 2 for task in (AVERAGED, BUFFERED, DRAWN))


def test_a_roll_back_between_fold_and_commit_makes_the_worker_fold_anew():
    with World.begin(TRAINING) as world:
        run(world, [*training_day(2), *training_day(2), *training_day(2), Op(Kind.ROLL_BACK_MEANWHILE, 0, DRAWN - 1)])
        run(world, training_day(2))
        (deed,) = world.faults.inner.audit(world.asked[DRAWN].hash)
        assert deed.detail.endswith("to version 0")
        run(world, training_day(2))
        assert versions(world, DRAWN)[-1].parent in (0, len(versions(world, DRAWN)) - 2)


def test_a_token_that_was_captured_buys_nothing_once_its_report_is_there():
    with World.begin(WITH_TOKENS) as world:
        run(world, [*training_day(), *training_day(), *training_day()])  # a report goes at a random time, one at a turn
        assert any(world.wire.tokens.values())
        before = _reports(world, AVERAGED)
        run(world, [Op(Kind.FORGE, 0, AVERAGED + 4 * number) for number in range(8)])
        assert _reports(world, AVERAGED) == before


def _reports(world, task):
    return sum(row.reports for row in world.faults.inner.batches(world.asked[task].hash))
