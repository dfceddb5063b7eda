"""A device's two roads, over real sockets: what it says to the catalogue service and what to the report server have nothing
in common by which one could tell that both are the same person.

Every byte and every connection of both is recorded, for two people. What occurs on both roads must be a constant of the
program: the same for both people and for any other.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from choral.apps.stickers.device.messages import Candidates, Preference
from choral.apps.stickers.device.personal import CANDIDATES, PREFERENCE, HttpAccount
from choral.apps.stickers.service import learn_once, load
from choral.device import Agent, Budget, Conditions, Event, Signal
from choral.device.http import HttpTransport
from choral.numerics import SystemEntropy
from choral.protocol import decode
from choral.storage.device_memory import MemoryDeviceStore
from tests.apps.recorded_roads import Connection, recorded
from tests.apps.test_stickers_service import Service, themed_logs
from tests.server.house import NAMES, OPERATOR, RESPONSE, House, make_task

PIECE = 8  # bytes: a value worth joining on is longer, and chance repeats none in so little traffic
DAY = 86_400
READY = Conditions(idle=True, charging=True, unmetered=True)


def examples(events):
    return {"category": np.array([int(event.data["sticker"]) % RESPONSE.domain for event in events] or [0])}


SIGNAL = Signal("stickers.rank", frozenset({"stickers.chosen"}), examples, 3, immediate=True)


class Person:
    """One device with both roads: an account at the service, an agent for the server. Records its traffic."""

    def __init__(self, catalogue, reports, token):
        self.account, self.catalogue, self.reports = HttpAccount(catalogue.url, token), catalogue, reports
        self.token = token
        self.agent = Agent(
            store=MemoryDeviceStore(),
            signals=(SIGNAL,),
            names=NAMES,
            operators=frozenset({OPERATOR.public_key().public_bytes_raw()}),
            transport=HttpTransport(reports.url),
            entropy=SystemEntropy(),
            budget=Budget.nats(day=100, year=10_000, life=100_000),
        )

    def live(self, house, days=3):
        """Some days: downloads, a choice, a report; what was new is fetched again with its tag."""
        tags = {PREFERENCE: "", CANDIDATES: ""}
        self.downloads = []
        start = len(self.catalogue.connections), len(self.reports.connections)
        for day in range(days):
            house.second = day * DAY + 9 * 3_600
            for path in tags:
                got = self.account.fetch(path, tags[path])
                if got is not None:
                    tags[path] = got.tag
                    self.downloads.append(got)
            self._report(house)
        self.on_catalogue = self.catalogue.connections[start[0] :]
        self.on_reports = self.reports.connections[start[1] :]

    def _report(self, house):
        self.agent.refresh(house.now)
        for offer in self.agent.offers():
            if not offer.agreed:
                self.agent.agree(offer.terms_hash, house.now)
        self.agent.record(Event("stickers.chosen", house.now, {"sticker": 107}), house.now)
        self.agent.tick(house.now, READY)
        house.second += 2 * 3_600  # past the delay
        self.agent.tick(house.now, READY)


@pytest.fixture(scope="module")
def two_people(tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("catalogue"))
    load(service.store, service.stock, themed_logs(60), name="logs")
    learn_once(service.store, service.stock, numbers=3)
    tokens = service.tokens("u5", "u6")
    house = House()
    task = make_task()
    house.publish(replace(task, terms=replace(task.terms, signal="stickers.rank")))
    with recorded(service.app) as catalogue, recorded(house.application()) as reports:
        people = [Person(catalogue, reports, token) for token in tokens.values()]
        for person in people:
            person.live(house)
            house.second = 0.0
    yield service, house, people
    service.store.close()


def test_both_roads_were_really_travelled(two_people):
    *_, people = two_people
    for person in people:
        assert len(person.downloads) == 2
        assert isinstance(decode(person.downloads[0].body, Preference), Preference)
        assert decode(person.downloads[1].body, Candidates).held.sum() == 6
        assert len(person.on_catalogue) == 6
        uploads = [one for one in person.on_reports if one.up.startswith(b"POST /v1/reports")]
        assert len(uploads) == 3
        assert all(one.down.startswith(b"HTTP/1.1 204") for one in uploads)
        assert sum(one.down.startswith(b"HTTP/1.1 304") for one in person.on_catalogue) == 4


def test_whatever_occurs_on_both_roads_is_a_constant_of_the_program(two_people):
    """All bytes, both directions: what the two roads of one person share is the fixed text of heads, and the other's too."""
    *_, people = two_people
    assert shared(people[0]) == shared(people[1])
    assert [piece for piece in shared(people[0]) if not any(piece in fixed for fixed in fixed_heads(people))] == []


def test_a_value_on_both_roads_would_be_noticed(two_people):
    *_, people = two_people
    person = people[0]
    for value in (person.token.encode(), person.downloads[0].tag.encode(), person.downloads[1].body[40:60]):
        leak = Connection(0, bytearray(b"POST /v1/reports HTTP/1.1\r\nUser-Agent: " + value + b"\r\n\r\n"))
        assert shared(person, [*person.on_reports, leak]) - shared(person)


def test_no_token_tag_account_or_number_is_seen_on_the_report_road(two_people):
    service, _, people = two_people
    names = [name for _, name, _ in service.rows()["account"]]
    for person in people:
        traffic = b"".join(bytes(one.up + one.down) for one in person.on_reports)
        values = [person.token.encode(), *(download.tag.strip('"').encode() for download in person.downloads)]
        values += [
            service.stock.catalogue.stickers[7].symbol.encode() + b"\n",
            *(b'"' + name.encode() + b'"' for name in names),
        ]
        assert not [value for value in values if value in traffic]
        head = b"".join(bytes(one.up).split(b"\r\n\r\n")[0].lower() for one in person.on_reports)
        for name in (b"authorization", b"cookie", b"if-none-match", b"if-modified-since", b"from:", b"referer", b"forwarded"):
            assert name not in head


def test_a_persons_numbers_are_not_seen_on_the_report_road_in_any_usual_form(two_people):
    *_, people = two_people
    for person in people:
        preference = decode(person.downloads[0].body, Preference)
        forms = [preference.vector().tobytes(), preference.vector().astype("<f8").tobytes(), person.downloads[0].body[-7:]]
        forms.append(str(preference.numbers.tolist()).encode())
        traffic = b"".join(bytes(one.up + one.down) for one in person.on_reports)
        assert not [form for form in forms if form in traffic]


def test_no_connection_serves_both_roads_or_two_requests_of_a_report(two_people):
    *_, people = two_people
    for person in people:
        assert not {one.port for one in person.on_catalogue} & {one.port for one in person.on_reports}
        assert all(requests(one) == 1 for one in person.on_catalogue + person.on_reports)


def test_no_answer_sets_a_cookie_or_gives_anything_that_a_device_sends_on_the_other_road(two_people):
    *_, people = two_people
    for person in people:
        for one in person.on_catalogue + person.on_reports:
            head = bytes(one.down).split(b"\r\n\r\n")[0].lower()
            assert b"set-cookie" not in head
            assert b"last-modified" not in head
            assert b"\r\ndate:" not in head
        assert not any(b"etag" in bytes(one.down).split(b"\r\n\r\n")[0].lower() for one in person.on_reports)


def test_all_devices_send_the_same_heads_on_the_report_road(two_people):
    *_, people = two_people
    heads = [sorted({bytes(one.up).split(b"\r\n\r\n")[0] for one in person.on_reports}) for person in people]
    assert heads[0] == heads[1]
    assert len(heads[0]) == 3  # one for check-outs, one for openings, one for uploads


def test_no_time_of_the_device_is_sent_on_either_road(two_people):
    *_, people = two_people
    clock = re.compile(rb"\d\d:\d\d|GMT|\b1[6-9]\d{8}\b|T\d\d")
    for person in people:
        for one in person.on_catalogue + person.on_reports:
            head = re.sub(rb"(?im)^(host|authorization|if-none-match):.*$", b"", bytes(one.up).split(b"\r\n\r\n")[0])
            assert not clock.search(head)


def test_the_services_log_of_days_says_nothing_finer(two_people):
    service, *_ = two_people
    days = {row[3] for row in service.rows()["download"]}
    today = (datetime(2027, 1, 15, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(days=1)
    assert all(0 < day <= today for day in days)


def shared(person, reports=None):
    """Every run of eight bytes that occurs on both roads, in either direction, but for small numbers between zeros."""
    found = pieces(person.on_catalogue) & pieces(person.on_reports if reports is None else reports)
    return {piece for piece in found if piece.count(0) < PIECE - 1}


def pieces(connections):
    return {
        data[at : at + PIECE]
        for one in connections
        for data in map(without_host, (one.up, one.down))
        for at in range(len(data) - PIECE + 1)
    }


def fixed_heads(people):
    """The heads on the report road, whose requests are the same for all people: see the test of their sameness."""
    return {head(data) for person in people for one in person.on_reports for data in (one.up, one.down)}


def without_host(data):
    """The bytes without the address of the server itself, which differs in a test by its port only."""
    return re.sub(rb"(?i)host: [^\r]+", b"host: -", bytes(data))


def head(data):
    return without_host(data).split(b"\r\n\r\n")[0] + b"\r\n\r\n"


def requests(connection):
    return len(re.findall(rb"(?:GET|POST|DELETE) /\S* HTTP/1\.1\r\n", bytes(connection.up)))
