"""`choral serve`: the server's roles in one process, or one of them alone."""

import ipaddress
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from starlette.types import ASGIApp

from choral.apps import dashboard
from choral.cli.http import address, listen, serve_http
from choral.cli.logs import log_as_json
from choral.engines import Serial
from choral.errors import ChoralError, UsageError
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.numerics import SystemEntropy
from choral.server import KeyFolder, TaskBook, application, close_once, release_once, shuffle_once, stream_once
from choral.server.keys import OPERATOR, SHUFFLER, TOKEN
from choral.server.versions import REFUSED
from choral.storage import ServerStore, SqliteServerStore, SqlServerStore

NAMES = {**MECHANISMS, **ALGORITHMS}
POLL_SECONDS = 0.5
STREAM_SECONDS = 0.1  # between two steps of a streaming task: what comes meanwhile is folded together in one transaction
PAUSE_SECONDS = 5.0  # after a duty failed
log = logging.getLogger("choral.serve")
app = typer.Typer(rich_markup_mode=None)


class Role(StrEnum):
    """What a server process does."""

    ALL = "all"
    INGEST = "ingest"
    SHUFFLE = "shuffle"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Duty:
    """A name for the log and a function that does one piece of work, or answers None when there is none.

    poll: seconds to wait while there is none; rest: seconds to wait after each piece
    """

    name: str
    once: Callable[[datetime], Any]
    poll: float = POLL_SECONDS
    rest: float = 0.0


@app.command()
def serve(
    data: Annotated[Path, typer.Option("--data", help="Folder of the store and the keys; made if it is missing.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 0,
    database: Annotated[
        str | None,
        typer.Option(
            help="PostgreSQL to keep everything but the keys in, such as postgresql://choral@host/choral; else a file."
        ),
    ] = None,
    role: Annotated[Role, typer.Option(help="Which duties this process has.")] = Role.ALL,
    tls_cert: Annotated[Path | None, typer.Option(help="TLS certificate chain (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="TLS private key (PEM).")] = None,
) -> None:
    """Take reports, shuffle, release: a server over one folder. Stops at an interrupt or SIGTERM."""
    log_as_json()
    os.umask(0o077)
    require_safe(host, tls_cert, tls_key)
    listener = listen(host, port) if role in (Role.ALL, Role.INGEST) else None
    store = open_store(data, database)
    keys = KeyFolder(data / "keys")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    workers = [threading.Thread(target=work, args=(duty, stop), name=duty.name) for duty in duties(role, store, keys)]
    try:
        for worker in workers:
            worker.start()
        if listener is None:
            print(f"choral works as {role} on {store.place}", flush=True)
            stop.wait()
        else:
            announce = partial(_announce, listener, keys, store.place, tls=tls_cert is not None)
            serve_http(listener, face(store, keys), announce, tls_cert=tls_cert, tls_key=tls_key)
    finally:
        stop.set()
        for worker in workers:
            worker.join()
        store.close()
    print("choral has stopped", flush=True)


def open_store(data: Path, database: str | None = None) -> SqlServerStore:
    """The store in the folder `data`, which is made if it is missing; or in a PostgreSQL database."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder {data} cannot be made ({error}); name another one with --data") from error
    if database is None:
        return SqliteServerStore(data / "store.sqlite")
    try:
        from choral.storage.server_postgres import PostgresServerStore
    except ImportError:
        raise UsageError("PostgreSQL needs the package psycopg; install choral[postgres], or leave --database out") from None
    return PostgresServerStore(database)


def face(store: ServerStore, keys: KeyFolder) -> ASGIApp:
    """The interface and the dashboard over the store; it never sees the shuffler's private key."""
    interface = application(
        store,
        server_key=keys.server_key(),
        operators=frozenset({keys.public(OPERATOR)}),
        operator_token=keys.operator_token(),
        names=NAMES,
        clock=_now,
        entropy=SystemEntropy(),
    )
    return dashboard.application(interface)


def duties(role: Role, store: ServerStore, keys: KeyFolder) -> list[Duty]:
    """The work of a role; only the shuffling ones open the shuffler's private key."""
    found = []
    if role in (Role.ALL, Role.SHUFFLE):
        shuffle = partial(shuffle_once, store, keys.shuffler_key(), names=NAMES, entropy=SystemEntropy())
        stream = partial(stream_once, TaskBook(store, NAMES), keys.shuffler_key(), entropy=SystemEntropy())
        found += [
            Duty("shuffled", lambda now: shuffle(now=now)),
            Duty("folded", lambda now: stream(now=now), poll=STREAM_SECONDS, rest=STREAM_SECONDS),
            Duty("erased", lambda now: close_once(store, now=now)),
        ]
    if role in (Role.ALL, Role.RELEASE):
        release = partial(release_once, store, keys.server_key(), names=NAMES, engine=Serial(), entropy=SystemEntropy())
        found.append(Duty("released", lambda now: release(now=now)))
    return found


def work(duty: Duty, stop: threading.Event) -> None:
    """Do the duty until `stop`, with a pause while there is nothing to do and a longer one after a failure."""
    while not stop.is_set():
        try:
            done = duty.once(_now())
        except ChoralError as error:
            log.error("%s failed: %s", duty.name, error)
            stop.wait(PAUSE_SECONDS)
        except Exception as error:  # noqa: BLE001  # one batch that cannot be worked on must not stop the others
            log.error("%s failed", duty.name, extra={"facts": {"error": type(error).__name__}})
            stop.wait(PAUSE_SECONDS)
        else:
            if done is None:
                stop.wait(duty.poll)
                continue
            deed = _deed(duty, done)
            log.log(logging.WARNING if deed == REFUSED else logging.INFO, "%s", deed, extra={"facts": _facts(done)})
            stop.wait(duty.rest)


def _deed(duty: Duty, done: Any) -> str:
    """What was done, in one word: what the batch is now, unless it is open still."""
    if getattr(done, "why", "").startswith(REFUSED):
        return REFUSED
    state = str(getattr(done, "state", duty.name))
    return duty.name if state == "open" else state


def _facts(done: Any) -> dict[str, Any]:
    """What may be said of a batch or a release."""
    names = ("round", "reports", "legal", "dropped", "why")
    return {"task": done.task.hex(), **{name: getattr(done, name) for name in names if getattr(done, name, "") != ""}}


def _announce(listener: socket.socket, keys: KeyFolder, place: str, *, tls: bool) -> None:
    print(f"choral serves on {'https' if tls else 'http'}://{address(listener)}", flush=True)
    print(f"everything but the keys is kept in {place}", flush=True)
    print(f"operator's public key: {keys.public(OPERATOR).hex()}", flush=True)
    print(f"operator's token: in {keys.folder / TOKEN}", flush=True)
    if (keys.folder / f"{SHUFFLER}.pub").exists():
        print(f"shuffler's public key: {keys.public(SHUFFLER).hex()}", flush=True)


def require_safe(host: str, tls_cert: Path | None, tls_key: Path | None) -> None:
    """Reports are sealed, but an operator's token is not: off loopback only with TLS."""
    if (tls_cert is None) != (tls_key is None):
        raise UsageError("TLS needs both --tls-cert and --tls-key")
    if tls_cert is not None:
        return
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise UsageError(f"{host} is not a loopback address: give --tls-cert and --tls-key, or listen on 127.0.0.1")


def _now() -> datetime:
    return datetime.now(UTC)
