"""Slow and hostile clients: honest ones are served meanwhile, and the server's memory stays as it is."""

import multiprocessing
import resource
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from choral.cli import http
from choral.device import HttpTransport
from choral.storage import SqliteServerStore
from tests.faults.one_hot import OneHot
from tests.faults.servers import forked
from tests.faults.siege import ATTACKS, UPLOAD, besiege, pushed
from tests.server.processes import wait_until
from tests.server.test_serve import exchange

TRICKLING = 1_000
SPARE = 500  # descriptors beside them
MOST_GROWTH = 100 * 2**20
MOST_READ = 2**20
MOST_KEPT = 2**23
HEALTHY_SECONDS = 1.0  # 99 in 100 honest uploads are acknowledged within this time
ENDS = {"200", "400", "413", "cut", "held", "open"}


def memory(process, name="VmRSS"):
    """Bytes; "VmHWM" is the most that there were at any time."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (found,) = [line for line in lines if line.startswith(name)]
    return int(found.split()[1]) * 1_024


def bytes_read(process):
    return int(Path(f"/proc/{process.pid}/io").read_text().splitlines()[0].split()[1])


def is_still(process):
    """Whether it reads nothing for a moment."""
    before = bytes_read(process)
    time.sleep(0.1)
    return bytes_read(process) == before


@pytest.fixture
def world(tmp_path):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < TRICKLING + SPARE:
        pytest.skip(f"a process may open {most} files here; {TRICKLING + SPARE} are needed")
    return OneHot.prepared(tmp_path, 2_000)


def hold_out(world, seconds):
    """Honest uploads at a steady pace while the siege lasts; how the attacks ended, seconds of each upload, growth."""
    spawn = multiprocessing.get_context("spawn")
    with forked(world.folder) as (server, port), spawn.Pool(1) as attackers, spawn.Manager() as manager:
        opened, transport = manager.Queue(), HttpTransport(f"http://127.0.0.1:{port}")
        transport.send(world.bodies[0])
        before = memory(server)
        siege = attackers.apply_async(besiege, (port,), {"trickling": TRICKLING, "seconds": seconds, "report": opened.put})
        assert opened.get(timeout=30) == "open"
        times, until = [], time.monotonic() + seconds
        for body in world.bodies[1:]:
            began = time.monotonic()
            if began > until:
                break
            transport.send(body)
            times.append(time.monotonic() - began)
            time.sleep(max(0.0, seconds / 1_000 - times[-1]))
        return siege.get(timeout=60), sorted(times), memory(server, "VmHWM") - before


def judge(world, ends, times, growth):
    slowest = times[int(0.99 * (len(times) - 1))]
    print(f"{len(times)} uploads, 99 % within {slowest:.3f} s; memory grew by {growth / 2**20:.0f} MB; {ends}")
    assert slowest <= HEALTHY_SECONDS
    assert growth <= MOST_GROWTH
    assert set().union(*ends.values()) <= ENDS, "no 5xx for what a client does wrong"
    assert all(ends.values()), "each attack was made"
    assert set(ends["a size beyond any report"]) <= {"413", "cut", "open"}
    assert world.stored() == set(world.bodies[: len(times) + 1]), "what honest clients sent, and nothing else"


def test_a_thousand_trickling_sockets_and_every_attack_hold_up_no_honest_client(world):
    judge(world, *hold_out(world, 6.0))


@pytest.mark.acceptance
def test_half_a_minute_of_siege_holds_up_no_honest_client(world):
    judge(world, *hold_out(world, 30.0))


@pytest.mark.parametrize("name", [name for name, attack in ATTACKS.items() if "uploads" not in name])
def test_what_no_report_can_be_is_refused_before_it_is_read(name, shared):
    """64 MB are pushed; the server reads next to nothing of them, and keeps nothing."""
    server, port = shared
    wait_until(lambda: is_still(server))  # what was pushed before, and lies in the kernel, is no part of this
    read, kept = bytes_read(server), memory(server)
    answer = pushed(port, ATTACKS[name], 2**26)
    wait_until(lambda: is_still(server))
    limit = 2**26 if name == "a body that nobody reads" else MOST_READ
    assert bytes_read(server) - read <= limit + MOST_READ
    assert memory(server) - kept <= MOST_KEPT
    assert answer[9:12] in {b"", b"200", b"400", b"413"}


def test_trailers_say_nothing_and_a_few_requests_may_come_in_one_go(tmp_path):
    world = OneHot.prepared(tmp_path, 3)
    chunked = UPLOAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n100\r\n" + world.bodies[0]
    with forked(tmp_path) as (_, port):
        assert exchange(port, chunked + b"\r\n0\r\nContent-Encoding: gzip\r\n\r\n", end=False).startswith(b"HTTP/1.1 204 ")
        health = b"GET /health HTTP/1.1\r\nHost: c\r\n\r\n" * 16 + b"GET /health HTTP/1.0\r\n\r\n"
        assert exchange(port, health, end=False).count(b"HTTP/1.1 200 ") == 17


def hurried(path):
    """A server that waits for nobody longer than a moment."""
    http.HEAD_SECONDS = http.ANSWER_SECONDS = 0.3
    return SqliteServerStore(path)


@pytest.mark.parametrize(
    ("begins", "goes_on"),
    [
        (b"", b""),
        (b"", b"G"),
        (b"GET /health HTTP/1.1\r\nHost: c\r\nContent-Length: 1000\r\n\r\n", b"x"),
        (b"GET /health HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n", b""),
        (b"", b"GET /openapi.json HTTP/1.1\r\nHost: c\r\n\r\n" * 16),
    ],
    ids=["silence", "a head", "a body after its answer", "no body after its answer", "answers that nobody takes"],
)
def test_who_keeps_the_server_waiting_is_cut_off(begins, goes_on, tmp_path):
    world = OneHot.prepared(tmp_path, 3)
    with forked(world.folder, hurried) as (server, port), socket.socket() as connection:
        before = descriptors(server)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(("127.0.0.1", port))
        connection.sendall(begins)
        wait_until(lambda: descriptors(server) > before)
        for _ in range(100):
            if descriptors(server) == before:
                return
            with suppress(OSError):
                connection.send(goes_on)
            time.sleep(0.05)
    raise AssertionError("the server still waits")


def descriptors(process):
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    world = OneHot.prepared(tmp_path_factory.mktemp("server"), 3)
    with forked(world.folder) as found:
        yield found
