"""`choral companion`: one person's companion, on a page that this computer serves to one browser."""

import logging
import os
import platform
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

import typer
import uvicorn

from choral.apps.companion.device.home import Home, Opened
from choral.apps.companion.device.signals import companion_signals
from choral.apps.companion.device.watcher import Desktop
from choral.apps.companion.page import Desk, Settings, Watching, application
from choral.apps.companion.page.pulse import Pulse
from choral.cli.device.room import NoServer, default_home
from choral.cli.logs import log_as_json
from choral.device import Agent, Budget, HttpTransport, LinuxConditions
from choral.device.home import DEFAULT_BUDGET
from choral.device.keys import KeyRing, open_vault
from choral.device.ledger import DEFAULT_TRUSTS
from choral.errors import ChoralError, UsageError
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.numerics import SystemEntropy
from choral.pages import Door

HERE = "127.0.0.1"
BEAT_SECONDS = 20.0
BACKLOG = 128

_log = logging.getLogger("choral.companion")
app = typer.Typer(help="One person's companion: a day in hours, moods, suggestions.", rich_markup_mode=None)


@app.command(name="companion")
def companion_command(
    folder: Annotated[Path | None, typer.Option(help="Its folder. Without it: the usual place of this system.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this computer; 0 takes a free one.")] = 0,
    zone: Annotated[str, typer.Option(help="Time zone, such as Europe/London. Without it: this system's.")] = "",
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser, where there is one.")] = True,
) -> None:
    """Keep a day in hours, alone and offline, encrypted; what may leave is asked for, one purpose at a time."""
    log_as_json()
    os.umask(0o077)
    home = Home((folder or default_home() / "companion").expanduser())
    with listening(port) as listener:
        origin = f"http://{HERE}:{listener.getsockname()[1]}"
        desk, door = desk_of(home, zone_of(zone)), Door(SystemEntropy())
        home.make_folder()
        link = _announced(door, origin)
        if open_ and _has_screen():
            webbrowser.open(link)
        if sys.stdin.isatty():
            print("Press Enter for another link, Ctrl-C to stop.", flush=True)
            threading.Thread(target=_links, args=(door, origin), name="companion-links", daemon=True).start()
        try:
            serve(desk, door, listener)
        finally:
            desk.lock()
    print("The companion is locked and has stopped.", flush=True)


def desk_of(home: Home, zone: ZoneInfo) -> Desk:
    """Everything put together, as a person's own machine has it."""
    return Desk(
        home=home,
        zone=zone,
        clock=now,
        entropy=SystemEntropy(),
        agents=agent_of,
        watching=Watching(Desktop().look),
        ring=ring_of(home.folder),
    )


def agent_of(opened: Opened, settings: Settings) -> Agent:
    """The agent of an open companion; its road leads nowhere unless the person named a server."""
    limits = (DEFAULT_BUDGET.per_day_micro, DEFAULT_BUDGET.per_year_micro, DEFAULT_BUDGET.for_life_micro)
    trusts = (*DEFAULT_TRUSTS, "sum") if settings.trusts_sums else DEFAULT_TRUSTS
    return Agent(
        store=opened.store,
        signals=companion_signals(),
        names={**MECHANISMS, **ALGORITHMS},
        operators=frozenset({bytes.fromhex(settings.operator)}) if settings.has_server else frozenset(),
        transport=HttpTransport(settings.server) if settings.has_server else NoServer(),
        entropy=SystemEntropy(),
        budget=Budget(*limits, trusts),
        witness=opened.vault,
    )


def ring_of(folder: Path) -> KeyRing | None:
    """Where this system could keep the passphrase; None where it has no keyring."""
    name = str((folder / "passphrase").resolve())
    return KeyRing(name) if isinstance(open_vault(folder / "passphrase"), KeyRing) else None


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name; of this system without one, or UTC where that says nothing."""
    if name:
        if name not in available_timezones():
            raise UsageError(f"this system knows no zone {name!r}; give --zone such as Europe/London")
        return ZoneInfo(name)
    linked = str(Path("/etc/localtime").resolve()).rpartition("zoneinfo/")[2]
    found = next((one for one in (os.environ.get("TZ", "").lstrip(":"), linked) if one in available_timezones()), "UTC")
    return ZoneInfo(found)


def serve(desk: Desk, door: Door, listener: socket.socket) -> None:
    """Answer on `listener` until a signal comes; meanwhile the watcher looks and the companion locks itself."""
    hosts = {f"{HERE}:{listener.getsockname()[1]}"}
    config = uvicorn.Config(
        application(desk, door, hosts=hosts),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )
    with beating(Pulse(desk, LinuxConditions())):
        _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Stops at an interrupt or SIGTERM and leaves it to the command to lock up: uvicorn's own would end the process first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for the server while it runs."""
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket on this computer alone; UsageError if the port is taken."""
    try:
        listener = socket.create_server((HERE, port), backlog=BACKLOG)
    except OSError as error:
        raise UsageError(f"cannot listen on port {port} ({error.strerror}); choose another one with --port") from error
    with listener:
        yield listener


@contextmanager
def beating(pulse: Pulse) -> Iterator[None]:
    """The pulse beats while the context lasts; what the store or the desktop refuses is told by its kind, and it goes on."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(BEAT_SECONDS):
            try:
                pulse.beat()
            except ChoralError as error:
                _log.warning("a turn was left out", extra={"facts": {"error": type(error).__name__}})

    thread = threading.Thread(target=beat, name="companion-pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def now() -> datetime:
    """The time of day; only commands ask for it."""
    return datetime.now(UTC)


def _announced(door: Door, origin: str) -> str:
    """A new link, printed."""
    link = door.link(origin, now())
    print(f"The companion, for one browser; this link works once: {link}", flush=True)
    return link


def _links(door: Door, origin: str) -> None:
    """Another link for each line that is typed: a session lasts half a day, the program may run for weeks."""
    for _ in sys.stdin:
        _announced(door, origin)


def _has_screen() -> bool:
    """Whether a browser could be shown; a browser inside the terminal would be in the way."""
    on_a_desk = platform.system() in ("Darwin", "Windows")
    return on_a_desk or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
