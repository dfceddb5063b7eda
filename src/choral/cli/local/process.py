"""One of choral's own services in a process of its own on this machine: for demos, benchmarks and tests."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from choral.errors import ChoralError

STOP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Service:
    """What to start. what: as messages call it; command: words after `choral`; announcement: what stands before its address"""

    what: str
    command: Sequence[str]
    announcement: str


@contextmanager
def running(service: Service, data: Path | None = None) -> Iterator[tuple[str, Path]]:
    """Address and folder of a service that runs while the context does, on a free port; a temporary folder unless `data`."""
    folder = data or Path(tempfile.mkdtemp(prefix="choral-"))
    log = folder.parent / f"{folder.name}.log"
    command = [sys.executable, "-m", "choral", *service.command, "--data", str(folder), "--port", "0"]
    with log.open("w") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
        try:
            yield _address(service, process, log), folder
        finally:
            _stop(process)
            if data is None:
                shutil.rmtree(folder, ignore_errors=True)
                log.unlink(missing_ok=True)


def _address(service: Service, process: "subprocess.Popen[str]", log: Path) -> str:
    """Where the service says that it listens; a ChoralError with its own words if it ends instead."""
    assert process.stdout is not None  # we asked for a pipe
    for line in process.stdout:
        if line.startswith(service.announcement):
            return line.removeprefix(service.announcement).strip()
    raise ChoralError(f"the {service.what} did not start: {log.read_text().strip()[-2000:] or 'it said nothing'}")


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
