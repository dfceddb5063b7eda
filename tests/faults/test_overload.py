"""Five times as many devices as the server can serve: it goes on serving nearly as many as it can, and is well soon after."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import httpx
import pytest

from choral.cli.bench.ingest import STEP, prepare
from choral.protocol import encode, sign
from choral.server import KeyFolder
from tests.faults.flood import Phase, flood, spin
from tests.faults.servers import forked

SPINNERS = 4  # they share the server's core, so that the other cores can offer five times what it takes
CAPACITY_SECONDS = 6.0
OVERLOAD_SECONDS = 20.0
WELL_SECONDS = 10.0
TIMES = 5
GOODPUT = 0.8
ALL_SECONDS = 75.0


@pytest.mark.acceptance
def test_five_times_the_capacity_leaves_four_fifths_of_it_and_is_over_ten_seconds_later(tmp_path):
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("the load needs a core of its own")
    spawn = multiprocessing.get_context("spawn")
    task, sealed = prepare(tmp_path)
    with forked(tmp_path) as (server, port), ProcessPoolExecutor(SPINNERS + 1, mp_context=spawn) as others:
        _pin(server.pid, {cores[0]})
        url, keys = f"http://127.0.0.1:{port}", KeyFolder(tmp_path / "keys")
        token = {"Authorization": f"Bearer {keys.operator_token()}"}
        assert httpx.post(f"{url}/v1/operator/tasks", content=encode(sign(task, keys.operator_key())), headers=token).is_success
        for _ in range(SPINNERS):
            others.submit(spin, {cores[0]}, ALL_SECONDS)
        capacity = others.submit(flood, port, sealed, 0, [Phase(CAPACITY_SECONDS, at_once=64)]).result()
        most = capacity.rate(1, CAPACITY_SECONDS)
        end = OVERLOAD_SECONDS
        phases = [Phase(end, rate=TIMES * most), Phase(2 * WELL_SECONDS, rate=most / 2)]
        outcome = others.submit(flood, port, sealed, STEP, phases).result()
        accepted = httpx.get(f"{url}/v1/tasks/{task.hash.hex()}", timeout=30).json()["accepted_total"]
    goodput, later = outcome.rate(end / 4, end), (end + WELL_SECONDS, end + 2 * WELL_SECONDS)
    offered = outcome.arrived[0]
    print(f"capacity {most:.0f} a second; {offered / end:.0f} offered, {goodput:.0f} acknowledged; {dict(outcome.ends)}")
    well, slowest = outcome.rate(*later), outcome.slowest(*later)
    print(f"from {WELL_SECONDS:g} s after: {well:.0f} a second of {most / 2:.0f}, slowest {slowest:.2f} s")
    assert offered / end >= 0.9 * TIMES * most, "the load was offered"
    assert goodput >= GOODPUT * most
    assert well >= 0.95 * most / 2
    assert slowest <= 1.0
    assert accepted >= len(capacity.acknowledged) + len(outcome.acknowledged), "what was acknowledged is there"


def _pin(process, cores):
    """All threads of the process, and those that it will start."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)
