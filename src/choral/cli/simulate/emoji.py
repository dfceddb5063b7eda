"""`choral simulate emoji`: what a server would learn from a million keyboards, in seconds and without a phone."""

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from choral.apps.keyboard import LOCALES, dictionary, english_names, oracle
from choral.apps.keyboard.population import population
from choral.cli.memory import peak_memory_mb
from choral.cli.outputs import check_devices, check_outputs, engine_for, progress, write_json
from choral.privacy import MICRO, micro
from choral.simulation import Cohort, Study, study

PLOTTED = 20


def emoji(
    locale: Annotated[str, typer.Option(help=f"One of {', '.join(LOCALES)}.")] = "en",
    devices: Annotated[int, typer.Option(help="How many devices report, once each.")] = 100_000,
    epsilon: Annotated[float, typer.Option(help="Local privacy of one report, in nats.")] = 4.0,
    mechanism: Annotated[str, typer.Option(help="cms (Apple's sketch) or rr (randomized response).")] = "cms",
    seed: Annotated[int, typer.Option(help="The same seed gives the same numbers.")] = 1,
    top: Annotated[int, typer.Option(help="How many emoji the table shows.")] = 10,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the commonest emoji here (.png, .svg or .pdf).")] = None,
) -> None:
    """Which emoji are typed on one day: the estimate of one report a device, beside the truth."""
    check_devices(devices)
    check_outputs(json_file, plot)
    cohort, engine = Cohort(oracle(mechanism, epsilon=epsilon), population(locale, seed), seed), engine_for(devices)
    started = time.perf_counter()
    with progress(devices) as done:
        result = study(cohort, devices, engine=engine, done=done)
    summary = _summary(mechanism, cohort, result, time.perf_counter() - started)
    summary["peak_memory_mb"] = peak_memory_mb(engine)
    write_json(json_file, summary)
    if plot:
        _plot(plot, summary, f"{LOCALES[locale]} keyboards, one day")
    _print(summary, LOCALES[locale], top)


def _summary(name: str, cohort: Cohort, result: Study, seconds: float) -> dict[str, Any]:
    """What `--json` writes: all items in the dictionary's order."""
    mechanism, estimate = cohort.mechanism, result.estimate
    columns = (dictionary(), estimate.values, estimate.stderr, result.sampled, result.typed, result.marginal)
    keys = ("item", "estimate", "stderr", "truth", "typed", "share")
    return {
        "mechanism": name,
        "epsilon": micro(mechanism.epsilon) / MICRO,
        "devices": estimate.n,
        "domain": mechanism.domain,
        "bits_per_report": mechanism.bits,
        "mse": result.mse,
        "mse_theory": result.mse_theory,
        "seconds": round(seconds, 3),
        "items": [dict(zip(keys, row, strict=True)) for row in zip(*map(_plain, columns), strict=True)],
    }


def _plain(column: Any) -> list[Any]:
    return list(np.asarray(column).tolist())


def _commonest(items: list[dict[str, Any]], count: int) -> list[tuple[str, dict[str, Any]]]:
    """The `count` items with the highest estimates, with their English names."""
    named = zip(english_names(), items, strict=True)
    return sorted(named, key=lambda pair: -float(pair[1]["estimate"]))[: max(count, 0)]


def _print(summary: dict[str, Any], language: str, top: int) -> None:
    console = Console()
    table = Table(title=f"{language} keyboards: {summary['devices']:,} devices, one day, epsilon {summary['epsilon']:g}")
    for column in ("rank", "emoji", "name"):
        table.add_column(column)
    for column in ("estimate", "+-", "truth"):
        table.add_column(column, justify="right")
    for rank, (name, item) in enumerate(_commonest(summary["items"], top), start=1):
        table.add_row(str(rank), item["item"], name, f"{item['estimate']:,.0f}", f"{item['stderr']:,.0f}", f"{item['truth']:,}")
    console.print(table)
    console.print(
        f"truth: what the sampled reports say. Mean squared error {summary['mse']:,.0f}, theory {summary['mse_theory']:,.0f}, "
        f"ratio {summary['mse'] / summary['mse_theory']:.3f}; "
        f"{summary['bits_per_report']} bits a report; {summary['seconds']:g} s."
    )


def _plot(path: Path, summary: dict[str, Any], title: str) -> None:
    """Bars with error bars, the truth as ticks, emoji by their English names."""
    from matplotlib.figure import Figure

    chosen = _commonest(summary["items"], PLOTTED)[::-1]
    places = range(len(chosen))
    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.subplots()
    axes.barh(
        places,
        [item["estimate"] for _, item in chosen],
        xerr=[2 * item["stderr"] for _, item in chosen],
        color="#7fb2d6",
        ecolor="#1f4e6b",
        capsize=3,
        label="estimate, 2 standard errors",
    )
    axes.plot([item["truth"] for _, item in chosen], places, "k|", markersize=12, label="truth (sampled events)")
    axes.set_yticks(places, [name for name, _ in chosen])
    axes.set_xlabel("devices")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_title(f"{title}: {summary['devices']:,} devices, {summary['mechanism']}, epsilon {summary['epsilon']:g}")
    axes.legend(loc="lower right")
    figure.savefig(path)
