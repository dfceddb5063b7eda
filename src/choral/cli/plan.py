"""`choral plan`: which mechanism suits a question, what it would show, and what it would cost."""

import math
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from choral.cli.outputs import DPI, check_outputs, warn, write_json
from choral.errors import UsageError
from choral.simulation.costs import MACHINE
from choral.simulation.plan import Plan, error_curve, plan, plan_for_error
from choral.simulation.prospects import POWER, Prospect, Question
from choral.simulation.tables import read_names

DECADES = 2  # the plot goes so many powers of ten below and above the devices asked for
POINTS = 17
COLUMNS = ("bits", "error %", "count", "sees %", "hostile", "server", "MB", "shuffled")

app = typer.Typer(help="Choose a mechanism before anything is asked of anyone.", rich_markup_mode=None)


@app.command(name="plan")
def plan_command(
    devices: Annotated[int, typer.Option(help="How many devices will answer.")],
    domain: Annotated[str, typer.Option(help="How many items, or a file with one item a line.")],
    epsilon: Annotated[float | None, typer.Option(help="Local privacy of one report, in nats.")] = None,
    error: Annotated[float | None, typer.Option(help="Instead of epsilon: the wished standard error of a share.")] = None,
    days: Annotated[int, typer.Option(help="Days of reports in one release.")] = 1,
    reports_per_day: Annotated[int, typer.Option(help="Reports a device sends each day.")] = 1,
    delta: Annotated[float, typer.Option(help="Chance by which the shuffled guarantee may fail.")] = 1e-6,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the whole plan here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw error against devices here (.png, .svg or .pdf).")] = None,
) -> None:
    """Compare all mechanisms for a question and recommend one: error, bits, smallest visible share, work, risk, privacy."""
    check_outputs(json_file, plot)
    if (epsilon is None) == (error is None):
        raise UsageError("say either --epsilon (the price of a report) or --error (the wished standard error of a share)")
    question = Question(devices, _items(domain), 1.0 if epsilon is None else epsilon, days, reports_per_day, delta)
    memory = memory_bytes()
    found = plan(question, memory_bytes=memory) if error is None else plan_for_error(question, error, memory_bytes=memory)
    write_json(json_file, found.document())
    if plot:
        _plot(plot, found)
    _print(found)


def memory_bytes() -> int:
    """The memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _items(domain: str) -> int:
    """The size of the dictionary: the number itself, or the lines of the file."""
    try:
        return int(domain.replace(",", "").replace("_", ""))
    except ValueError:
        return len(read_names(Path(domain)))


def _print(found: Plan) -> None:
    console, question = Console(), found.question
    table = Table(
        title=f"{question.reports:,} reports over {question.domain:,} items, epsilon {question.epsilon:.4g} each", box=SIMPLE
    )
    table.add_column("", no_wrap=True, min_width=4)
    for column in COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    for one in found.prospects:
        table.add_row(*_row(one))
    console.print(table)
    best = found.prospects[[one.name for one in found.prospects].index(found.recommended)]
    console.print(f"Recommended: {best.name} ({best.mechanism}), because {found.why}.", highlight=False, markup=False)
    console.print(_small_print(found, best), highlight=False, markup=False)
    warn([*found.warnings, *(f"{one.name}: {words}" for one in found.prospects for words in one.warnings)])


def _row(one: Prospect) -> tuple[str, ...]:
    return (
        one.name,
        f"{one.bits_per_report:,}",
        f"{100 * one.stderr:.3g}",
        f"{one.stderr_count:,.0f}",
        "none" if one.smallest_visible_share is None else f"{100 * one.smallest_visible_share:.3g}",
        f"{one.manipulation_factor:,.3g}",
        _seconds(one.aggregate_seconds + one.decode_seconds),
        f"{one.memory_mb:,.1f}",
        f"{one.epsilon_shuffled_numerical:.3g}",
    )


def _small_print(found: Plan, best: Prospect) -> str:
    question, budget = found.question, found.document()["budget"]
    return (
        "error: one standard error of a share, count: of a count; sees: the smallest visible share; hostile: counts by which "
        "one bad report moves an item; server: adding up and decoding; shuffled: epsilon if the operator shuffles honestly.\n"
        f"An item is seen, with chance {POWER:g}, if it lies {best.threshold_sigmas:.2f} standard errors above zero; "
        f"{best.false_discoveries:g} false discoveries a release are expected then "
        f"(at 3 standard errors: {best.false_discoveries_at_3_sigmas:,.2g}).\n"
        f"Local epsilon {best.epsilon:.4g} a report, whatever the server does; if its operator shuffles honestly, "
        f"{best.epsilon_shuffled_numerical:.3g} for a device in a release "
        f"(closed form {best.epsilon_shuffled:.3g}, delta {question.delta:g}).\n"
        f"Budget of a device: {budget['epsilon_per_day']:.4g} a day, {budget['epsilon_per_release']:.4g} a release, "
        f"{budget['epsilon_per_year']:,.4g} a year.\n"
        f"Decode and memory are a model of measured rates on {MACHINE}."
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:,.{0 if seconds >= 10 else 1}f} s" if seconds >= 0.1 else f"{1000 * seconds:,.2g} ms"


def _plot(path: Path, found: Plan) -> None:
    """Error against devices, both on logarithmic axes."""
    from matplotlib.figure import Figure

    question = found.question
    middle = math.log10(question.devices)
    steps = (middle - DECADES + 2 * DECADES * step / (POINTS - 1) for step in range(POINTS))
    devices = sorted({max(1, round(10**step)) for step in steps})
    figure = Figure(figsize=(8, 5.5), layout="constrained")
    axes: Any = figure.subplots()
    for one in found.prospects:
        is_best = one.name == found.recommended
        label = f"{one.name}, {one.bits_per_report:,} bits"
        axes.loglog(devices, error_curve(one.name, question, devices), label=label, linewidth=3 if is_best else 1.2)
    axes.axvline(question.devices, color="#888888", linestyle=":")
    axes.set_xlabel("devices")
    axes.set_ylabel("standard error of a share")
    axes.set_title(
        f"{question.domain:,} items, epsilon {question.epsilon:.4g}, reports of a device: {question.reports_per_device}"
    )
    axes.grid(visible=True, which="major", color="#dddddd")
    axes.legend()
    figure.savefig(path, dpi=DPI)
