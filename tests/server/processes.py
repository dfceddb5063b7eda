"""`choral serve` as a process of its own, started and stopped by tests."""

import os
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

PATIENCE_SECONDS = 30


def start(data: Path, *options: str, log: Path | None = None) -> tuple["subprocess.Popen[str]", str]:
    """The process and its first line, once it serves; the whole output instead if it ended before."""
    command = [sys.executable, "-m", "choral", "serve", "--data", str(data), *options]
    errors = log.open("a") if log else subprocess.PIPE
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, "COLUMNS": "200"})
    if log:
        errors.close()
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE_SECONDS)
    if not ready:
        process.kill()
        raise TimeoutError("the server did not say that it serves")
    return process, process.stdout.readline().strip()


def port_of(line: str) -> int:
    """The port in the first line that a server prints."""
    return int(line.rsplit(":", 1)[1])


def stop(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Ask the process to stop; its exit status and what it still said."""
    process.terminate()
    rest, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, rest + (errors or "")


def refusal(data: Path, *options: str) -> tuple[int, str]:
    """Exit status and words of a server that does not start."""
    process, line = start(data, *options)
    rest, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, line + rest + errors


@contextmanager
def running(data: Path, *options: str, log: Path | None = None):
    """The port of a server that runs meanwhile."""
    process, line = start(data, *options, log=log)
    try:
        yield port_of(line)
    finally:
        process.kill()
        process.communicate()


def wait_until(holds, seconds: float = PATIENCE_SECONDS) -> None:
    """Returns once `holds()` is true; TimeoutError otherwise."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("it did not come true in time")
        time.sleep(0.05)
