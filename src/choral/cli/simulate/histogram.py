"""`choral simulate histogram`: what would be learnt from your own file, one report a device, beside the truth."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from choral.cli.memory import peak_memory_mb
from choral.cli.outputs import DPI, check_devices, check_outputs, engine_for, progress, warn, write_json
from choral.cli.plan import memory_bytes
from choral.engines import Engine
from choral.errors import UsageError
from choral.learning.post_processing import significant
from choral.mechanisms import FrequencyOracle
from choral.privacy import MICRO, micro
from choral.simulation.histogram import Histogram, Senders, bytes_needed
from choral.simulation.histogram import histogram as counted
from choral.simulation.holders import EVERYONE, Holders, categories, holders
from choral.simulation.oracles import ORACLES, oracle_name, usual_oracle
from choral.simulation.prospects import optimal_mse, oracle_warnings
from choral.simulation.tables import Table, read_names, read_values

PLOTTED = 20


def histogram(
    data: Annotated[Path, typer.Option(help="CSV, Parquet or JSON lines (also .gz).")],
    column: Annotated[str, typer.Option(help="The column of values.")],
    weight: Annotated[str | None, typer.Option(help="A column of weights: how many devices a row is, or its chance.")] = None,
    group: Annotated[str | None, typer.Option(help="A column of groups, each asked apart.")] = None,
    person: Annotated[str | None, typer.Option(help="A column of people: one device each, whatever their rows.")] = None,
    devices: Annotated[int | None, typer.Option(help="Draw so many devices; else each row, or person, is one.")] = None,
    epsilon: Annotated[float, typer.Option(help="Local privacy of one report, in nats.")] = 4.0,
    mechanism: Annotated[str, typer.Option(help=f"One of {', '.join(ORACLES)}.")] = "pgr",
    seed: Annotated[int, typer.Option(help="The same seed gives the same numbers.")] = 1,
    domain: Annotated[Path | None, typer.Option(help="The dictionary, one item a line; others count as 'other'.")] = None,
    top: Annotated[int, typer.Option(help="How many items the table shows.")] = 10,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the commonest items here (.png, .svg or .pdf).")] = None,
) -> None:
    """What would be learnt from the values in a file: estimates, errors and the truth, through any mechanism."""
    started = time.perf_counter()
    check_outputs(json_file, plot)
    check_devices(devices)
    oracle_name(mechanism)
    table = read_values(data, column, weight=weight, group=group, person=person)
    names, rows = categories(table, None if domain is None else read_names(domain))
    oracle = _oracle(mechanism, epsilon, len(names))
    cohorts = list(holders(table, rows, domain=len(names), seed=seed, devices=devices))
    n = sum(group.devices for _, group in cohorts)
    check_devices(n)
    warn(_warnings(table, oracle, domain))
    engine = engine_for(n)
    groups = dict(_results(oracle, cohorts, names, seed=seed, engine=engine))
    whole: dict[str, Any] = {
        "mechanism": oracle_name(mechanism),
        "epsilon": micro(oracle.epsilon) / MICRO,
        "domain": len(names),
        "devices": n,
        "bits_per_report": oracle.bits,
        "skipped_rows": table.skipped,
        "seconds": round(time.perf_counter() - started, 3),
        "peak_memory_mb": peak_memory_mb(engine),
    }
    summary = whole | (groups[EVERYONE] if group is None else {"groups": groups})
    write_json(json_file, summary)
    if plot:
        _plot(plot, summary, groups)
    for name, one in groups.items():
        _print(summary | one, name, top)


def _oracle(mechanism: str, epsilon: float, items: int) -> FrequencyOracle:
    """The mechanism, if its state fits into this machine."""
    oracle = usual_oracle(mechanism, epsilon, items)
    if bytes_needed(oracle) > memory_bytes():
        needed, there = bytes_needed(oracle) / 1e9, memory_bytes() / 1e9
        raise UsageError(
            f"{mechanism} over {items:,} items needs about {needed:,.1f} GB, there are {there:,.1f}; "
            "give a smaller dictionary with --domain"
        )
    return oracle


def _warnings(table: Table, oracle: FrequencyOracle, domain: Path | None) -> list[str]:
    lines = list(oracle_warnings(oracle))
    if table.skipped:
        lines.append(f"{table.skipped:,} rows without a value are left out")
    if domain is None:
        lines.append("the dictionary is the values in the file; devices need one that is public before: give it with --domain")
    return lines


def _results(
    oracle: FrequencyOracle, cohorts: list[tuple[str, Holders]], names: tuple[str, ...], *, seed: int, engine: Engine
) -> Iterator[tuple[str, dict[str, Any]]]:
    with progress(sum(group.devices for _, group in cohorts)) as done:
        for name, group in cohorts:
            started = time.perf_counter()
            found = counted(Senders(oracle, group, seed), engine=engine, done=done)
            yield name, _summary(found, oracle, names, time.perf_counter() - started)


def _summary(found: Histogram, oracle: FrequencyOracle, names: tuple[str, ...], seconds: float) -> dict[str, Any]:
    """One group's results, all items in the dictionary's order; errors in counts squared."""
    estimate = found.estimate
    columns = (estimate.values, estimate.stderr, found.truth, significant(estimate.values, estimate.stderr))
    rows = zip(names, *(np.asarray(column).tolist() for column in columns), strict=True)
    return {
        "devices": estimate.n,
        "mse": found.mse,
        "mse_theory": found.mse_theory,
        "mse_optimum": optimal_mse(oracle.epsilon, found.truth.astype(np.float64)),
        "simulation_seconds": round(seconds, 3),
        "items": [dict(zip(("item", "estimate", "stderr", "truth", "significant"), row, strict=True)) for row in rows],
    }


def _commonest(items: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: -float(item["estimate"]))[: max(count, 0)]


def _print(summary: dict[str, Any], group: str, top: int) -> None:
    console = Console()
    title = f"{summary['devices']:,} devices, {summary['mechanism']}, epsilon {summary['epsilon']:g}"
    grid = Grid(title=f"{group}: {title}" if group else title)
    for column in ("rank", "item"):
        grid.add_column(column)
    for column in ("estimate", "+-", "truth"):
        grid.add_column(column, justify="right")
    for rank, item in enumerate(_commonest(summary["items"], top), start=1):
        name = item["item"] if item["significant"] else f"({item['item']})"
        grid.add_row(str(rank), Text(name), f"{item['estimate']:,.0f}", f"{item['stderr']:,.0f}", f"{item['truth']:,}")
    console.print(grid)
    console.print(
        f"{sum(item['significant'] for item in summary['items']):,} of {summary['domain']:,} items stand out (5 % false "
        f"discoveries); in brackets: not these. Mean squared error {summary['mse']:,.0f}, theory {summary['mse_theory']:,.0f}, "
        f"exact optimum {summary['mse_optimum']:,.0f}; {summary['bits_per_report']} bits a report; {summary['seconds']:g} s.",
        highlight=False,
    )


def _plot(path: Path, summary: dict[str, Any], groups: dict[str, dict[str, Any]]) -> None:
    """Bars with error bars and the truth, one panel a group, six at most."""
    from matplotlib.figure import Figure

    shown = list(groups.items())[:6]
    figure = Figure(figsize=(7 * min(len(shown), 2), 6 * -(-len(shown) // 2)), layout="constrained")
    panels: Any = figure.subplots(-(-len(shown) // 2), min(len(shown), 2), squeeze=False)
    for (name, one), axes in zip(shown, panels.flat, strict=False):
        _bars(axes, _commonest(one["items"], PLOTTED)[::-1])
        axes.set_title(f"{name or 'all'}: {one['devices']:,} devices")
    figure.suptitle(f"{summary['mechanism']}, epsilon {summary['epsilon']:g}")
    figure.savefig(path, dpi=DPI)


def _bars(axes: Any, items: list[dict[str, Any]]) -> None:
    places = range(len(items))
    errors = [2 * item["stderr"] for item in items]
    bars = {"color": "#7fb2d6", "ecolor": "#1f4e6b", "capsize": 3, "label": "estimate, 2 standard errors"}
    axes.barh(places, [item["estimate"] for item in items], xerr=errors, **bars)
    axes.plot([item["truth"] for item in items], places, "k|", markersize=12, label="truth")
    axes.set_yticks(places, [str(item["item"])[:30].replace("$", r"\$") for item in items])
    axes.set_xlabel("devices")
    axes.legend(loc="lower right")
