"""The `choral` command: every subcommand under one roof, loaded when it is asked for, and errors without tracebacks."""

import signal
import sys
from collections.abc import Mapping
from typing import NoReturn

import typer
from rich.console import Console

from choral import __version__
from choral.cli.lazy import Lazy, group_of, needs
from choral.errors import ChoralError

EXIT_REFUSED = 2
EXIT_STOPPED = 128 + signal.SIGTERM
COMMANDS: Mapping[str, Lazy] = {
    "demo": Lazy("demo.commands"),
    "serve": Lazy("serve"),
    "catalogue": Lazy("catalogue", extra="server,stickers"),
    "issuer": Lazy("issuer"),
    "device": Lazy("device.commands", extra=""),
    "companion": Lazy("companion", extra="companion"),
    "task": Lazy("task.commands"),
    "labels": Lazy("labels", extra="server,phishing"),
    "data": Lazy("data"),
    "plan": Lazy("plan"),
    "simulate": Lazy("simulate.commands"),
    "experiment": Lazy("experiment.commands"),
    "audit": Lazy("audit"),
    "trace": Lazy("trace.commands"),
    "bench": Lazy("bench.commands"),
}

app = typer.Typer(
    name="choral",
    cls=group_of(COMMANDS),
    help="Learns from many people's devices and hears none of them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def root(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    """Learns from many people's devices and hears none of them."""
    if version:
        print(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; a ChoralError becomes one line on standard error and exit status 2.

    SIGTERM ends a command as an interrupt does: what it started is stopped, what it made for the time being is deleted.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_STOPPED))
    try:
        app()
    except ChoralError as error:
        _refuse(str(error))
    except ModuleNotFoundError as error:
        if (error.name or "choral").startswith("choral"):
            raise
        _refuse(needs("server", error.name or ""))
    except KeyboardInterrupt:
        sys.exit(130)


def _refuse(message: str) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"error: {message}", markup=False)
    sys.exit(EXIT_REFUSED)
