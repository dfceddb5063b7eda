"""`choral bench rounds`: whole round trips of devices a second, over HTTP, each acknowledged after its commit."""

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, Self
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
from choral.protocol import BatchRule, Release, Spec, Task, Terms, seal
from choral.server import KeyFolder
from choral.server.keys import SERVER, SHUFFLER
from choral.server.rounds import DAY

SEALED = 2_000  # reports that are really made and sealed; more are distinct copies of them
MOST = 2**31
STEP = 10**8  # numbers of one run's reports begin this far from another's
SIGNAL = "bench.rounds"
HEAD = "10x20"  # a person's 10 numbers by an item's 20
EPSILON = 8.0
AIM = 300
FATES = ("waiting_to_be_folded", "dropped", "seconds_to_fold_these")
CATCH_UP_SECONDS = 60.0


class Load(Protocol):
    """What is asked of the server, and what the devices of a run send."""

    @property
    def messages(self) -> Sequence[Task | Release]:
        """What the operator publishes, the task last."""
        ...

    @property
    def words(self) -> Mapping[str, str]:
        """What a report is, for the results."""
        ...

    @property
    def most_bytes(self) -> int:
        """Of a round trip, aimed at."""
        ...

    def trips(self, server: LocalServer, number: int) -> Trips:
        """Of run `number`; no report is in two runs."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure: devices that wait at once, seconds of a run, runs of which the median counts, the disk's folder."""

    devices: int
    seconds: float
    runs: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Run:
    """What one run measured. waiting: reports that were not folded when it ended; dropped: that no fold took

    catch_up_seconds: until the last one was folded. All three are 0 where reports are kept until a batch is whole.
    """

    tally: Tally
    waiting: int = 0
    dropped: int = 0
    catch_up_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class FederatedLoad:
    """Sealed updates of one round of federated averaging, which are kept, not folded."""

    messages: Sequence[Task | Release]
    sealed: list[bytes]
    words: Mapping[str, str]
    most_bytes: int = 4_096

    @classmethod
    def prepared(cls, keys: KeyFolder) -> Self:
        """A training task of these keys, and updates for it, as devices make them."""
        algorithm = FederatedAveraging(model="bilinear-ranking/1", shape=HEAD)
        mechanism = PrivUnit.for_epsilon(EPSILON, algorithm.learner.size, clip_norm=1.0)
        task = _training(mechanism, algorithm, keys)
        entropy = SystemEntropy()
        payloads = mechanism.randomize(np.tile(algorithm.learner.init(entropy), (SEALED, 1)), entropy)
        sealed = [seal(payload.tobytes(), task.hash, 0, task.shuffler_key).to_bytes() for payload in payloads]
        words = {
            "algorithm": algorithm.NAME,
            "head": f"bilinear-ranking/1 {HEAD}: 200 numbers, priv-unit/1 at epsilon {EPSILON:g}",
            "reports": f"{SEALED} sealed updates, made distinct in their last 8 bytes; kept, not folded, while it is measured",
        }
        return cls((task,), sealed, words)

    def trips(self, server: LocalServer, number: int) -> Trips:
        """The same updates with other counts."""
        return Trips(SIGNAL, self.sealed, STEP * number)


def run(plan: Plan, prepared: Callable[[KeyFolder], Load], json_file: Path | None) -> None:
    """Measure, print a line for each figure, write `json_file`. prepared: makes the load for a server's keys"""
    check_outputs(json_file)
    if not plan.folder.is_dir():
        raise UsageError(f"{plan.folder} is not a folder; name another with --folder")
    with tempfile.TemporaryDirectory(prefix="choral-bench-", dir=plan.folder) as made, progress(plan.runs, "runs") as done:
        data = Path(made) / "data"
        fdatasync_ms = latency_ms(Path(made))
        runs = []
        load = prepared(KeyFolder(data / "keys"))
        with local_server(data) as server:
            for message in load.messages:
                server.publish(message)
            for number in range(plan.runs):
                runs.append(_one_run(plan, server, load, number))
                done(1)
    summary = summarize(plan, load, runs, fdatasync_ms)
    write_json(json_file, summary)
    _print(summary)


def _training(mechanism: PrivUnit, algorithm: FederatedAveraging, keys: KeyFolder) -> Task:
    now = int(time.time())
    return Task(
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


def summarize(plan: Plan, load: Load, runs: Sequence[Run], fdatasync_ms: float) -> dict[str, Any]:
    """The figures, the runs that they are the medians of, and the machine."""
    tallies = [one.tally for one in runs]
    rates = [tally.trips / tally.lasted for tally in tallies]
    trips = sum(tally.trips for tally in tallies)
    times = sorted(second for tally in tallies for second in tally.seconds)
    return {
        "round_trips_per_second": round(statistics.median(rates), 1),
        "waiting_devices": plan.devices,
        "requests_per_round_trip": sum(tally.requests for tally in tallies) / trips,
        "bytes_per_round_trip": round(sum(tally.bytes_both_ways for tally in tallies) / trips, 1),
        "bytes_of_messages": round(sum(tally.bytes_of_messages for tally in tallies) / trips, 1),
        "seconds_to_answer": {name: round(times[int(share * (trips - 1))], 3) for name, share in (("p50", 0.5), ("p99", 0.99))},
        "runs": [round(rate, 1) for rate in rates],
        "waiting_to_be_folded": [one.waiting for one in runs],
        "seconds_to_fold_these": [round(one.catch_up_seconds, 2) for one in runs],
        "dropped": [one.dropped for one in runs],
        "aim_on_two_cores": {"round_trips_per_second": AIM, "bytes_per_round_trip": load.most_bytes},
        **load.words,
        "bytes": "of both requests and both answers with their HTTP headers, no TLS; of messages: check-out, report and token",
        "fdatasync_ms": round(fdatasync_ms, 3),
        "seconds": [round(tally.lasted, 2) for tally in tallies],
        "machine": machine(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _one_run(plan: Plan, server: LocalServer, load: Load, number: int) -> Run:
    """What the devices did, and what became of their reports; ChoralError if the store lacks what was acknowledged."""
    trips, path = load.trips(server, number), f"/v1/tasks/{load.messages[-1].hash.hex()}"
    before, dropped, at = server.json(path), _fates(server, path)[1], urlsplit(server.url)
    with multiprocessing.get_context("spawn").Pool(1) as process:
        tally: Tally = process.apply(travel, (at.hostname, at.port, trips), {"devices": plan.devices, "seconds": plan.seconds})
    after = server.json(path)
    stored = after["accepted_total"] - before["accepted_total"]
    if not 0 < tally.trips <= stored <= tally.trips + plan.devices:
        raise ChoralError(f"{tally.trips} reports were acknowledged in time, {stored} are stored; allow longer runs")
    if not after["streams"]:
        return Run(tally)
    ended, (waiting, _) = time.monotonic(), _fates(server, path)
    _await_folds(server, path)
    return Run(tally, waiting, _fates(server, path)[1] - dropped, time.monotonic() - ended)


def _await_folds(server: LocalServer, path: str) -> None:
    """Returns once all reports are folded or dropped."""
    until = time.monotonic() + CATCH_UP_SECONDS
    while left := _fates(server, path)[0]:
        if time.monotonic() > until:
            raise ChoralError(
                f"{left} reports are not folded {CATCH_UP_SECONDS:g} seconds after the run; read the server's log"
            )
        time.sleep(0.02)


def _fates(server: LocalServer, path: str) -> tuple[int, int]:
    """How many reports of the task wait, and how many were dropped."""
    rows = server.json(f"{path}/rounds")
    dropped = sum(row["dropped"] for row in rows)
    return sum(row["reports"] - row["legal"] for row in rows) - dropped, dropped


def _print(summary: dict[str, Any]) -> None:
    console, wait = Console(highlight=False), summary["seconds_to_answer"]
    console.print(f"durable round trips a second:    {summary['round_trips_per_second']:>8,.0f}")
    console.print(f"devices waiting:                 {summary['waiting_devices']:>8,}")
    console.print(f"requests of a round trip:        {summary['requests_per_round_trip']:>8g}")
    console.print(f"bytes of a round trip:           {summary['bytes_per_round_trip']:>8,.0f}", end="")
    console.print(f"  (check-out, report and token: {summary['bytes_of_messages']:,.0f})")
    console.print(f"seconds of a round trip:         {wait['p50']:>8.2f}  (one in a hundred: {wait['p99']:.2f} or more)")
    if any(summary["waiting_to_be_folded"]) or any(summary["dropped"]):
        waiting, dropped, seconds = (max(summary[name]) for name in FATES)
        console.print(f"waiting to be folded at the end: {waiting:>8,}  (folded {seconds:.2f} s later; {dropped:,} dropped)")
    console.print(f"fdatasync of this disk:          {summary['fdatasync_ms']:>8.2f} ms")
