"""A page about one person, served on this machine while something lasts: what demos and tests leave open."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import uvicorn
from starlette.types import ASGIApp

from choral.cli.http import address, listen
from choral.numerics import SystemEntropy
from choral.pages import Door


@contextmanager
def page_served(make: Callable[[Door, set[str]], ASGIApp]) -> Iterator[str]:
    """The page that `make` gives for a door and the hosts it answers to; yields a link that opens it once."""
    listener, door = listen("127.0.0.1", 0), Door(SystemEntropy())
    host = address(listener)
    config = uvicorn.Config(make(door, {host}), log_level="warning", access_log=False, ws="none", server_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield door.link(f"http://{host}", datetime.now(UTC))
    finally:
        server.should_exit = True
        thread.join()
