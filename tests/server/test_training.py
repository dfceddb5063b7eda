"""Training rounds: versions, the gate, roll-back, deadlines, late updates, batches of one. A refusal says why."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from choral.learning import ALGORITHMS
from choral.numerics import SeededEntropy
from choral.protocol.coding import expand
from choral.protocol.task import CHANCE_UNIT
from choral.server import TaskBook
from choral.server.checkout import Counter
from choral.server.ingest import admit
from choral.server.versions import NOTHING_NEW, roll_back
from choral.storage import BELOW_MINIMUM, LeaseLost, MemoryServerStore, SqliteServerStore
from tests.server.house import NAMES, SERVER, START, TOKEN, House, at
from tests.server.training import (
    CANARIES,
    GOOD_START,
    HOUR,
    SIZE,
    TRUTH,
    averaging,
    buffered,
    checkout_of,
    params_of,
    publish_public,
    refused,
    stream,
    streaming_task,
    train,
    training_task,
    update,
)

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


def begun(algorithm, **changes):
    house = House()
    publish_public(house, CANARIES, GOOD_START)
    task = training_task(algorithm, **changes)
    house.publish(task)
    return house, task


# --- versions and the gate


def test_the_random_start_is_drawn_once_and_the_same_for_all_who_ask():
    house, _ = begun(averaging(start_micro=1_000_000))
    first, second = checkout_of(house, seed=1), checkout_of(house, seed=2)
    assert first.params["params"].tolist() == second.params["params"].tolist() != [0.0] * SIZE
    assert first.params["version"].tolist() == [0]


def test_a_version_says_what_it_was_made_of_its_parent_and_both_metrics():
    house, task = begun(averaging(canaries=CANARIES.hash))
    release = train(house, task, range(6))
    start, first = house.store.versions(task.hash)
    assert (start.number, start.state, start.metric) == (0, "published", 0.5)
    assert (first.number, first.parent, first.state, first.reports, first.release) == (1, 0, "published", 6, release.hash)
    assert first.metric > first.parent_metric == 0.5
    assert first.stderr > 0
    assert checkout_of(house).params["version"].tolist() == [1]
    assert release.guarantees[0].trust == "nobody"


def test_the_gate_never_publishes_a_version_that_is_clearly_worse_on_public_canaries():
    """The task starts from the truth; six reports at epsilon 8 and a large step make it worse."""
    house, task = begun(averaging(canaries=CANARIES.hash, start=GOOD_START.hash, rate_micro=100_000_000))
    before = checkout_of(house)
    row = train(house, task, range(6))
    assert (row.state, row.reports) == ("erased", 6)
    version = house.store.versions(task.hash)[-1]
    assert version.state == "refused"
    assert version.metric < version.parent_metric - 2 * version.stderr
    assert f"{version.metric:.4g}" in row.why
    assert f"{version.parent_metric:.4g}" in row.why
    assert house.store.releases()[0].kind in ("examples", "model"), "nothing was released"
    after = checkout_of(house)
    assert after.params["params"].tolist() == before.params["params"].tolist()
    assert (after.round, after.params["version"].tolist()) == (1, [0])
    assert not list(house.store.parts(row)), "the batch is spent"
    alarms = [house.ask("GET", f"/v1/models/{task.hash.hex()}").json()["alarm"]]
    train(house, task, range(6, 12))
    alarms.append(house.ask("GET", f"/v1/models/{task.hash.hex()}").json()["alarm"])
    assert alarms == [1, 2], "versions in a row that the gate refused"


def test_a_version_with_nan_is_refused_even_without_canaries(monkeypatch):
    house, task = begun(averaging())
    kind = ALGORITHMS["federated-averaging/1"]
    fold = kind.fold
    monkeypatch.setattr(kind, "fold", lambda *given: {**fold(*given), "params": np.full(SIZE, np.nan)})
    row = train(house, task, range(6))
    assert (row.state, row.why) == ("erased", "refused by the gate: a number in it is NaN or infinite")
    assert checkout_of(house).params["params"].tolist() == [0.0] * SIZE


def test_a_version_of_another_shape_is_refused(monkeypatch):
    house, task = begun(averaging())
    kind = ALGORITHMS["federated-averaging/1"]
    fold = kind.fold
    monkeypatch.setattr(kind, "fold", lambda *given: {**fold(*given), "served": np.zeros(SIZE + 1)})
    assert "shapes" in train(house, task, range(6)).why


@pytest.mark.parametrize("role", ["canaries", "start"])
def test_a_task_whose_public_data_is_missing_is_refused_with_the_remedy(role):
    house = House()
    task = training_task(averaging(**{role: CANARIES.hash}))
    assert "publish it first" in refused("conflict", lambda: house.publish(task))
    assert house.store.tasks() == ()


@pytest.mark.parametrize("params", [np.zeros(SIZE + 1), np.zeros((SIZE, 1)), np.zeros(SIZE, np.int64)])
def test_a_start_of_the_wrong_shape_or_type_is_refused(params):
    house = House()
    start = replace(GOOD_START, arrays={"params": params})
    publish_public(house, start)
    assert "model of shape [4]" in refused("conflict", lambda: house.publish(training_task(averaging(start=start.hash))))


def test_a_start_with_nan_is_not_even_a_message():
    house = House()
    start = replace(GOOD_START, arrays={"params": np.full(SIZE, np.nan)})
    assert "not finite" in refused("malformed-message", lambda: publish_public(house, start))


def test_a_warm_start_begins_from_the_public_release():
    house, _ = begun(averaging(start=GOOD_START.hash))
    assert checkout_of(house).params["params"].tolist() == TRUTH.tolist()


# --- roll-back


@pytest.mark.parametrize("memory", [True, False])
def test_a_roll_back_restores_an_earlier_version_whole(memory, tmp_path):
    house = House() if memory else House(SqliteServerStore(tmp_path / "store.sqlite"))
    publish_public(house, CANARIES)
    task = training_task(averaging(momentum_milli=900))
    house.publish(task)
    for first in (0, 6, 12):
        train(house, task, range(first, first + 6))
    one = house.store.versions(task.hash)[1]
    body = {"task": task.hash.hex(), "version": 1}
    assert house.ask("POST", "/v1/operator/rollback", json=body).status_code == 401
    answer = house.ask("POST", "/v1/operator/rollback", json=body, headers=AUTHORIZED)
    assert (answer.status_code, answer.json()["version"]) == (200, 1)
    assert checkout_of(house).params["params"].tolist() == params_of(house, one.release).tolist()
    assert checkout_of(house).params["version"].tolist() == [1]
    assert house.store.task(task.hash).state == house.store.unpublished(one.release), "with the optimizer's memory"
    model = house.ask("GET", f"/v1/models/{task.hash.hex()}").json()
    assert [(row["version"], row["state"]) for row in model["versions"]][:2] == [(3, "rolled back"), (2, "rolled back")]
    assert model["current"] == 1
    assert [row["detail"] for row in model["audit"]] == ["from version 3 to version 1"]
    assert train(house, task, range(20, 26)) is not None
    assert house.store.versions(task.hash)[4].parent == 1
    house.store.close()


def test_a_roll_back_to_the_start_gives_the_start_that_was_drawn():
    house, task = begun(averaging(start_micro=1_000_000))
    before = checkout_of(house).params["params"].tolist()
    train(house, task, range(6))
    roll_back(house.book, task.hash, 0, now=house.now)
    assert checkout_of(house).params["params"].tolist() == before


def test_a_roll_back_that_makes_no_sense_is_refused():
    house, task = begun(averaging(canaries=CANARIES.hash, start=GOOD_START.hash, rate_micro=100_000_000))
    train(house, task, range(6))
    for number, words in ((7, "no version 7"), (1, "was refused"), (0, "is the current one")):
        assert words in refused("conflict", lambda number=number: roll_back(house.book, task.hash, number, now=house.now))
    refused("unknown-task", lambda: roll_back(house.book, bytes(32), 0, now=house.now))
    for body in (b"", b"[]", b'{"task": "00", "version": 1}', b'{"task": "' + b"0" * 64 + b'", "version": true}', b"\xff"):
        answer = house.ask("POST", "/v1/operator/rollback", content=body, headers=AUTHORIZED)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:choral:problem:malformed-message")


def test_a_fold_that_a_roll_back_overtook_is_not_kept():
    house, task = begun(averaging())
    train(house, task, range(6))
    checkout = checkout_of(house)
    house.ingest(update(task, checkout, number) for number in range(6, 12))
    house.shuffle()

    class RollsBackMeanwhile:
        def __getattr__(self, name):
            return getattr(store, name)

        def finish_release(self, *arguments, **named):
            roll_back(TaskBook(store, NAMES), task.hash, 0, now=house.now)
            store.finish_release(*arguments, **named)

    store, house.store = house.store, RollsBackMeanwhile()
    with pytest.raises(LeaseLost, match="fold anew"):
        house.release()
    house.store, house.second = store, 200
    assert house.release() is not None
    assert house.store.versions(task.hash)[2].parent == 0


# --- deadlines and the chance


def test_a_cohort_that_never_fills_is_abandoned_at_its_deadline_and_the_next_chance_rises():
    house, task = begun(averaging(), chance=CHANCE_UNIT // 8)
    first = checkout_of(house)
    house.ingest(update(task, first, number) for number in range(2))
    house.second = 2 * HOUR - 1
    assert house.close() is None
    assert checkout_of(house).round == 0
    house.second = 2 * HOUR
    refused("unknown-task", lambda: checkout_of(house))
    row = house.close()
    assert (row.state, row.why, row.reports) == ("erased", BELOW_MINIMUM, 2)
    second = checkout_of(house)
    assert (second.round, second.chance) == (1, 2 * first.chance)
    (_, over) = house.ask("GET", f"/v1/tasks/{task.hash.hex()}/rounds").json()
    assert (over["life"], over["reports"], over["why"], over["chance"]) == ("abandoned", 2, BELOW_MINIMUM, 1 / 8)


def test_a_round_of_a_model_that_has_its_minimum_at_the_deadline_is_cut():
    house, task = begun(averaging())
    checkout = checkout_of(house)
    house.ingest(update(task, checkout, number) for number in range(3))
    assert house.shuffle() is None
    house.second = 2 * HOUR
    assert house.shuffle().legal == 3
    assert house.release().reports == 3


def test_a_round_that_nobody_joins_is_a_row_too_and_moves_on():
    house, task = begun(averaging(), chance=CHANCE_UNIT // 8)
    chances = []
    for number in range(4):
        house.second = number * 2 * HOUR
        house.close()
        chances.append(checkout_of(house).chance)
    assert chances == [CHANCE_UNIT >> 3, CHANCE_UNIT >> 2, CHANCE_UNIT >> 1, CHANCE_UNIT]
    assert [row.state for row in house.store.batches(task.hash)] == ["erased", "erased", "erased", "open"]


def test_a_task_that_asks_everyone_is_not_steered():
    house, _ = begun(averaging())
    checkout_of(house)
    house.second = 2 * HOUR
    house.close()
    assert checkout_of(house).chance == CHANCE_UNIT


def test_the_chance_of_a_round_stays_what_its_first_check_out_said(tmp_path):
    """A report that comes late into the round before changes the count, and no device's chance."""
    house = House(SqliteServerStore(tmp_path / "store.sqlite"))
    task = training_task(averaging(), advance="time", rounds_open=1, chance=CHANCE_UNIT // 8, goal=100)
    house.publish(task)
    checkout = checkout_of(house)
    house.second = HOUR
    chance = checkout_of(house).chance
    house.store.add([admit(house.book, update(task, checkout, 1), at(HOUR - 1))])
    assert house.store.batch(task.hash, 0).reports == 1
    assert checkout_of(house).chance == chance
    house.store.close()
    house.store = SqliteServerStore(tmp_path / "store.sqlite")
    assert checkout_of(house).chance == chance
    house.store.close()


# --- bad input


def test_a_report_by_a_stale_check_out_is_refused_as_closed_and_changes_nothing():
    house, task = begun(averaging())
    stale = checkout_of(house)
    train(house, task, range(6))
    detail = refused("round-closed", lambda: house.ingest([update(task, stale, 9)]))
    assert "takes no more reports" in detail
    train(house, task, range(10, 16))
    assert "round 0 is closed" in refused("round-closed", lambda: house.ingest([update(task, stale, 9)]))


def test_a_report_by_a_forged_check_out_is_refused():
    house, task = begun(averaging())
    checkout = checkout_of(house)
    assert "latest" in refused("round-unopened", lambda: house.ingest([update(task, replace(checkout, round=5), 1)]))
    other = replace(task, revision=9)
    refused("unknown-task", lambda: house.ingest([update(other, checkout, 1)]))


def test_illegal_payloads_and_duplicates_are_left_out_of_the_model():
    house, task = begun(averaging(), goal=9)
    checkout = checkout_of(house)
    honest = [update(task, checkout, number) for number in range(6)]
    illegal = [garbage_of(task, checkout, number) for number in range(3)]
    house.ingest([*honest, *honest, *illegal])
    batch = house.shuffle()
    assert (batch.reports, batch.legal, batch.dropped) == (9, 6, 3)
    clean = House()
    same = training_task(averaging())
    clean.publish(same)
    clean.ingest(update(same, checkout_of(clean), number) for number in range(6))
    clean.shuffle()
    assert house.release().arrays["params"] == pytest.approx(clean.release().arrays["params"])


def garbage_of(task, checkout, number):
    body = bytearray(update(task, checkout, number + 100))
    body[-1] ^= 1
    return bytes(body)


# --- late updates


@pytest.mark.parametrize("memory", [True, False])
def test_an_asynchronous_task_takes_late_updates_once_also_between_cut_and_fold(memory, tmp_path):
    house = House() if memory else House(SqliteServerStore(tmp_path / "store.sqlite"))
    task = training_task(buffered(), rounds_open=3)
    house.publish(task)
    first = checkout_of(house)
    early = [update(task, first, number) for number in range(6)]
    house.ingest(early)
    house.shuffle()
    refused("unknown-task", lambda: checkout_of(house))  # the next round asks with what this batch makes of the model
    late = update(task, first, 7)
    house.ingest([late, late, early[0]])
    assert (house.store.batch(task.hash, 0).reports, house.store.batch(task.hash, 1).reports) == (6, 1)
    house.release()
    house.second += 1
    assert (checkout_of(house).round, checkout_of(house).params["version"].tolist()) == (1, [1])
    house.ingest(update(task, checkout_of(house), number) for number in range(10, 15))
    assert house.shuffle().legal == 6, "the late one is unsealed with the others"
    house.ingest([late])
    assert house.store.batch(task.hash, 2) is None, "a replay after its batch was cut counts nothing"
    house.close()
    house.ingest([late])
    assert house.store.batch(task.hash, 2) is None, "nor once its payload has been shuffled"
    assert house.release().reports == 6
    house.store.close()


def test_a_round_that_a_late_update_begins_is_steered_by_its_first_check_out():
    house, task = begun(buffered(), rounds_open=2, goal=100, chance=CHANCE_UNIT // 8)
    first = checkout_of(house)
    house.ingest(update(task, first, number) for number in range(3))
    house.second = 2 * HOUR
    house.close()  # with its minimum, far from its goal
    house.shuffle()
    house.ingest([update(task, first, 7)])
    assert house.store.batch(task.hash, 1).reports == 1, "its row is there before anyone asked for a check-out"
    house.release()
    closes = house.store.batch(task.hash, 1).closes
    house.second += 60
    assert (checkout_of(house).issued, checkout_of(house).valid_until) == (START + house.second, closes)
    assert checkout_of(house).chance > task.chance
    assert house.store.batch(task.hash, 1).chance == checkout_of(house).chance


def test_ids_of_late_updates_are_kept_until_no_open_round_would_take_them():
    house, task = begun(buffered(), rounds_open=3)
    first = checkout_of(house)
    bodies = [update(task, first, number) for number in range(6)]
    house.ingest(bodies)
    house.shuffle()
    house.release()
    for number in range(1, 4):
        house.second += 1
        house.close()
        house.ingest(update(task, checkout_of(house), 10 * number + one) for one in range(6))
        house.shuffle()
        house.release()
        if number < 2:
            house.ingest(bodies)
            assert house.store.batch(task.hash, number + 1) is None
    house.close()
    refused("round-closed", lambda: house.ingest(bodies))
    assert house.store.forget_ids(START + house.second) == 0


# --- batches of one


@pytest.mark.parametrize("memory", [True, False])
def test_each_report_of_a_streaming_task_is_folded_once_and_a_round_is_a_version(memory, tmp_path):
    house = House() if memory else House(SqliteServerStore(tmp_path / "store.sqlite"))
    task, _ = streaming_task()
    house.publish(task)
    bodies = [update(task, checkout_of(house, seed=number), number) for number in range(8)]
    house.ingest(bodies[:5])
    row = stream(house)
    assert (row.state, row.legal, row.waiting) == ("open", 5, 0)
    house.ingest([*bodies, garbage_of(task, checkout_of(house), 1)])
    row = stream(house)
    assert (row.legal, row.dropped, row.reports) == (8, 1, 9)
    assert stream(house) is None
    assert house.shuffle() is None
    assert house.store.task(task.hash).revision == 3, "the start and two steps"
    assert house.release() is None, "the round is open"
    house.second = 120
    release = house.release()
    assert (release.reports, release.arrays["params"].shape) == (8, (SIZE,))
    version = house.store.versions(task.hash)[1]
    assert (version.parent, version.release) == (0, release.hash)
    assert house.store.batch(task.hash, 0).state == "released"
    assert house.release() is None
    assert not [body for _, body in house.store.waiting(row, 10)]
    house.store.close()


@pytest.mark.parametrize(("metric", "passes"), [(0.885, True), (0.875, False), (np.nan, False)])
def test_a_stream_whose_round_did_worse_than_chance_explains_is_not_published_and_taken_back(metric, passes, monkeypatch):
    """The canaries say 0.9 of the start, with a standard error of 0.01, and `metric` of whatever came of it."""
    house = House()
    publish_public(house, CANARIES)
    task, _ = streaming_task(canaries=CANARIES.hash)
    house.publish(task)
    verdicts = iter([(0.9, 0.01), (metric, 0.01), (0.9, 0.01)])
    monkeypatch.setattr(ALGORITHMS["draw-and-discard/2"], "judge", lambda *_: next(verdicts))
    house.ingest(update(task, checkout_of(house, seed=number), number) for number in range(8))
    start = house.store.version_state(task.hash, 0)
    stream(house)
    house.second = 120
    row = house.release()
    one = house.store.versions(task.hash)[1]
    assert (one.state, house.store.task(task.hash).version) == (("published", 1) if passes else ("refused", 0))
    assert (house.store.task(task.hash).state == start) is not passes
    if not passes:
        assert (row.state, row.legal) == ("erased", 8)
        assert "refused by the gate: " in row.why


def test_what_a_version_is_compared_with_is_the_best_one_so_that_nothing_creeps_down(monkeypatch):
    """Each is within the error of the one before; the third is not within that of the first. A roll-back forgets the best."""
    house, task = begun(averaging(canaries=CANARIES.hash))
    metrics = iter([0.9, 0.885, 0.9, 0.87, 0.885, 0.95, 0.885, 0.94, 0.95])
    monkeypatch.setattr(ALGORITHMS["federated-averaging/1"], "judge", lambda *_: (next(metrics), 0.01))
    for number in range(3):
        train(house, task, range(10 * number, 10 * number + 6))
    assert [one.state for one in house.store.versions(task.hash)] == ["published", "published", "refused", "published"]
    assert "2 standard errors below the best version's 0.9" in house.store.versions(task.hash)[2].why
    train(house, task, range(40, 46))
    roll_back(house.book, task.hash, 1, now=house.now)
    monkeypatch.setattr(ALGORITHMS["federated-averaging/1"], "judge", lambda *_: (0.885, 0.01))
    train(house, task, range(50, 56))
    assert [one.state for one in house.store.versions(task.hash)][3:] == ["rolled back", "rolled back", "published"]


@dataclass
class ChangesMeanwhile(MemoryServerStore):
    """A store in which somebody else changes the task's state just before a fold is kept, `times` times."""

    times: int = 1

    def finish_stream(self, batch, ids, **named):
        if self.times:
            self.times -= 1
            task = self._tables.tasks[batch.task]
            self._tables.tasks[batch.task] = replace(task, revision=task.revision + 1)
        super().finish_stream(batch, ids, **named)


def test_a_fold_between_which_the_state_changed_is_made_anew_at_once():
    for times, works in ((1, True), (3, True), (4, False)):
        house = House(ChangesMeanwhile(times=times))
        task, _ = streaming_task()
        house.publish(task)
        house.ingest([update(task, checkout_of(house, seed=number), number) for number in range(4)])
        if works:
            assert (stream(house).legal, stream(house)) == (4, None)
        else:
            with pytest.raises(LeaseLost, match="fold anew"):
                stream(house)


def test_a_version_of_a_stream_tells_the_reports_that_it_has_and_a_round_with_nothing_new_makes_none():
    """Reports of the next round are folded before this one ends: they are in its version, and in no second one."""
    house = House()
    task, _ = streaming_task()
    house.publish(task)
    house.ingest(update(task, checkout_of(house, seed=number), number) for number in range(3))
    house.second = 60
    house.ingest(update(task, checkout_of(house, seed=number), number) for number in range(3, 7))
    assert sum(stream(house).legal for _ in range(2)) == 7
    house.second = 120
    assert house.release().reports == 7
    house.second = 180
    passed = house.release()
    assert (passed.state, passed.legal, passed.why) == ("erased", 4, NOTHING_NEW)
    assert [(one.number, one.reports) for one in house.store.versions(task.hash)] == [(0, 0), (1, 7)]
    house.ingest([update(task, checkout_of(house), 9)])
    stream(house)
    house.second = 400
    assert house.release().reports == 1


def test_a_stream_needs_a_task_that_promises_no_batch():
    for changes in ({"goal": 2}, {"minimum": 2, "goal": 2}, {"delay_seconds": 60}, {"advance": "release"}):
        task, _ = streaming_task(**changes)
        refused("conflict", lambda task=task: House().publish(task))


def test_the_chance_of_a_stream_stays_what_its_task_says():
    house = House()
    task, _ = streaming_task(chance=CHANCE_UNIT // 4)
    house.publish(task)
    house.ingest(update(task, checkout_of(house, seed=number), number) for number in range(9))
    stream(house)
    house.second = 180
    house.release()
    assert checkout_of(house).chance == CHANCE_UNIT // 4


def test_a_stream_hands_out_another_draw_at_each_request_and_no_cache_keeps_it():
    house = House()
    task, _ = streaming_task()
    house.publish(task)
    counter = Counter.of(house.book, SERVER, SeededEntropy(5))
    drawn = {counter.answer("links", house.now)[0] for _ in range(40)}
    assert len(drawn) == 4, "one of the four instances at a time"
    coded = {counter.answer("links", house.now, compressed=True)[0] for _ in range(40)}
    assert {expand(one, 2**16) for one in coded} == drawn
    assert len({len(one) for one in coded}) == 1, "the length does not tell which"
    assert house.ask("GET", "/v1/checkouts/links").headers["cache-control"] == "no-store"


def test_the_bundle_is_encoded_once_a_round():
    house, task = begun(averaging())
    counter = Counter.of(house.book, SERVER, SeededEntropy(5))
    first, age = counter.answer("links", house.now)
    assert (counter.answer("links", house.now)[0] is first, age) == (True, 60)
    house.second = 59
    assert counter.answer("links", house.now) == (first, 1)
    house.second = 60
    assert counter.answer("links", house.now) == (first, 60)
    train(house, task, range(6))
    assert counter.answer("links", house.now)[0] != first


# --- a restart


@pytest.mark.parametrize("moment", ["before the cut", "between cut and fold", "between shuffle and release"])
def test_a_round_goes_on_where_it_was_when_the_server_was_killed(moment, tmp_path):
    house = House(SqliteServerStore(tmp_path / "store.sqlite"))
    task = training_task(averaging())
    house.publish(task)
    checkout = checkout_of(house)
    house.ingest(update(task, checkout, number) for number in range(6))
    if moment == "between cut and fold":
        assert house.store.lease("shuffle", now=START, until=START + 120).state == "cut"
    if moment == "between shuffle and release":
        house.shuffle()
    house.store = SqliteServerStore(tmp_path / "store.sqlite")  # nothing was closed: the process was killed
    house.second = 200
    while house.shuffle() or house.release():
        pass
    assert [row.number for row in house.store.versions(task.hash)] == [0, 1]
    assert checkout_of(house).round == 1
    house.store.close()


def test_a_kill_between_two_steps_of_a_stream_loses_and_doubles_nothing(tmp_path):
    house = House(SqliteServerStore(tmp_path / "store.sqlite"))
    task, _ = streaming_task()
    house.publish(task)
    house.ingest(update(task, checkout_of(house, seed=number), number) for number in range(6))
    assert house.store.lease("stream", now=START, until=START + 30).waiting == 6
    house.store = SqliteServerStore(tmp_path / "store.sqlite")
    house.second = 31
    row = stream(house)
    assert (row.legal, row.dropped, row.waiting) == (6, 0, 0)
    house.store.close()


# --- what is shown


def test_a_model_is_shown_with_lineage_errors_and_guarantees_as_json_and_csv():
    house, task = begun(averaging(canaries=CANARIES.hash))
    train(house, task, range(6))
    model = house.ask("GET", f"/v1/models/{task.hash.hex()}").json()
    assert (model["metric"], model["current"], model["guarantees"][0]["trust"]) == ("AUC", 1, "nobody")
    first = model["versions"][0]
    assert (first["version"], first["parent"], first["reports"], first["state"]) == (1, 0, 6, "published")
    assert first["figures"]["noise"] > 0
    lines = house.ask("GET", f"/v1/models/{task.hash.hex()}.csv").text.split("\r\n")
    assert lines[0].startswith("version,parent,state,metric,stderr")
    assert [line.split(",")[0] for line in lines[1:3]] == ["0", "1"]
    assert house.ask("GET", "/v1/models/" + "0" * 64).status_code == 404
    (row,) = [row for row in house.ask("GET", f"/v1/tasks/{task.hash.hex()}/rounds").json() if row["round"] == 0]
    assert (row["life"], row["release"]) == ("published", first["release"])
