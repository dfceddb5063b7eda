"""What every experiment leaves behind: a JSON file, plots and a page that says how they were made."""

import os
import platform
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from choral.errors import UsageError

FOLDER = Path("docs/experiments")
MOST_PLOT_BYTES = 150_000
DPI = 80


def check_folder(folder: Path) -> None:
    """UsageError, before anything is computed, unless results can be written there."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; make it, or name another with --folder")


def machine() -> str:
    """The machine in words that hold for its kind, not its name."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def command() -> str:
    """The command line as it was given, with the program's plain name."""
    return shlex.join(["choral", *sys.argv[1:]])


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; columns after the first are right-aligned."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def page(title: str, *parts: str, seconds: float) -> str:
    """The whole page: title, parts, and how it was made."""
    made = f"Made in {seconds:,.0f} s on {machine()}:\n\n```\n{command()}\n```"
    return "\n\n".join([f"# {title}", *parts, made]) + "\n"


def save_figure(figure: Any, path: Path) -> None:
    """The figure as a PNG of tolerable size."""
    figure.savefig(path, dpi=DPI)
    if path.stat().st_size > MOST_PLOT_BYTES:
        raise UsageError(f"{path} has {path.stat().st_size:,} bytes, more than {MOST_PLOT_BYTES:,}: draw less in it")
