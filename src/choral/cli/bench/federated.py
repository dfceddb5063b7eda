"""`choral bench federated`: clients trained a second in simulated rounds, beside a plain loop and this machine's roof."""

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from choral.cli.memory import own_peak_bytes
from choral.cli.outputs import check_outputs, progress, write_json
from choral.engines import Processes
from choral.errors import UsageError

NAMES = ("logistic", "perceptron", "factorization")
AIMS = {"logistic": 12_000, "perceptron": 15_000, "factorization": 150_000}  # clients a second on two cores
MODELS = {
    "logistic": "logistic regression of 1,000 features; clip 1, PrivUnit at epsilon 4 (closed form) a client",
    "perceptron": "perceptron 64-32-1; clip 1, PrivUnit at epsilon 4 (closed form) a client",
    "factorization": "1,000 items x 16; clip 1, integer sum, one discrete Gaussian a cohort (epsilon 4 a round, delta 1e-6)",
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much to run: clients there are, clients of a round, seconds of a run, runs of which the median counts."""

    clients: int = 2000
    cohort: int = 100
    seconds: float = 3.0
    runs: int = 3


def federated(
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of one run.")] = 3.0,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each kind; the median counts.")] = 3,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Clients trained a second: local epoch, clipping, noise, sum and server step of simulated rounds of 100 clients."""
    check_outputs(json_file)
    if find_spec("jax") is None:
        raise UsageError("training cohorts needs jax; install choral[learning]")
    size, measured = Size(seconds=seconds, runs=runs), list[dict[str, Any]]()
    with progress(len(NAMES), "workloads") as done:
        for name in NAMES:
            measured += Processes(1).map(partial(measure, size), [name])  # a process each, whose memory is the load's own
            done(1)
    summary = summarize(size, measured)
    write_json(json_file, summary)
    _print(summary)


def measure(size: Size, name: str) -> dict[str, Any]:
    """One workload's figures; its data are made beforehand and not counted."""
    from choral.cli.bench.federated_loads import Population, load
    from choral.cli.bench.federated_roofs import arithmetic

    made, cores = load(name, Population(size.clients, size.cohort)), _cores()
    with ThreadPoolExecutor(cores) as pool:
        started = time.perf_counter()
        for workers in {1, cores}:
            made.round(0, pool, workers)
        compiled = time.perf_counter() - started
        rates = {workers: _rate(size, partial(made.round, pool=pool, workers=workers)) for workers in sorted({1, cores})}
        peak = own_peak_bytes()
        roof = _rate(size, partial(_on_all, pool, cores, arithmetic(made), made.cohorts))
    loop = _rate(size, made.loop)
    workers, best = max(rates.items(), key=lambda pair: pair[1])
    return {
        "name": name,
        "model": MODELS[name],
        "clients_per_second": round(best),
        "workers": workers,
        "clients_per_second_by_workers": {str(number): round(rate) for number, rate in rates.items()},
        "roof_clients_per_second": round(roof),
        "share_of_roof": round(best / roof, 3),
        "numpy_loop_clients_per_second": round(loop),
        "ratio_to_numpy_loop": round(best / loop, 1),
        "peak_memory_mb": round(peak / 1e6, 1),
        "compile_seconds": round(compiled, 2),
        "aim_on_two_cores": AIMS[name],
    }


def summarize(size: Size, measured: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures, what was run, and the machine."""
    from choral.cli.bench.ingest import machine
    from choral.learning.cohort import processor

    return {
        "workloads": measured,
        "clients": size.clients,
        "cohort": size.cohort,
        "examples_per_client": "20 to 50, batch 10, one epoch",
        "timed": "training, clipping, randomizing, sum and server step; not the making of data",
        "roof": "the local epochs' arithmetic alone: one compiled loop, 32 bits, no padding, on all cores at once",
        "seconds": size.seconds,
        "runs": size.runs,
        "machine": machine() | processor(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _rate(size: Size, work: Callable[[int], object]) -> float:
    """Clients a second, median over the runs, of work(round number); the first call of all is not counted."""
    work(0)
    rates, number = [], 1
    for _ in range(size.runs):
        first, started = number, time.perf_counter()
        while number == first or time.perf_counter() - started < size.seconds:
            work(number)
            number += 1
        rates.append((number - first) * size.cohort / (time.perf_counter() - started))
    return statistics.median(rates)


def _on_all(pool: ThreadPoolExecutor, cores: int, train: Callable[..., None], cohorts: Any, number: int) -> None:
    """Training alone, a share of the round's clients on each core."""
    list(pool.map(train, np.array_split(cohorts[number % len(cohorts)], cores)))


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _print(summary: dict[str, Any]) -> None:
    table = Table(title="clients a second in simulated rounds", box=SIMPLE)
    table.add_column("workload", no_wrap=True)
    for column in ("clients/s", "roof", "of roof", "loop", "times", "MB"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in summary["workloads"]:
        rates = [f"{one[name]:,}" for name in ("clients_per_second", "roof_clients_per_second")]
        loop, times = f"{one['numpy_loop_clients_per_second']:,}", f"{one['ratio_to_numpy_loop']:,.0f}"
        table.add_row(one["name"], *rates, f"{one['share_of_roof']:.0%}", loop, times, f"{one['peak_memory_mb']:,.0f}")
    Console().print(table)
