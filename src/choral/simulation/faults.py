"""Stores and roads that fail when they are told to, and a record of what passed. The code under them is the real one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from choral.device import Transport, Unreachable
from choral.errors import StoreError
from choral.protocol import report_id
from choral.storage import DeviceStore, DeviceTransaction, ServerStore

SHUFFLING = {"lease", "finish_shuffle", "finish_stream", "finish_release", "finish_erased"}
WRITES = frozenset(
    {"add", "open_round", "put_task", "put_release", "begin_model", "roll_back", "erase_due", "forget_ids"} | SHUFFLING
)


class Crash(StoreError):  # noqa: N818  # named for what happens
    """The process dies here, as far as the World is concerned."""


class CrashingStore:
    """A ServerStore whose next write does not happen, or happens and is not heard of."""

    def __init__(self, store: ServerStore) -> None:
        self.inner = store
        self.before = False
        self.after = False
        self.died = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        return partial(self._write, method) if name in WRITES else method

    def _write(self, method: Callable[..., Any], *args: Any, **named: Any) -> Any:
        before, after, self.before, self.after = self.before, self.after, False, False
        self.died = self.died or before or after
        if before:
            raise Crash("the server died before its commit")
        result = method(*args, **named)
        if after:
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
    """What passed, by report id: bytes in the order of their first sending, who sent them, what reached the server."""

    sent: dict[bytes, bytes] = field(default_factory=dict)
    sender: dict[bytes, int] = field(default_factory=dict)
    delivered: set[bytes] = field(default_factory=set)
    acknowledged: set[bytes] = field(default_factory=set)


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
        return self.road().fetch(path)

    def send(self, report: bytes, token: bytes = b"") -> None:
        """Hand the report over, or lose it, or lose the answer."""
        name = report_id(report)
        self.wire.sent.setdefault(name, report)
        self.wire.sender.setdefault(name, self.device)
        lost_request, lost_response = self.drop_request, self.drop_response
        self.drop_request = self.drop_response = False
        if lost_request:
            raise Unreachable("the request was lost")
        self.wire.delivered.add(name)
        self.road().send(report, token)
        self.wire.acknowledged.add(name)
        if lost_response:
            raise Unreachable("the answer was lost")
