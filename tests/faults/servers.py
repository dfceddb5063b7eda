"""Servers that tests start by the hundred, and servers with a planted bug: `choral serve` in a process forked from a warm one.

Such a process runs what `choral serve` runs, and dies by SIGKILL as it does; it only has its imports behind it.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from choral.cli import serve
from choral.storage import ServerStore, SqliteServerStore
from tests.server.processes import PATIENCE_SECONDS

OpenStore = Callable[[Path], ServerStore]
Process = Any  # of a multiprocessing context


def fork(data: Path, open_store: OpenStore = SqliteServerStore) -> tuple[Process, int]:
    """An ingesting server over the folder `data`, and its port, once it serves. Its log is the file `log` there."""
    warm = multiprocessing.get_context("forkserver")
    warm.set_forkserver_preload(["tests.faults.servers"])
    ours, theirs = warm.Pipe()
    process = warm.Process(target=_serve, args=(data, open_store, theirs))
    process.start()
    theirs.close()
    with ours:
        if not ours.poll(PATIENCE_SECONDS):
            process.kill()
            raise TimeoutError("the server did not say that it serves")
        return process, ours.recv()


@contextmanager
def forked(data: Path, open_store: OpenStore = SqliteServerStore) -> Iterator[tuple[Process, int]]:
    """Such a server while the block runs; killed at its end."""
    process, port = fork(data, open_store)
    try:
        yield process, port
    finally:
        process.kill()
        process.join()


def _serve(data: Path, open_store: OpenStore, ready: Any) -> None:
    log = (data / "log").open("a", buffering=1)
    os.dup2(log.fileno(), sys.stderr.fileno())
    sys.stdout = sys.stderr = log
    serve.open_store = lambda folder, *_: open_store(folder / "store.sqlite")
    serve._announce = lambda listener, *_, **__: ready.send(listener.getsockname()[1])
    serve.serve(data, port=0, role=serve.Role.INGEST)
