"""Groups of commands that are imported when they are asked for: a bare device has no server to import, nor JAX."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

from choral.errors import ChoralError


@dataclass(frozen=True, slots=True)
class Lazy:
    """Where a command is. module: in choral.cli; name: of its function, or of its Typer `app`; extra: what it needs"""

    module: str
    name: str = "app"
    extra: str = "server"

    def load(self) -> Any:
        """The click command."""
        found = getattr(import_module(f"choral.cli.{self.module}"), self.name)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        alone = typer.Typer(rich_markup_mode=None, add_completion=False)
        alone.command()(found)
        return typer.main.get_command(alone)


class LazyGroup(TyperGroup):
    """A group over a table of commands."""

    table: ClassVar[Mapping[str, Lazy]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, whether or not their extra is installed, those of the group itself first."""
        return [*super().list_commands(ctx), *self.table]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or one that says which extra is missing."""
        lazy = self.table.get(cmd_name)
        if lazy is None:
            return super().get_command(ctx, cmd_name)
        try:
            command = lazy.load()
        except ModuleNotFoundError as error:
            if not lazy.extra or (error.name or "").startswith("choral"):
                raise
            command = missing(lazy.extra, error.name or "a module")
        command.name = cmd_name
        return command


def group_of(table: Mapping[str, Lazy]) -> type[LazyGroup]:
    """The class of a group with these commands."""
    return type("Group", (LazyGroup,), {"table": dict(table)})


def needs(extra: str, module: str) -> str:
    """What to do where an extra is not installed."""
    return f"this command needs the module {module!r}; install it with: pip install 'choral[{extra}]'"


def missing(extra: str, module: str) -> Any:
    """A command that says so."""
    stub = typer.Typer(rich_markup_mode=None)

    @stub.command(
        help=f"(not installed: needs pip install 'choral[{extra}]')", context_settings={"ignore_unknown_options": True}
    )
    def refuse(arguments: list[str] = typer.Argument(None, hidden=True)) -> None:  # noqa: B008
        del arguments
        raise ChoralError(needs(extra, module))

    return typer.main.get_command(stub)
