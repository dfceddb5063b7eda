"""The `choral` command: every subcommand under one roof, loaded when it is asked for, and errors without tracebacks."""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NoReturn

import typer
from rich.console import Console
from typer.core import TyperGroup

from choral import __version__
from choral.errors import ChoralError

EXIT_REFUSED = 2
COMMANDS: Mapping[str, str] = {  # name -> the extra that its module needs
    "demo": "server",
    "serve": "server",
    "device": "",
    "task": "server",
    "plan": "server",
    "simulate": "server",
    "experiment": "server",
    "audit": "server",
    "trace": "server",
    "bench": "server",
}


class LazyGroup(TyperGroup):
    """Imports `choral.cli.NAME` when NAME is asked for: a bare device has no server to import."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, whether or not their extra is installed."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or one that says which extra is missing."""
        if cmd_name not in COMMANDS:
            return None
        try:
            command: Any = typer.main.get_command(import_module(f"choral.cli.{cmd_name}").app)
        except ModuleNotFoundError as error:
            if not COMMANDS[cmd_name] or (error.name or "").startswith("choral"):
                raise
            command = _missing(COMMANDS[cmd_name], error.name or "a module")
        command.name = cmd_name
        return command


app = typer.Typer(
    name="choral",
    cls=LazyGroup,
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
    """Run the command line; a ChoralError becomes one line on standard error and exit status 2."""
    try:
        app()
    except ChoralError as error:
        _refuse(str(error))
    except ModuleNotFoundError as error:
        if (error.name or "choral").startswith("choral"):
            raise
        _refuse(_needs("server", error.name or ""))
    except KeyboardInterrupt:
        sys.exit(130)


def _refuse(message: str) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"error: {message}", markup=False)
    sys.exit(EXIT_REFUSED)


def _needs(extra: str, module: str) -> str:
    return f"this command needs the module {module!r}; install it with: pip install 'choral[{extra}]'"


def _missing(extra: str, module: str) -> Any:
    stub = typer.Typer(rich_markup_mode=None)

    @stub.command(
        help=f"(not installed: needs pip install 'choral[{extra}]')", context_settings={"ignore_unknown_options": True}
    )
    def refuse(arguments: list[str] = typer.Argument(None, hidden=True)) -> None:  # noqa: B008
        del arguments
        raise ChoralError(_needs(extra, module))

    return typer.main.get_command(stub)
