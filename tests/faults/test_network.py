"""A network that drops, doubles, delays and cuts: each report is counted once, none is lost after it was acknowledged."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import uvloop
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from choral.cli.bench.round_trips import Exchange
from choral.device import HttpTransport
from choral.device.consent import agree
from choral.device.outbox import OUTBOX, SENT, Outgoing, put, send_due
from choral.device.transport import Unreachable
from choral.errors import PeerError
from choral.numerics import SeededEntropy, SystemEntropy
from choral.protocol.tokens import Issuer, TokenKey, TokenRequest, issue
from choral.storage import MemoryDeviceStore, SqliteServerStore
from tests.faults.one_hot import OneHot
from tests.faults.planted import AcknowledgesFirst, CountsEachArrival
from tests.faults.proxy import Fate, Proxy
from tests.faults.servers import forked

AT_ONCE = 64
MOST_ATTEMPTS = 100
KINDS = ("well", "cut before the commit", "cut within the answer", "unheard", "twice", "late", "trickles")


class Weather:
    """The fate of the n-th request, drawn from a seed: half of them well, the others in equal shares."""

    def __init__(self, requests):
        draws = SeededEntropy(7)
        self._kinds, self._bytes = draws.below(requests, 12).tolist(), draws.below(requests, 256).tolist()
        self.met = set()

    def __call__(self, number):
        at = number % len(self._kinds)
        kind = KINDS[max(0, self._kinds[at] - 5)]
        self.met.add(kind)
        return {
            "well": Fate(),
            "cut before the commit": Fate(request=self._bytes[at]),
            "cut within the answer": Fate(answer=self._bytes[at] % 40),
            "unheard": Fate(unheard=True),
            "twice": Fate(copies=2, answer=None if self._bytes[at] % 2 else 0),
            "late": Fate(late=self._bytes[at] / 5_000),
            "trickles": Fate(piece=64),
        }[kind]


def test_a_report_cut_at_every_byte_of_its_request_and_of_its_answer_counts_once(tmp_path):
    world = OneHot.prepared(tmp_path, 3)
    cut_everywhere(world, world.bodies[1], b"")
    assert world.stored() == {world.bodies[1]}


def test_a_report_with_a_token_cut_at_every_byte_counts_once_and_spends_its_token_once(tmp_path):
    key = generate_private_key(65_537, 2048)
    issuer = Issuer("issuer.example", TokenKey(key.public_key()))
    world = OneHot.prepared(tmp_path, 3, issuer.release(datetime.now(UTC)))
    request = TokenRequest.make(issuer.key, issuer.challenge(world.task.hash), SystemEntropy())
    token = request.finish(issue(key, request.message, SystemEntropy())).to_bytes()
    cut_everywhere(world, world.bodies[1], token)
    with forked(tmp_path) as (_, port):
        transport = HttpTransport(f"http://127.0.0.1:{port}")
        transport.send(world.bodies[1], token)
        with pytest.raises(PeerError, match="spent on another"):
            transport.send(world.bodies[2], token)
    assert world.stored() == {world.bodies[1]}


def cut_everywhere(world, body, token):
    """The same report again and again, its connection dropped one byte later each time; at last it arrives."""
    with forked(world.folder) as (_, port), Proxy(port) as proxy:
        transport = HttpTransport(proxy.url)

        def cut(fate):
            proxy.fate = lambda _: fate
            with pytest.raises(Unreachable):
                transport.send(body, token)

        cut(Fate(request=0))
        size = len(proxy.request)
        for offset in range(size):
            cut(Fate(request=offset))
        assert world.stored() == set(), "nothing is kept of a report that has not come whole"
        cut(Fate(answer=0))
        assert world.stored() == {body}
        for offset in range(len(proxy.answer)):
            cut(Fate(answer=offset))
        proxy.fate = lambda _: Fate()
        transport.send(body, token)
        assert proxy.seen == {body: size + len(proxy.answer) + 3}, "a retry sends the same bytes"
        assert set(proxy.statuses) == {b"204"}


def test_a_devices_outbox_delivers_each_report_once_through_a_bad_network(tmp_path):
    world, store, entropy = OneHot.prepared(tmp_path, 40), MemoryDeviceStore(), SeededEntropy(4)
    now = datetime.now(UTC)
    with store.transaction() as tx:
        agree(tx, world.task.terms, now)
        for body in world.bodies:
            put(tx, _outgoing(body, world.task, int(now.timestamp())))
    with forked(tmp_path) as (_, port), Proxy(port, Weather(200)) as proxy:
        transport = HttpTransport(proxy.url)
        for _ in range(400):
            send_due(store, transport, entropy=entropy, now=now)
            now += timedelta(minutes=20)
    with store.transaction() as tx:
        assert not list(OUTBOX.scan(tx))
        assert [sent.outcome for _, sent in SENT.scan(tx)] == ["delivered"] * 40
    assert set(proxy.seen) == set(world.bodies), "a retry sends the same bytes"
    assert proxy.seen.total() > 40
    world.counted_once(world.bodies)


def _outgoing(body, task, second):
    days = 86_400 * 300  # a virtual day after the other; the server's own clock hardly moves
    return Outgoing(
        body, b"", b"", task.hash, task.terms.hash, "one-hot", "its number", 0, 365, second, second, second + days, 0
    )


def pass_through(world, open_store=SqliteServerStore):
    """All reports of the world by retrying clients through bad weather, to a server that is killed right after.

    The last come in good weather, so that the last thing that the server acknowledges is new to it.
    """
    weather = Weather(100_003)
    with forked(world.folder, open_store) as (_, port), Proxy(port, weather) as proxy:
        uvloop.run(_deliver_all(proxy.port, world.bodies[:-5]))
        proxy.fate = lambda _: Fate()
        uvloop.run(_deliver_all(proxy.port, world.bodies[-5:]))
    assert set(proxy.seen) == set(world.bodies)
    assert set(proxy.statuses) == {b"204"}
    assert weather.met == set(KINDS)
    assert proxy.seen.total() > len(world.bodies), "some had to be sent again"
    assert world.stored() == set(world.bodies), "an acknowledged report is lost"
    world.counted_once(world.bodies)
    return proxy


async def _deliver_all(port, bodies):
    left = iter(bodies)

    async def client():
        for body in left:
            await _deliver(port, body)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(client())


async def _deliver(port, body):
    """The same bytes until they are acknowledged."""
    head = f"POST /v1/reports HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    request, loop = head.encode() + body, asyncio.get_running_loop()
    for _ in range(MOST_ATTEMPTS):
        answered = loop.create_future()
        await loop.create_connection(lambda answered=answered: Exchange(request, answered), "127.0.0.1", port)
        answer = await asyncio.wait_for(answered, 30)
        if answer.startswith(b"HTTP/1.1 204") and answer.endswith(b"\r\n\r\n"):
            return
    raise AssertionError(f"not acknowledged in {MOST_ATTEMPTS} attempts")


def test_a_thousand_reports_through_a_bad_network_are_counted_once_each(tmp_path):
    pass_through(OneHot.prepared(tmp_path, 1_000))


@pytest.mark.acceptance
def test_a_hundred_thousand_reports_through_a_bad_network_are_counted_once_each(tmp_path):
    proxy = pass_through(OneHot.prepared(tmp_path, 100_000))
    print(f"{proxy.seen.total()} requests, {proxy.statuses.total()} answered by the server")


@pytest.mark.parametrize(("bug", "noticed"), [(AcknowledgesFirst, "is lost"), (CountsEachArrival, "kept twice")])
def test_a_server_with_a_planted_bug_is_noticed(bug, noticed, tmp_path):
    with pytest.raises(AssertionError, match=noticed):
        pass_through(OneHot.prepared(tmp_path, 120), bug)
