"""A check-out is the same for all and fixed for its round; `/v1/openings` tells everyone the very same, in one document."""

from itertools import pairwise

import numpy as np
import pytest

from choral.learning.draw_and_discard import DrawAndDiscard
from choral.numerics import SeededEntropy
from choral.protocol import decode, open_checkout, verify
from choral.protocol.coding import expand
from choral.protocol.messages import Bundle, Opening, Openings, question_of
from choral.protocol.task import CHANCE_UNIT, NOBODY
from choral.server.checkout import Counter
from choral.server.versions import roll_back
from choral.storage import MemoryServerStore, SqliteServerStore
from choral.storage.server_postgres import PostgresServerStore
from tests.server.house import DAY, SERVER, START, House, make_task
from tests.server.training import (
    CANARIES,
    HOUR,
    OPERATORS,
    averaging,
    buffered,
    checkout_of,
    publish_public,
    refused,
    stream,
    streaming_task,
    train,
    training_task,
    update,
)

SERVER_KEY = SERVER.public_key().public_bytes_raw()


def openings_of(house, seed=1):
    """By task, what everyone is told; each is signed by the server."""
    body, _ = Counter.of(house.book, SERVER, SeededEntropy(seed)).openings(house.now)
    found = [verify(one, Opening, SERVER_KEY) for one in decode(body, Openings).items]
    return {one.task: one for one in found}


def require_told(house, signal="links"):
    """The check-out, which must say what is told of it."""
    bundle = Counter.of(house.book, SERVER, SeededEntropy(2)).bundle(signal, house.now)
    for signed in bundle.items:
        task, checkout = open_checkout(signed, OPERATORS)
        told = openings_of(house)[task.hash]
        for name in ("round", "chance", "issued", "valid_until"):
            assert getattr(told, name) == getattr(checkout, name)
        if task.algorithm.name == DrawAndDiscard.NAME:
            reach = task.algorithm.build({DrawAndDiscard.NAME: DrawAndDiscard}).drawn_within
            assert told.question == NOBODY
            assert told.around["version"].tolist() == checkout.params["version"].tolist()
            assert np.abs(checkout.params["params"].astype(float) - told.around["params"]).max() <= reach
        else:
            assert (told.question, dict(told.around)) == (question_of(checkout.params), {})
    return checkout


# --- what is told


def test_all_open_rounds_are_told_in_one_document_whatever_their_signals():
    house = House()
    tasks = [make_task(), make_task(signal="another"), training_task(averaging()), streaming_task()[0]]
    for task in tasks:
        house.publish(task)
    house.publish(make_task(signal="later", start=START + DAY))
    house.publish(make_task(signal="over", expires=START + 30))
    house.second = 30
    assert openings_of(house).keys() == {task.hash for task in tasks}
    for signal in ("emoji", "another", "links"):
        require_told(house, signal)


def test_nothing_open_is_an_empty_document():
    house = House()
    answer = house.ask("GET", "/v1/openings")
    assert (answer.status_code, decode(answer.content, Openings).items) == (200, ())
    house.publish(make_task(start=START + 1))
    assert openings_of(house) == {}


def test_a_request_gets_the_coding_it_asks_for_and_a_cache_may_keep_the_answer_for_a_minute_of_the_round():
    house = House(second=DAY - 45)
    house.publish(make_task(start=START - 15))
    plain = house.ask("GET", "/v1/openings", headers={"Accept-Encoding": "identity"})
    coded = house.ask("GET", "/v1/openings", headers={"Accept-Encoding": "choral-2"})
    assert expand(coded.content, 2**20) == plain.content
    assert len(coded.content) < len(plain.content)
    assert coded.headers["content-encoding"] == "choral-2"
    for answer in (plain, coded, house.ask("GET", "/v1/checkouts/emoji")):
        assert answer.headers["cache-control"] == "public, max-age=30", "the round ends in half a minute"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"] == "application/octet-stream"
    assert "/v1/openings" in house.ask("GET", "/openapi.json").json()["paths"]


# --- rounds by time


def test_a_round_by_time_has_its_dates_by_arithmetic_whenever_it_is_asked_for():
    house = House()
    task = make_task(start=START + 17, expires=START + 17 + 5 * HOUR // 2, round_seconds=HOUR, rounds_open=3)
    house.publish(task)
    for second in (17, 18, 17 + HOUR - 1, 17 + HOUR, 17 + 2 * HOUR, 16 + 5 * HOUR // 2):
        house.second = second
        checkout = require_told(house, "emoji")
        number = (second - 17) // HOUR
        assert (checkout.round, checkout.issued) == (number, task.start + number * HOUR)
        assert checkout.valid_until == min(task.expires, task.start + (number + 1) * HOUR)
    house.second = 17 + 5 * HOUR // 2
    assert openings_of(house) == {}


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
def test_what_a_round_asks_survives_releases_roll_backs_restarts_and_other_processes(kind, tmp_path, request):
    """Two processes on one store, one of them begun anew, while the batch of the round before becomes a version."""
    if kind == "memory":
        store = MemoryServerStore()
        stores = [store, store, store]
    elif kind == "sqlite":
        stores = [SqliteServerStore(tmp_path / "store.sqlite") for _ in range(3)]
    else:
        postgres = request.getfixturevalue("postgres")
        schema = postgres.schema()
        stores = [PostgresServerStore(postgres.url, schema=schema) for _ in range(3)]
    houses = [House(store) for store in stores]
    one, other, late = houses
    publish_public(one, CANARIES)
    task = training_task(averaging(canaries=CANARIES.hash), advance="time", chance=CHANCE_UNIT // 2)
    one.publish(task)
    checkout = require_told(one)
    one.ingest(update(task, checkout, number) for number in range(6))
    for house in houses:
        house.second = HOUR
    first = require_told(other)
    assert first.params["version"].tolist() == [0]
    one.shuffle()
    assert one.release() is not None, "the round before is folded while this one is open"
    assert [require_told(house).params["version"].tolist() for house in houses] == [[0]] * 3
    roll_back(one.book, task.hash, 0, now=one.now)
    roll_back(one.book, task.hash, 1, now=one.now)
    for house in houses:
        house.second = 2 * HOUR - 1
        assert checkout_of(house).params["params"].tolist() == first.params["params"].tolist()
        assert openings_of(house) == openings_of(one)
        found = checkout_of(house)
        assert (found.round, found.chance, found.issued) == (1, first.chance, first.issued)
    for house in houses:
        house.second = 2 * HOUR
    assert require_told(late).params["version"].tolist() == [1], "the change shows with the next round"
    for store in dict.fromkeys(map(id, stores)):
        next(one for one in stores if id(one) == store).close()


# --- rounds by release


def test_a_round_by_release_opens_on_a_whole_minute_and_ends_when_its_batch_closes():
    house = House(second=90.5)
    task = training_task(averaging(), start=START + 70, expires=START + 2 * HOUR)
    house.publish(task)
    first = require_told(house)
    assert (first.round, first.issued, first.valid_until) == (0, START + 70, START + 2 * HOUR), "not before its start"
    house.second = HOUR + 61
    assert require_told(house).issued == first.issued
    house.ingest(update(task, first, number) for number in range(6))
    house.shuffle()
    house.release()
    second = require_told(house)
    assert (second.round, second.issued, second.valid_until) == (1, START + HOUR + 60, task.expires)
    other = House(second=90)
    task = training_task(averaging())
    other.publish(task)
    checkout = require_told(other)
    assert (checkout.issued, checkout.valid_until) == (START + 60, START + 60 + 2 * HOUR)


def test_no_round_is_higher_than_the_task_allows_since_its_start():
    house = House()
    task = training_task(averaging(), least_seconds=600)
    house.publish(task)
    train(house, task, range(6))
    for second in (1, 599):
        house.second = second
        refused("unknown-task", lambda: checkout_of(house))
        assert openings_of(house) == {}
    house.second = 600
    assert require_told(house).round == 1
    train(house, task, range(6, 12))
    house.second = 5_000
    assert require_told(house).round == 2, "who was slow may be quick later"
    train(house, task, range(12, 18))
    assert require_told(house).round == 3


@pytest.mark.parametrize("algorithm", [averaging(), buffered()])
def test_a_roll_back_while_a_round_is_open_shows_with_the_next_round(algorithm):
    house = House()
    task = training_task(algorithm)
    house.publish(task)
    train(house, task, range(6))
    before = require_told(house)
    assert before.params["version"].tolist() == [1]
    roll_back(house.book, task.hash, 0, now=house.now)
    assert checkout_of(house).params["version"].tolist() == [1]
    assert require_told(house).params["params"].tolist() == before.params["params"].tolist()
    train(house, task, range(6, 12))
    assert house.store.versions(task.hash)[2].parent == 0, "folded into the version that is current"
    assert require_told(house).params["version"].tolist() == [2]


def test_a_roll_back_between_two_rounds_shows_at_once():
    house = House()
    task = training_task(averaging())
    house.publish(task)
    train(house, task, range(6))
    roll_back(house.book, task.hash, 0, now=house.now)
    assert require_told(house).params["version"].tolist() == [0]


def test_a_round_that_another_process_cuts_while_this_one_opens_it_is_not_offered():
    class EndsMeanwhile(MemoryServerStore):
        def open_round(self, slot, *said):
            super().open_round(slot, *said)
            self.erase_due(slot.closes)
            return super().open_round(slot, *said)

    house = House(EndsMeanwhile())
    house.publish(training_task(averaging()))
    refused("unknown-task", lambda: checkout_of(house))
    assert openings_of(house) == {}


# --- streams


def test_what_is_drawn_changes_within_a_round_and_what_it_lies_around_does_not():
    house = House()
    task, _ = streaming_task(round_seconds=HOUR)
    house.publish(task)
    told = openings_of(house)[task.hash]
    for turn in range(20):
        bodies = [update(task, checkout_of(house, seed=100 * turn + one), 100 * turn + one) for one in range(20)]
        house.ingest(bodies)
        stream(house, seed=turn)
        for _ in range(3):
            require_told(house)
        assert openings_of(house, seed=turn)[task.hash].around["params"].tolist() == told.around["params"].tolist()
    assert house.store.batch(task.hash, 0).legal > 300
    house.second = HOUR
    assert openings_of(house)[task.hash].around["params"].tolist() != told.around["params"].tolist()


def test_an_instance_that_walked_too_far_is_cut_at_the_distance_that_devices_accept(monkeypatch):
    house = House()
    task, _ = streaming_task(round_seconds=HOUR)
    house.publish(task)
    told = openings_of(house)[task.hash]
    algorithm = task.algorithm.build({DrawAndDiscard.NAME: DrawAndDiscard})
    far = {"params": told.around["params"] + np.float32(100) * np.array([1, -1, 0, 0], np.float32)}
    monkeypatch.setattr(DrawAndDiscard, "check_out", lambda *_: far)
    moved = require_told(house).params["params"].astype(float) - told.around["params"]
    reach = algorithm.drawn_within
    assert moved == pytest.approx(reach * np.array([1, -1, 0, 0]), rel=1e-3)


def test_two_rounds_never_share_an_opening():
    house = House()
    task, _ = streaming_task()
    house.publish(task)
    seen = []
    for second in range(0, 600, 20):
        house.second = second
        seen.append(openings_of(house, seed=second)[task.hash])
    rounds = [one.round for one in seen]
    assert rounds == [second // 60 for second in range(0, 600, 20)]
    for one, next_ in pairwise(seen):
        assert (one.issued == next_.issued) == (one.round == next_.round)


def test_the_document_is_the_same_for_everyone_who_asks_in_a_round():
    house = House()
    house.publish(training_task(averaging()))
    house.publish(streaming_task(signal="stream")[0])
    bodies = {Counter.of(house.book, SERVER, SeededEntropy(seed)).openings(house.now)[0] for seed in range(5)}
    assert len(bodies) == 1
    bundles = {bytes(Counter.of(house.book, SERVER, SeededEntropy(seed)).answer("links", house.now)[0]) for seed in range(5)}
    assert len(bundles) == 1
    assert len(decode(bundles.pop(), Bundle).items) == 1
