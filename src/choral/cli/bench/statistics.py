"""`choral bench statistics`: how fast reports are summed and decoded, beside a plain read of as many bytes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from choral.cli.outputs import check_outputs, write_json
from choral.mechanisms import (
    CountMeanSketch,
    FrequencyOracle,
    HadamardCountMeanSketch,
    LocalHashing,
    Payloads,
    ProjectiveGeometryResponse,
    RandomizedResponse,
    SubsetSelection,
    UnaryEncoding,
    empty_state,
)
from choral.numerics import SeededEntropy

SEED = bytes(32)
REPEATS = 5
READ_BYTES = 2**28
SMALL = 1000  # reports drawn where payloads cannot be made up


@dataclass(frozen=True, slots=True)
class Load:
    """A mechanism, and how many reports of it to sum."""

    mechanism: FrequencyOracle
    reports: int


def loads() -> tuple[Load, ...]:
    """What is measured: Apple's settings, the optimal mechanisms at the same domains, and the rest at emoji size."""
    return (
        Load(CountMeanSketch.for_epsilon(4.0, 2600, seed=SEED, rows=1024), 2_000_000),
        Load(CountMeanSketch.for_epsilon(4.0, 2600, seed=SEED, rows=65_536), 6_000_000),
        Load(HadamardCountMeanSketch.for_epsilon(4.0, 250_000, seed=SEED), 32_000_000),
        Load(ProjectiveGeometryResponse.for_epsilon(4.0, 2600), 32_000_000),
        Load(ProjectiveGeometryResponse.for_epsilon(4.0, 250_000), 32_000_000),
        Load(RandomizedResponse.for_epsilon(4.0, 50), 4_000_000),
        Load(SubsetSelection.for_epsilon(4.0, 2600), 200_000),
        Load(UnaryEncoding.for_epsilon(4.0, 2600), 200_000),
        Load(LocalHashing.for_epsilon(4.0, 2600), 100_000),
    )


def statistics(json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None) -> None:
    """Reports summed a second on one core, the share of a plain memory read, and seconds to decode a histogram."""
    check_outputs(json_file)
    read = read_bytes_per_second()
    measured = [measure(load, read) for load in loads()]
    summary = {"read_gb_per_second": round(read / 1e9, 2), "mechanisms": measured}
    write_json(json_file, summary)
    _print(summary)


def read_bytes_per_second() -> float:
    """Bytes a second that one core reads through once, from memory larger than its caches."""
    block = np.ones(READ_BYTES // 8, np.uint64)
    return block.nbytes / fastest(lambda: np.bitwise_or.reduce(block))


def measure(load: Load, read: float) -> dict[str, Any]:
    """One mechanism's figures; reports stand grouped by their row, as a shuffle may leave them."""
    mechanism, state = load.mechanism, empty_state(load.mechanism)
    payloads = made_up(mechanism, load.reports)
    seconds = fastest(lambda: mechanism.accumulate(state, payloads))
    decode = fastest(lambda: mechanism.estimate(state, load.reports))
    plain = {field.name: getattr(mechanism, field.name) for field in fields(mechanism)}  # type: ignore[arg-type]
    return {
        "name": mechanism.NAME,
        "parameters": {name: value.hex() if isinstance(value, bytes) else value for name, value in plain.items()},
        "reports_per_second": round(load.reports / seconds),
        "bytes_per_report": mechanism.payload.itemsize,
        "read_share": round(load.reports * mechanism.payload.itemsize / seconds / read, 4),
        "decode_seconds": round(decode, 5),
    }


def made_up(mechanism: FrequencyOracle, n: int) -> Payloads:
    """Payloads[n] that look random to the counter: uniform fields, or a few drawn ones over and over; grouped by row."""
    entropy, payloads = SeededEntropy(1), np.zeros(n, mechanism.payload)
    if isinstance(mechanism, CountMeanSketch):
        payloads["bits"] = _words(entropy, n * mechanism.width // 64).view(np.uint8).reshape(n, -1)
        payloads["row"] = np.sort(_words(entropy, n) % np.uint64(mechanism.rows))
    elif isinstance(mechanism, HadamardCountMeanSketch):
        payloads["row"] = np.sort(_words(entropy, n) % np.uint64(mechanism.rows))
        payloads["column"] = _words(entropy, n) % np.uint64(mechanism.width)
        payloads["sign"] = _words(entropy, n) & np.uint64(1)
    elif isinstance(mechanism, ProjectiveGeometryResponse):
        payloads["point"] = _words(entropy, n) % np.uint64(mechanism.cells[0])
    else:
        drawn = mechanism.randomize(np.arange(SMALL) % mechanism.domain, entropy)
        payloads[:] = drawn[np.arange(n) % SMALL]
    return payloads


def _words(entropy: SeededEntropy, n: int) -> NDArray[np.uint64]:
    return np.asarray(entropy.words(1, n)[0], np.uint64)


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of several runs, after one that compiles and warms the caches."""
    work()
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _print(summary: dict[str, Any]) -> None:
    table = Table(title=f"one core; plain read {summary['read_gb_per_second']} GB/s", box=SIMPLE)
    table.add_column("mechanism", no_wrap=True)
    for column in ("reports/s", "bytes", "of read", "decode s"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in summary["mechanisms"]:
        share = f"{one['read_share']:.1%}"
        figures = (f"{one['reports_per_second']:,}", str(one["bytes_per_report"]), share, f"{one['decode_seconds']:.4f}")
        table.add_row(one["name"].split("/")[0], *figures)
    Console().print(table)
