"""`choral data pull`: data sets from their public homes, checked against a pinned hash."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from choral.apps.phishing.study.download import HANNOUSSE, pull
from choral.errors import UsageError

SETS = {"phishing": HANNOUSSE}
PATIENCE_SECONDS = 30.0
HASH = re.compile("[0-9a-f]{64}")

app = typer.Typer(help="Data sets from their public homes.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def data() -> None:
    """Data sets from their public homes."""


@app.command("pull")
def pull_command(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(SETS)}.")],
    folder: Annotated[Path, typer.Option(help="Where the file goes.")] = Path(),
    url: Annotated[str | None, typer.Option(help="Another address of the same file.")] = None,
    sha256: Annotated[str | None, typer.Option(help="Another file's hash, if you know better.")] = None,
) -> None:
    """Download a data set, and keep it only if its SHA-256 is the pinned one."""
    if name not in SETS:
        raise UsageError(f"there is no data set {name!r}; choose one of {', '.join(SETS)}")
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; make it, or name another with --folder")
    if sha256 is not None and not HASH.fullmatch(sha256):
        raise UsageError(f"{sha256!r} is no SHA-256; give its 64 hex digits in small letters")
    source = replace(SETS[name], url=url or SETS[name].url, sha256=sha256 or SETS[name].sha256)
    columns = (TextColumn(name), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with (
        Progress(*columns, console=Console(stderr=True), transient=True) as bar,
        httpx.Client(timeout=PATIENCE_SECONDS) as client,
    ):
        shown = bar.add_task(name, total=None)
        path = pull(source, folder, client, told=lambda more, total: bar.update(shown, advance=more, total=total))
    print(f"{path}\n{source.credit}")
