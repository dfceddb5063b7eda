"""Stores and roads that fail when they are told to, and a record of what passed. The code under them is the real one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from choral.device import Transport, Unreachable
from choral.errors import StoreError
from choral.protocol import Report, report_id
from choral.simulation.memory import Place
from choral.storage import DeviceStore, DeviceTransaction, ServerStore

ASKING = ("/v1/checkouts/", "/v1/openings")
FINISHES = ("finish_shuffle", "finish_stream", "finish_release", "finish_erased")  # what a duty writes at its end
WRITES = (
    "add",
    "begin_model",
    "erase_due",
    *FINISHES,
    "forget_ids",
    "lease",
    "open_round",
    "put_release",
    "put_task",
    "roll_back",
)


class Crash(StoreError):  # noqa: N818  # named for what happens
    """The process dies here, as far as the World is concerned."""


class CrashingStore:
    """A ServerStore whose next write does not happen, or happens and is not heard of; or that waits before a duty's last.

    before, after: name of the write to die at, empty for whichever comes next, None for never
    meanwhile: what happens before the next duty finishes, once
    """

    def __init__(self, store: ServerStore) -> None:
        self.inner = store
        self.before: str | None = None
        self.after: str | None = None
        self.meanwhile: Callable[[], None] | None = None
        self.died = ""

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        return partial(self._write, name, method) if name in WRITES else method

    def _write(self, name: str, method: Callable[..., Any], *args: Any, **named: Any) -> Any:
        if name in FINISHES and self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            happens()
        if self.before in ("", name):
            self.before, self.died = None, name
            raise Crash("the server died before its commit")
        result = method(*args, **named)
        if self.after in ("", name):
            self.after, self.died = None, name
            raise Crash("the server died after its commit")
        return result


@dataclass(slots=True)
class CrashingDeviceStore:
    """A DeviceStore that dies, before the commit, in the transaction number `countdown` from now; 0: never.

    running: whether the device is at work; who only looks at it does not count
    """

    inner: DeviceStore
    countdown: int = 0
    running: bool = False

    @contextmanager
    def transaction(self) -> Iterator[DeviceTransaction]:
        """A transaction of the store below, undone if it is the one to die in."""
        with self.inner.transaction() as tx:
            yield tx
            if self.running and self.countdown:
                self.countdown -= 1
                if not self.countdown:
                    raise Crash("the device died before its commit")

    def shred(self) -> None:
        """As the store below."""
        self.inner.shred()

    def close(self) -> None:
        """As the store below."""
        self.inner.close()


@dataclass(slots=True)
class Wire:
    """What passed, by report id: bytes in the order of their first sending, who sent them, what reached the server.

    tokens: what was shown with a report; places: task and round of each report
    asked: downloads of check-outs and openings, each kept once, in their order
    forged: reports that no device made and that may have reached the server
    """

    sent: dict[bytes, bytes] = field(default_factory=dict)
    tokens: dict[bytes, bytes] = field(default_factory=dict)
    places: dict[bytes, Place] = field(default_factory=dict)
    asked: dict[bytes, str] = field(default_factory=dict)
    forged: set[bytes] = field(default_factory=set)
    sender: dict[bytes, int] = field(default_factory=dict)
    delivered: set[bytes] = field(default_factory=set)
    acknowledged: set[bytes] = field(default_factory=set)

    def note(self, report: bytes) -> bytes:
        """The report's id; from now on it is known where it belongs."""
        name, header = report_id(report), Report.from_bytes(report)
        self.places.setdefault(name, (header.task, header.round))
        return name


@dataclass(slots=True)
class FaultyTransport:
    """One device's road, which loses a request or an answer when told to."""

    road: Callable[[], Transport]
    wire: Wire
    device: int
    drop_request: bool = False
    drop_response: bool = False

    def fetch(self, path: str) -> bytes:
        """Downloads always work: a device without news has its latest check-out."""
        body = self.road().fetch(path)
        if path.startswith(ASKING):
            self.wire.asked.setdefault(body, path)
        return body

    def send(self, report: bytes, token: bytes = b"") -> None:
        """Hand the report over, or lose it, or lose the answer."""
        name = self.wire.note(report)
        self.wire.sent.setdefault(name, report)
        self.wire.sender.setdefault(name, self.device)
        self.wire.tokens.setdefault(name, token)
        lost_request, lost_response = self.drop_request, self.drop_response
        self.drop_request = self.drop_response = False
        if lost_request:
            raise Unreachable("the request was lost")
        self.wire.delivered.add(name)
        self.road().send(report, token)
        self.wire.acknowledged.add(name)
        if lost_response:
            raise Unreachable("the answer was lost")
