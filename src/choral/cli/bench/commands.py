"""`choral bench`: what this machine can do, measured as a user would feel it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from choral.cli.lazy import Lazy, group_of

OTHERS = {
    "statistics": Lazy("bench.statistics", "statistics"),
    "federated": Lazy("bench.federated", "federated", "server,learning"),
    "stickers": Lazy("bench.stickers", "stickers", "server,stickers"),
    "companion": Lazy("bench.companion", "companion", "server,companion"),
    "links": Lazy("bench.links", "links", "server,phishing"),
}


class Rounds(StrEnum):
    """What the devices of `choral bench rounds` do."""

    FEDERATED = "federated-averaging"
    DRAWN = "draw-and-discard"


app = typer.Typer(cls=group_of(OTHERS), help="Measure what this machine can do.", rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure what this machine can do."""


@app.command()
def ingest(
    seconds: Annotated[float, typer.Option(min=0.5, help="Length of one run.")] = 10.0,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each kind; the median counts.")] = 3,
    connections: Annotated[int, typer.Option(min=1, max=1_000, help="Connections of the load process.")] = 64,
    stored: Annotated[int, typer.Option(min=0, help="Reports already stored in the second kind of run.")] = 1_000_000,
    database: Annotated[str | None, typer.Option(help="An empty PostgreSQL database to measure too; the reports stay.")] = None,
    folder: Annotated[Path, typer.Option(help="Where the store is made for the time being: the disk to measure.")] = Path(),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
) -> None:
    """Durable uploads a second: sealed emoji reports from a process of their own, each acknowledged after its commit."""
    from choral.cli.bench.ingest import Plan, run

    run(Plan(seconds, runs, connections, stored, folder, database), json_file)


@app.command()
def rounds(
    algorithm: Annotated[
        Rounds, typer.Option(help="Updates of 200 numbers that are kept, or models of 53 that are folded, with tokens.")
    ] = Rounds.FEDERATED,
    devices: Annotated[int, typer.Option(min=1, max=10_000, help="Devices that wait at once.")] = 1_000,
    seconds: Annotated[float, typer.Option(min=0.5, help="Length of one run.")] = 10.0,
    runs: Annotated[int, typer.Option(min=1, help="Runs; the median counts.")] = 3,
    folder: Annotated[Path, typer.Option(help="Where the store is made for the time being: the disk to measure.")] = Path(),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
) -> None:
    """Durable round trips a second: check-out and upload of a sealed report, a connection for each request."""
    from choral.cli.bench.rounds import FederatedLoad, Plan, run

    plan = Plan(devices, seconds, runs, folder)
    if algorithm is Rounds.FEDERATED:
        run(plan, FederatedLoad.prepared, json_file)
    else:
        from choral.cli.bench.drawn_rounds import DrawnLoad

        run(plan, DrawnLoad.for_runs(seconds), json_file)
