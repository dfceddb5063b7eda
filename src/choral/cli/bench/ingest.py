"""How many reports a server makes durable in a second: empty, with many stored, and with the writer taken out."""

import multiprocessing
import os
import platform
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import numpy as np
from rich.console import Console
from rich.progress import Progress
from starlette.types import Receive, Scope, Send

from choral.cli.bench.load import Bodies, upload
from choral.cli.http import listen, serve_http
from choral.cli.local.server import WAIT_SECONDS, LocalServer, local_server
from choral.cli.outputs import check_outputs, write_json
from choral.cli.serve import NAMES, face, open_store
from choral.errors import ChoralError, UsageError
from choral.learning import Count
from choral.mechanisms import CountMeanSketch
from choral.numerics import SystemEntropy
from choral.privacy import micro
from choral.protocol import BatchRule, Report, Spec, Task, Terms, report_id, seal, sign
from choral.server import Intake, KeyFolder, TaskBook, publish_task
from choral.server.keys import OPERATOR, SERVER, SHUFFLER
from choral.server.rounds import DAY, slot
from choral.server.upload import PATH, Upload
from choral.storage import Arrival

SEALED = 2_000  # reports that are really made and sealed; more are distinct copies of them
FILLED_AT_ONCE = 20_000
SYNCS = 300
EMOJI = 2_600
MOST = 2**31
STEP = 10**8  # numbers of one run's reports begin this far from another's


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure: seconds of a run, runs of each kind, connections, reports stored beforehand, the disk's folder.

    database: a PostgreSQL one to measure beside it, in which the reports stay
    """

    seconds: float
    runs: int
    connections: int
    stored: int
    folder: Path
    database: str | None = None


def run(plan: Plan, json_file: Path | None) -> None:
    """Measure, print a line for each figure, write `json_file`."""
    check_outputs(json_file)
    if not plan.folder.is_dir() or not os.access(plan.folder, os.W_OK):
        raise UsageError(f"{plan.folder} is not a folder that can be written to; name another with --folder")
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="choral-bench-", dir=plan.folder) as made, Progress(transient=True) as bar:
        work = bar.add_task("measuring", total=(3 + bool(plan.database)) * plan.runs + 2)
        folder = Path(made)
        fdatasync_ms = latency_ms(folder)
        for kind, rate in measure(plan, folder, lambda words: bar.update(work, description=words)):
            rates.setdefault(kind, []).append(rate)
            bar.advance(work)
    summary = summarize(plan, rates, fdatasync_ms)
    write_json(json_file, summary)
    _print(summary)


def measure(plan: Plan, folder: Path, say: Callable[[str], None]) -> Iterator[tuple[str, float]]:
    """The rate of one run after the other, with its kind."""
    data = folder / "data"
    first = 0
    kinds = {"durable": 0, "durable_full": plan.stored, "empty": 0} | ({"postgres": 0} if plan.database else {})
    for kind, stored in kinds.items():
        shutil.rmtree(data, ignore_errors=True)
        say("sealing reports")
        task, bodies = prepare(data)
        if stored:
            fill(data, task, stored, lambda done: say(f"storing reports: {done:,}"))
        database = plan.database if kind == "postgres" else None
        with local_server(data, database=database) if kind != "empty" else _without_writer(data, task) as server:
            if kind != "empty":
                server.publish(task)
            for number in range(plan.runs):
                say(f"{kind.replace('_', ', ')}: run {number + 1} of {plan.runs}")
                first += STEP
                yield kind, _rate(plan, server, task, Bodies(bodies, first), check=kind != "empty")


def prepare(data: Path) -> tuple[Task, list[bytes]]:
    """An emoji task of the keys in `data`, and sealed reports for it, as devices make them."""
    keys = KeyFolder(data / "keys")
    mechanism = CountMeanSketch.for_epsilon(4.0, EMOJI, seed=bytes(32), width=1_024)
    now = int(time.time())
    task = Task(
        Terms("To measure", "bench", "one emoji", "nobody", micro(mechanism.epsilon), 1, 7, 1_000, 30),
        Spec.of(mechanism),
        Spec.of(Count()),
        BatchRule(1_000, MOST, 2, DAY, "time"),
        revision=0,
        start=now - 60,
        expires=now + DAY,
        delay_seconds=DAY,
        chance=2**32,
        shuffler_key=keys.public(SHUFFLER),
        server_key=keys.public(SERVER),
        reviewer="nobody",
    )
    payloads = mechanism.randomize(np.arange(SEALED) % EMOJI, SystemEntropy())
    return task, [seal(payload.tobytes(), task.hash, 0, task.shuffler_key).to_bytes() for payload in payloads]


def fill(data: Path, task: Task, count: int, say: Callable[[int], None]) -> None:
    """Store `count` reports whose seals are random bytes: the ingesting role cannot tell them from others."""
    store = open_store(data)
    now = int(time.time())
    place, head = slot(task, task.hash, 0, now), Report(task.hash, 0, b"").header
    size = 256 - len(head)
    for start in range(0, count, FILLED_AT_ONCE):
        bodies = [head + os.urandom(size) for _ in range(min(FILLED_AT_ONCE, count - start))]
        store.add([Arrival(report_id(body), body, place) for body in bodies])
        say(start + len(bodies))
    store.close()


def latency_ms(folder: Path) -> float:
    """Median time of an fdatasync after a page was appended, in milliseconds."""
    times = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            file.write(bytes(4_096))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3


def summarize(plan: Plan, rates: dict[str, list[float]], fdatasync_ms: float) -> dict[str, Any]:
    """The figures, the runs that they are the medians of, and the machine."""
    median = {kind: statistics.median(values) for kind, values in rates.items()}
    return {
        "durable_per_second": round(median["durable"]),
        "durable_per_second_full": round(median["durable_full"]),
        "empty_per_second": round(median["empty"]),
        "ratio": round(median["durable"] / median["empty"], 3),
        "postgres_per_second": round(median["postgres"]) if "postgres" in median else None,
        "fdatasync_ms": round(fdatasync_ms, 3),
        "connections": plan.connections,
        "seconds": plan.seconds,
        "stored": plan.stored,
        "runs": {kind: [round(value) for value in values] for kind, values in rates.items()},
        "reports": f"{SEALED} sealed emoji reports (count-mean-sketch/1, width 1024); made distinct in their last 8 bytes",
        "machine": machine(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    names = [line.partition(":")[2].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def _rate(plan: Plan, server: LocalServer, task: Task, bodies: Bodies, *, check: bool) -> float:
    """Acknowledged reports a second of one run; ChoralError if the store does not hold what was acknowledged."""
    before = server.json(f"/v1/tasks/{task.hash.hex()}")["accepted_total"]
    at = urlsplit(server.url)
    with multiprocessing.get_context("spawn").Pool(1) as load:
        named = {"connections": plan.connections, "seconds": plan.seconds}
        acknowledged = load.apply(upload, (at.hostname, at.port, bodies), named)
    stored = server.json(f"/v1/tasks/{task.hash.hex()}")["accepted_total"] - before
    if check and not acknowledged <= stored <= acknowledged + plan.connections:
        raise ChoralError(f"{acknowledged} reports were acknowledged, {stored} are stored; this is a fault of choral")
    return float(acknowledged / plan.seconds)


@contextmanager
def _without_writer(data: Path, task: Task) -> Iterator[LocalServer]:
    """The same route in a process of its own, which decodes and checks each report, and keeps none."""
    keys, store = KeyFolder(data / "keys"), open_store(data)
    publish_task(
        store,
        sign(task, keys.operator_key()),
        operators={keys.public(OPERATOR)},
        names=NAMES,
        server_key=keys.public(SERVER),
        now=datetime.now(UTC),
    )
    store.close()
    spawn = multiprocessing.get_context("spawn")
    ports: multiprocessing.Queue[int] = spawn.Queue()
    process = spawn.Process(target=_serve_without_writer, args=(data, ports))
    process.start()
    try:
        url = f"http://127.0.0.1:{ports.get(timeout=WAIT_SECONDS)}"
        with httpx.Client(base_url=url) as client:
            yield LocalServer(url, data, client)
    finally:
        process.terminate()
        process.join()


class _NoWriter:
    """Takes a report for kept at once."""

    async def keep(self, arrival: Arrival) -> None:
        """Nothing is kept."""


def _serve_without_writer(data: Path, ports: "multiprocessing.Queue[int]") -> None:
    store = open_store(data)
    bare = Upload(TaskBook(store, NAMES), cast(Intake, _NoWriter()), lambda: datetime.now(UTC))
    rest = face(store, KeyFolder(data / "keys"))

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        await (bare if scope.get("path") == PATH else rest)(scope, receive, send)

    listener = listen("127.0.0.1", 0)
    serve_http(listener, routed, lambda: ports.put(listener.getsockname()[1]))


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _print(summary: dict[str, Any]) -> None:
    console = Console(highlight=False)
    console.print(f"durable uploads a second:                  {summary['durable_per_second']:>8,}")
    console.print(f"  with {summary['stored']:,} reports stored:        {summary['durable_per_second_full']:>8,}")
    console.print(f"the same route without the writer:         {summary['empty_per_second']:>8,}")
    console.print(f"durable over without:                      {summary['ratio']:>8.2f}")
    if summary["postgres_per_second"] is not None:
        console.print(f"durable in PostgreSQL:                     {summary['postgres_per_second']:>8,}")
    console.print(f"fdatasync of this disk:                    {summary['fdatasync_ms']:>8.2f} ms")
