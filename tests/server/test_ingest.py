"""The upload road: what is taken, what is refused, and what is forgotten on the way."""

import asyncio
import json
import logging
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.errors import PeerError, StoreError
from choral.protocol import PROBLEMS, Report
from choral.server import Intake, ingest
from choral.server import upload as upload_module
from choral.server.ingest import admit
from choral.storage import MemoryServerStore, SqliteServerStore, StorageFull
from tests.server.house import DAY, House, garbage, make_task, report

UPLOAD = "/v1/reports"


@pytest.fixture
def house():
    found = House()
    found.publish(make_task())
    return found


def problem(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    return document["type"].removeprefix("urn:choral:problem:")


def test_a_report_and_its_duplicate_get_the_same_answer_and_count_once(house):
    body = report(make_task(), 1)
    first, second = (house.ask("POST", UPLOAD, content=body) for _ in range(2))
    assert (first.status_code, first.headers, first.content) == (second.status_code, second.headers, second.content)
    assert (first.status_code, first.content) == (204, b"")
    assert house.store.batch(make_task().hash, 0).reports == 1


@pytest.mark.parametrize(
    ("name", "second", "change"),
    [
        ("wrong-size", 0, lambda body: body[:-1]),
        ("wrong-size", 0, lambda body: b""),
        ("wrong-size", 0, lambda body: body + bytes(2_048 - 256)),  # a size of reports, but not of this task's
        ("too-large", 0, lambda body: bytes(65_537)),
        ("malformed-message", 0, lambda body: b"\2" + body[1:]),
        ("unknown-task", 0, lambda body: body[:2] + bytes(32) + body[34:]),
        ("round-unopened", -1, lambda body: body),
        ("round-unopened", 0, lambda body: body[:34] + b"\1\0\0\0" + body[38:]),
        ("round-closed", 2 * DAY, lambda body: body),
        ("task-expired", 10 * DAY, lambda body: body),
    ],
)
def test_what_is_not_a_report_of_an_open_round_is_refused_and_nothing_is_kept(house, name, second, change):
    house.second = second
    answer = house.ask("POST", UPLOAD, content=change(report(make_task(), 1)))
    assert problem(answer) == name
    assert answer.status_code == PROBLEMS[name].status
    assert house.store.batches(make_task().hash) == ()


def test_a_round_takes_reports_until_the_last_second_that_it_is_open(house):
    house.second = 2 * DAY - 1
    assert house.ask("POST", UPLOAD, content=report(make_task(), 1, round_=0)).status_code == 204
    assert house.ask("POST", UPLOAD, content=report(make_task(), 1, round_=1)).status_code == 204
    house.second = 2 * DAY
    assert problem(house.ask("POST", UPLOAD, content=report(make_task(), 2, round_=0))) == "round-closed"


def test_a_compressed_body_is_refused(house):
    answer = house.ask("POST", UPLOAD, content=bytes(256), headers={"Content-Encoding": "gzip"})
    assert problem(answer) == "malformed-message"


def test_reports_are_sent_with_post(house):
    answer = house.ask("GET", UPLOAD)
    assert (answer.status_code, answer.headers["allow"], problem(answer)) == (405, "POST", "wrong-method")


def test_a_report_counts_once_also_when_replayed_after_its_batch():
    house = House()
    task = make_task(goal=4)
    house.publish(task)
    bodies = [report(task, number) for number in range(4)]
    house.ingest(bodies)
    house.shuffle()
    for state in ("shuffled", "released"):
        assert house.ask("POST", UPLOAD, content=bodies[0]).status_code == 204, "known while its round is open"
        assert problem(house.ask("POST", UPLOAD, content=report(task, 99))) == "round-closed"
        assert house.store.batch(task.hash, 0).state == state
        house.release()
    house.close()
    assert house.ask("POST", UPLOAD, content=bodies[0]).status_code == 204
    house.second = 2 * DAY
    house.close()
    assert problem(house.ask("POST", UPLOAD, content=bodies[0])) == "round-closed"
    assert house.store.batch(task.hash, 0).reports == 4
    assert [row.reports for row in house.store.releases()] == [4]


def test_a_replay_before_the_shuffle_adds_nothing_to_the_release():
    house = House()
    task = make_task(goal=4)
    house.publish(task)
    bodies = [report(task, number, category=number) for number in range(4)]
    house.ingest(bodies * 3)
    assert house.shuffle().legal == 4
    assert house.release().reports == 4


def test_address_and_headers_are_never_stored_or_logged(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    house = House(SqliteServerStore(tmp_path / "store.sqlite"))
    task = make_task()
    house.publish(task)
    headers = {"User-Agent": "canary-agent", "X-Forwarded-For": "198.51.100.9", "Cookie": "canary-cookie"}
    body = report(task, 1)
    assert house.ask("POST", UPLOAD, content=body, headers=headers).status_code == 204
    assert house.ask("POST", UPLOAD, content=body[:-1], headers=headers).status_code == 400
    house.store.close()
    written = b"".join(path.read_bytes() for path in Path(tmp_path).iterdir()) + _ours(caplog.records).encode()
    for canary in (b"canary", b"198.51.100.9", b"203.0.113.7", b"4711"):
        assert canary not in written
    assert body[38:] not in _ours(caplog.records).encode()


def _ours(records):
    return json.dumps([str(vars(record)) for record in records if record.name.startswith(("choral", "uvicorn"))])


class Slow:
    """A store whose `add` waits for the test."""

    def __init__(self, store, failure=None):
        self._store, self.may_go, self.calls, self.failure = store, threading.Event(), [], failure

    def __getattr__(self, name):
        return getattr(self._store, name)

    def add(self, arrivals):
        self.calls.append(len(arrivals))
        assert self.may_go.wait(10)
        if self.failure:
            raise self.failure
        return self._store.add(arrivals)


def arrivals(count):
    house = House(MemoryServerStore())
    task = make_task()
    house.publish(task)
    return house, [admit(house.book, garbage(task, number), house.now) for number in range(count)]


def test_reports_that_wait_for_the_disk_are_kept_together_and_answered_after_the_commit():
    house, made = arrivals(20)
    slow = Slow(house.store)

    async def run():
        intake = Intake(slow)
        waiting = [asyncio.create_task(intake.keep(arrival)) for arrival in made]
        await asyncio.sleep(0.1)
        assert not any(task.done() for task in waiting), "nothing is acknowledged before the commit"
        slow.may_go.set()
        await asyncio.gather(*waiting)
        await intake.close()

    asyncio.run(run())
    assert slow.calls == [20]


def test_too_many_waiting_reports_are_refused_as_overloaded_and_the_rest_is_kept():
    house, made = arrivals(20)
    slow = Slow(house.store)

    async def run():
        intake = Intake(slow, most_waiting=5)
        waiting = [asyncio.create_task(intake.keep(arrival)) for arrival in made]
        await asyncio.sleep(0.1)
        slow.may_go.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        await intake.close()
        return results

    results = asyncio.run(run())
    refused = [one for one in results if one is not None]
    assert {one.problem for one in refused} == {"overloaded"}
    assert house.store.batch(made[0].slot.task, 0).reports == 20 - len(refused) == 5


@pytest.mark.parametrize("failure", [StorageFull("full"), StoreError("broken")])
def test_a_report_that_the_disk_refused_is_not_acknowledged_and_the_next_one_can_be(failure):
    house, made = arrivals(2)
    slow = Slow(house.store, failure)
    slow.may_go.set()

    async def run():
        intake = Intake(slow)
        with pytest.raises(type(failure)):
            await intake.keep(made[0])
        slow.failure = None
        await intake.keep(made[1])
        await intake.close()

    asyncio.run(run())
    assert house.store.batch(made[0].slot.task, 0).reports == 1


def test_a_server_that_stops_acknowledges_nothing_that_it_did_not_keep():
    house, made = arrivals(1)
    slow = Slow(house.store)

    async def run():
        intake = Intake(slow)
        waiting = asyncio.create_task(intake.keep(made[0]))
        await asyncio.sleep(0.05)
        intake._drain.cancel()
        await asyncio.sleep(0.05)
        slow.may_go.set()
        with pytest.raises(PeerError):
            await waiting

    asyncio.run(run())


async def _talk(app, headers, messages):
    """One upload whose body comes in these pieces; the status, and how many pieces were read."""
    left, sent = list(messages), []

    async def receive():
        return left.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": UPLOAD, "headers": headers, "client": ("203.0.113.7", 1)}
    await app(scope, receive, send)
    return (sent[0]["status"] if sent else None), len(messages) - len(left)


def pieces(*bodies):
    return [{"type": "http.request", "body": body, "more_body": n < len(bodies)} for n, body in enumerate(bodies, 1)]


def test_an_announced_size_is_judged_before_a_byte_of_the_body_is_read(house):
    for size, status in ((65_537, 413), (10**12, 413), (255, 400), (0, 400)):
        headers = [(b"content-length", str(size).encode())]
        assert asyncio.run(_talk(house.application(), headers, pieces(b"x" * 100))) == (status, 0)
    for nonsense in (b"-1", b"1e3", b"", "²".encode(), b"9" * 40):
        assert asyncio.run(_talk(house.application(), [(b"content-length", nonsense)], pieces(b"x"))) == (400, 0)


def test_a_body_in_pieces_is_put_together_and_never_read_beyond_the_largest_report(house):
    body = report(make_task(), 1)
    assert asyncio.run(_talk(house.application(), [], pieces(*(body[n : n + 1] for n in range(256))))) == (204, 256)
    assert asyncio.run(_talk(house.application(), [], pieces(*[bytes(2**14)] * 100))) == (413, 5)


def test_a_body_that_trickles_is_given_up_and_may_be_sent_again(house, monkeypatch):
    monkeypatch.setattr(upload_module, "BODY_SECONDS", 0.05)
    sent = []

    async def run():
        async def receive():
            await asyncio.sleep(60)

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": UPLOAD, "headers": [(b"content-length", b"256")]}
        await house.application()(scope, receive, send)

    asyncio.run(run())
    assert sent[0]["status"] == 503
    assert PROBLEMS["unavailable"].retry
    assert (b"connection", b"close") in sent[0]["headers"]


def test_a_client_that_leaves_gets_no_answer_and_leaves_no_report(house):
    messages = [*pieces(b"\1\10", b"")[:1], {"type": "http.disconnect"}]
    assert asyncio.run(_talk(house.application(), [], messages)) == (None, 2)
    assert house.store.batches(make_task().hash) == ()


TASK = make_task()
HOUSE = House()
HOUSE.publish(TASK)


@given(st.binary(max_size=300) | st.binary(min_size=256, max_size=256))
def test_any_bytes_are_a_report_or_a_known_problem(body):
    _taken_or_refused(body)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**32 - 1))
def test_any_change_of_a_report_is_a_report_or_a_known_problem(position, value, round_):
    body = bytearray(Report(TASK.hash, round_ % 3, bytes(218)).to_bytes())
    body[position] = value
    _taken_or_refused(bytes(body))


def _taken_or_refused(body):
    before = HOUSE.store.batches(TASK.hash)
    refusal = None
    try:
        ingest(HOUSE.book, body, HOUSE.now)
    except PeerError as error:
        refusal = error.problem
    if refusal is None:
        assert Report.from_bytes(body).to_bytes() == body
    else:
        assert refusal in PROBLEMS
        assert HOUSE.store.batches(TASK.hash) == before
