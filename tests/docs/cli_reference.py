"""docs/cli.md, made from the commands themselves: `python -m tests.docs.cli_reference` writes it again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from choral.cli.app import app

PATH = Path(__file__).parents[2] / "docs" / "cli.md"
HEAD = """# Commands

Generated from the program (`python -m tests.docs.cli_reference`); a test compares.
"""


def commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name."""
    if hasattr(command, "list_commands"):
        for name in command.list_commands(None):
            yield from commands(command.get_command(None, name), (*path, name))
    else:
        yield " ".join(path), command


def option(parameter: Any) -> str:
    """One line for one option or argument."""
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    default = parameter.default
    shown = "" if default in (None, False, True, "", [], ()) or callable(default) else f" (default {default})"
    return f"| {names} | {(getattr(parameter, 'help', '') or '').strip()}{shown} |"


def section(name: str, command: Any) -> str:
    """One command: what it does, and its options."""
    rows = [option(one) for one in command.params if one.name != "help" and not getattr(one, "hidden", False)]
    table = "\n".join(["", "| option | |", "|---|---|", *rows, ""]) if rows else ""
    return f"## `{name}`\n{(command.help or '').strip()}\n{table}"


def reference() -> str:
    """The whole page."""
    return HEAD + "\n" + "\n".join(section(name, one) for name, one in commands(typer.main.get_command(app), ("choral",)))


if __name__ == "__main__":
    PATH.write_text(reference())
