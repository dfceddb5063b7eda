"""What every study command does with its results: checks the paths first, shows a bar, writes JSON, warns."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from choral.cli.memory import WeighingProcesses
from choral.engines import Engine, Serial
from choral.errors import UsageError

MOST_DEVICES = 100_000_000
WORTH_PROCESSES = 400_000  # devices from which two processes win back the seconds that they take to start
QUIET_SECONDS = 2  # shorter work shows no bar
PLOTS = (".png", ".svg", ".pdf")
DPI = 100


def check_outputs(json_file: Path | None, plot: Path | None = None) -> None:
    """UsageError, before anything is computed, for a file that could not be written in the end."""
    for path in (json_file, plot):
        if path and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise UsageError(f"cannot write {path}: name a file in a folder that exists")
    if plot and plot.suffix.lower() not in PLOTS:
        raise UsageError(f"cannot draw {plot}: the name must end in {', '.join(PLOTS)}")


def check_devices(devices: int | None) -> None:
    """UsageError for a number of devices that cannot be simulated."""
    if devices is not None and not 1 <= devices <= MOST_DEVICES:
        raise UsageError(f"{devices} devices cannot be simulated; choose 1 to {MOST_DEVICES:,}")


def write_json(path: Path | None, summary: Mapping[str, Any]) -> None:
    """The results as UTF-8 JSON, numbers that do not exist as null."""
    if path:
        path.write_text(json.dumps(summary, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def engine_for(devices: int) -> Engine:
    """Two processes where that pays, else none."""
    return WeighingProcesses(2) if devices >= WORTH_PROCESSES else Serial()


@contextmanager
def progress(total: int, what: str = "devices") -> Iterator[Any]:
    """A bar on standard error, once the work has taken two seconds; yields a function to be told how much more is done."""
    bar = Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task, started = bar.add_task(what, total=total), time.monotonic()

    def done(more: int) -> None:
        bar.advance(task, more)
        if not bar.live.is_started and time.monotonic() - started > QUIET_SECONDS:
            bar.start()

    try:
        yield done
    finally:
        bar.stop()


def warn(lines: list[str]) -> None:
    """Each line on standard error."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for line in lines:
        console.print(f"warning: {line}", markup=False)
