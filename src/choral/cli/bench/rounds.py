"""`choral bench rounds`: whole round trips of devices a second, over HTTP, each acknowledged after its commit."""

import multiprocessing
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from rich.console import Console

from choral.cli.bench.ingest import latency_ms, machine
from choral.cli.bench.round_trips import Tally, Trips, travel
from choral.cli.local.server import LocalServer, local_server
from choral.cli.outputs import check_outputs, progress, write_json
from choral.errors import ChoralError, UsageError
from choral.learning.federated_averaging import FederatedAveraging
from choral.mechanisms.priv_unit import PrivUnit
from choral.numerics import SystemEntropy
from choral.privacy import micro
from choral.protocol import BatchRule, Spec, Task, Terms, seal
from choral.server import KeyFolder
from choral.server.keys import SERVER, SHUFFLER
from choral.server.rounds import DAY

SEALED = 2_000  # reports that are really made and sealed; more are distinct copies of them
MOST = 2**31
STEP = 10**8  # numbers of one run's reports begin this far from another's
SIGNAL = "bench.rounds"
HEAD = "10x20"  # a person's 10 numbers by an item's 20
EPSILON = 8.0
AIM, MOST_BYTES = 300, 4_096


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure: devices that wait at once, seconds of a run, runs of which the median counts, the disk's folder."""

    devices: int
    seconds: float
    runs: int
    folder: Path


def run(plan: Plan, json_file: Path | None) -> None:
    """Measure, print a line for each figure, write `json_file`."""
    check_outputs(json_file)
    if not plan.folder.is_dir():
        raise UsageError(f"{plan.folder} is not a folder; name another with --folder")
    with tempfile.TemporaryDirectory(prefix="choral-bench-", dir=plan.folder) as made, progress(plan.runs, "runs") as done:
        data = Path(made) / "data"
        fdatasync_ms = latency_ms(Path(made))
        tallies = []
        task, sealed = prepare(data)
        with local_server(data) as server:
            server.publish(task)
            for number in range(plan.runs):
                tallies.append(_one_run(plan, server, task, Trips(SIGNAL, sealed, STEP * number)))
                done(1)
    summary = summarize(plan, tallies, fdatasync_ms)
    write_json(json_file, summary)
    _print(summary)


def prepare(data: Path) -> tuple[Task, list[bytes]]:
    """A training task of the keys in `data`, and sealed updates for it, as devices make them."""
    keys = KeyFolder(data / "keys")
    algorithm = FederatedAveraging(model="bilinear-ranking/1", shape=HEAD)
    mechanism = PrivUnit.for_epsilon(EPSILON, algorithm.learner.size, clip_norm=1.0)
    now = int(time.time())
    task = Task(
        Terms("To measure", SIGNAL, "one day's choices", "nobody", micro(mechanism.epsilon), 1, 7, 1_000, 30),
        Spec.of(mechanism),
        Spec.of(algorithm),
        BatchRule(1_000, MOST, 2, DAY, "release"),
        revision=0,
        start=now - 60,
        expires=now + DAY,
        delay_seconds=0,
        chance=2**32,
        shuffler_key=keys.public(SHUFFLER),
        server_key=keys.public(SERVER),
        reviewer="nobody",
    )
    entropy = SystemEntropy()
    update = algorithm.learner.init(entropy)
    payloads = mechanism.randomize(np.tile(update, (SEALED, 1)), entropy)
    return task, [seal(payload.tobytes(), task.hash, 0, task.shuffler_key).to_bytes() for payload in payloads]


def summarize(plan: Plan, tallies: list[Tally], fdatasync_ms: float) -> dict[str, Any]:
    """The figures, the runs that they are the medians of, and the machine."""
    rates = [tally.trips / plan.seconds for tally in tallies]
    trips = sum(tally.trips for tally in tallies)
    times = sorted(second for tally in tallies for second in tally.seconds)
    return {
        "round_trips_per_second": round(statistics.median(rates), 1),
        "waiting_devices": plan.devices,
        "requests_per_round_trip": sum(tally.requests for tally in tallies) / trips,
        "bytes_per_round_trip": round(sum(tally.bytes_both_ways for tally in tallies) / trips, 1),
        "seconds_to_answer": {name: round(times[int(share * (trips - 1))], 3) for name, share in (("p50", 0.5), ("p99", 0.99))},
        "runs": [round(rate, 1) for rate in rates],
        "aim_on_two_cores": {"round_trips_per_second": AIM, "bytes_per_round_trip": MOST_BYTES},
        "head": f"bilinear-ranking/1 {HEAD}: 200 numbers, priv-unit/1 at epsilon {EPSILON:g}",
        "reports": f"{SEALED} sealed updates, made distinct in their last 8 bytes; kept, not folded, while it is measured",
        "bytes": "of both requests and both answers with their HTTP headers; a connection for each request, no TLS",
        "fdatasync_ms": round(fdatasync_ms, 3),
        "seconds": plan.seconds,
        "machine": machine(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _one_run(plan: Plan, server: LocalServer, task: Task, trips: Trips) -> Tally:
    """The devices' tally; ChoralError if the store does not hold what was acknowledged."""
    before = _accepted(server, task)
    at = urlsplit(server.url)
    with multiprocessing.get_context("spawn").Pool(1) as load:
        tally: Tally = load.apply(travel, (at.hostname, at.port, trips), {"devices": plan.devices, "seconds": plan.seconds})
    stored = _accepted(server, task) - before
    if not 0 < tally.trips <= stored <= tally.trips + plan.devices:
        raise ChoralError(f"{tally.trips} reports were acknowledged in time, {stored} are stored; allow longer runs")
    return tally


def _accepted(server: LocalServer, task: Task) -> int:
    return int(server.json(f"/v1/tasks/{task.hash.hex()}")["accepted_total"])


def _print(summary: dict[str, Any]) -> None:
    console, wait = Console(highlight=False), summary["seconds_to_answer"]
    console.print(f"durable round trips a second:    {summary['round_trips_per_second']:>8,.0f}")
    console.print(f"devices waiting:                 {summary['waiting_devices']:>8,}")
    console.print(f"requests of a round trip:        {summary['requests_per_round_trip']:>8g}")
    console.print(f"bytes of a round trip:           {summary['bytes_per_round_trip']:>8,.0f}")
    console.print(f"seconds of a round trip:         {wait['p50']:>8.2f}  (one in a hundred: {wait['p99']:.2f} or more)")
    console.print(f"fdatasync of this disk:          {summary['fdatasync_ms']:>8.2f} ms")
