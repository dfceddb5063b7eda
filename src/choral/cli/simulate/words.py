"""`choral simulate words`: which words nobody listed would be found, from your own file, beside the truth."""

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table as Grid

from choral.cli.memory import peak_memory_mb
from choral.cli.outputs import check_devices, check_outputs, engine_for, progress, warn, write_json
from choral.engines import Serial
from choral.privacy import MICRO, micro
from choral.simulation.vocabulary import METHODS, Vocabulary, method, read_vocabulary
from choral.simulation.words import Speakers, judged, learn


def words(
    data: Annotated[Path, typer.Option(help="CSV, Parquet or JSON lines (also .gz).")],
    column: Annotated[str, typer.Option(help="The column of words.")] = "word",
    weight: Annotated[str | None, typer.Option(help="A column of weights: how common a row's word is.")] = None,
    known: Annotated[Path | None, typer.Option(help="A file whose column 'word' lists words that nobody reports.")] = None,
    devices: Annotated[int | None, typer.Option(help="Draw so many devices, one word each; else each row is one.")] = None,
    epsilon: Annotated[float, typer.Option(help="Local privacy of one report, in nats.")] = 8.0,
    method_name: Annotated[str, typer.Option("--method", help=f"One of {', '.join(METHODS)}.")] = "prefix",
    seed: Annotated[int, typer.Option(help="The same seed gives the same numbers.")] = 1,
    top: Annotated[int, typer.Option(help="How many words the table shows.")] = 20,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
) -> None:
    """Words that nobody listed: which would be found among the devices' words, how common, and how surely."""
    started = time.perf_counter()
    check_outputs(json_file)
    check_devices(devices)
    chosen = method(method_name, epsilon)
    vocabulary = read_vocabulary(data, column, weight=weight, known=known)
    warn(_warnings(vocabulary, weight, devices))
    speakers = Speakers(vocabulary.words, vocabulary.shares, seed, rows=vocabulary.rows if devices is None else None)
    n = len(vocabulary.rows) if devices is None else devices
    engine = engine_for(n) if method_name == "sfp" else Serial()  # tree reports take less time than processes
    with progress(n) as done:
        learnt = learn(
            chosen.mechanism,
            chosen.algorithm,
            speakers,
            devices=n,
            rounds=chosen.rounds,
            engine=engine,
            clock=time.perf_counter,
            done=done,
        )
    summary = judged(learnt, speakers, n) | {
        "method": method_name,
        "mechanism": chosen.mechanism.NAME,
        "epsilon": micro(chosen.mechanism.epsilon) / MICRO,
        "seed": seed,
        "bits_per_report": chosen.mechanism.bits,
        "seconds": round(time.perf_counter() - started, 3),
        "peak_memory_mb": peak_memory_mb(engine),
    }
    write_json(json_file, summary)
    _print(summary, top)


def _warnings(vocabulary: Vocabulary, weight: str | None, devices: int | None) -> list[str]:
    lines = []
    if vocabulary.nothing > 0:
        lines.append(f"{vocabulary.nothing:.1%} are no new word of 2 to 14 letters a-z: their devices report 'nothing'")
    if weight is not None and devices is None:
        lines.append("weights are not used where each row is a device; draw devices with --devices")
    return lines


def _print(summary: dict[str, Any], top: int) -> None:
    console = Console()
    grid = Grid(title=f"{summary['users']:,} devices, {summary['mechanism']}, epsilon {summary['epsilon']:g}")
    grid.add_column("rank")
    grid.add_column("word")
    for column in ("estimate", "+-", "truth"):
        grid.add_column(column, justify="right")
    for rank, one in enumerate(summary["found"][: max(top, 0)], start=1):
        grid.add_row(str(rank), one["word"], f"{one['estimate']:,.0f}", f"{one['stderr']:,.0f}", f"{one['truth']:,}")
    console.print(grid)
    errors = [(one["estimate"] - one["truth"]) / one["stderr"] for one in summary["found"] if one["truth"]]
    spread = f"errors are {np.std(errors):.2f} of what is told; " if len(errors) > 1 else ""
    console.print(
        f"{len(summary['found']):,} words found, {summary['precision']:.1%} of them true; of the commonest 100 "
        f"{summary['recall']:.0%}, of 300 {summary['recall_300']:.0%}. {spread}"
        f"{summary['bits_per_report']} bits a report; decoded in {summary['decode_seconds']:.2f} s, "
        f"{summary['seconds']:g} s in all.",
        highlight=False,
    )
