"""`choral demo`: the real thing on this machine, from keystrokes to a released histogram."""

from pathlib import Path
from typing import Annotated

import typer

from choral.cli.lazy import Lazy, group_of

OTHERS = {
    "stickers": Lazy("demo.stickers", "stickers", "server,stickers"),
    "phishing": Lazy("demo.phishing", "phishing", "server,phishing"),
    "companion": Lazy("demo.companion", "companion", "server,companion,stickers"),
}

app = typer.Typer(cls=group_of(OTHERS), help="Run the real thing on this machine.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def demo(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Stop when done; otherwise the dashboard stays up.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
    agents: Annotated[int, typer.Option(min=100, max=50_000, help="Devices in each of the two locales.")] = 2_000,
    seed: Annotated[int, typer.Option(help="Whose week it is; the privacy noise is the operating system's.")] = 1,
) -> None:
    """Popular emoji by locale: a real server, real agents in English and Japanese, seven days, one release each."""
    if context.invoked_subcommand is None:
        from choral.cli.demo.emoji import run

        run(agents=agents, seed=seed, once=once, json_file=json_file)


@app.command()
def statistics(
    once: Annotated[bool, typer.Option("--once", help="Stop when done; otherwise the dashboard stays up.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
    agents: Annotated[int, typer.Option(min=4, max=20_000, help="Devices.")] = 400,
    days: Annotated[int, typer.Option(min=1, max=7, help="Days of statistics before the tree's rounds.")] = 5,
    chance: Annotated[float, typer.Option(min=0.1, max=1, help="Of a device to answer a round of the tree.")] = 0.5,
    seed: Annotated[int, typer.Option(help="Whose week it is; the privacy noise is the operating system's.")] = 1,
) -> None:
    """Heavy sites, health data types and new words: HCMS, PGR, SFP and a prefix tree, each to its release, over HTTP."""
    from choral.cli.demo.statistics import Size, run

    run(size=Size(agents, days, chance), seed=seed, once=once, json_file=json_file)
