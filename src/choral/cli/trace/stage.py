"""The stage of a trace: keys that everyone knows, a server in this process, and the duties of its operator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from choral.cli.trace.tracing import script, secret
from choral.device import InProcessTransport
from choral.engines import Serial
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.protocol import Release, Task, sign
from choral.server import TaskBook, application, publish_release, publish_task, release_once, shuffle_once, stream_once
from choral.storage import MemoryServerStore

NAMES: Mapping[str, type[Any]] = {**MECHANISMS, **ALGORITHMS}


@dataclass(slots=True)
class Stage:
    """A server whose clock the story holds."""

    now: datetime
    store: MemoryServerStore = field(default_factory=MemoryServerStore)

    @property
    def operators(self) -> frozenset[bytes]:
        """Who may publish."""
        return frozenset({self._key("operator").public_key().public_bytes_raw()})

    @property
    def server_key(self) -> bytes:
        """Public key of check-outs and releases."""
        return self._key("server").public_key().public_bytes_raw()

    @property
    def shuffler_key(self) -> bytes:
        """Public key of seals."""
        return self._shuffler().public_key().public_bytes_raw()

    def publish(self, message: Task | Release) -> None:
        """Sign it as the operator and hand it to the server."""
        signed = sign(message, self._key("operator"))
        if isinstance(message, Release):
            publish_release(self.store, signed, operators=self.operators)
        else:
            here = {"operators": self.operators, "names": NAMES, "server_key": self.server_key, "now": self.now}
            publish_task(self.store, signed, **here)  # type: ignore[arg-type]

    def transport(self) -> InProcessTransport:
        """A road to the server."""
        face = application(
            self.store,
            server_key=self._key("server"),
            operators=self.operators,
            operator_token="",
            names=NAMES,
            clock=lambda: self.now,
            entropy=script(),
        )
        return InProcessTransport(face)

    def shuffle(self) -> None:
        """The shuffler's duty."""
        shuffle_once(self.store, self._shuffler(), names=NAMES, entropy=script(), now=self.now)

    def stream(self) -> None:
        """The shuffler's duty where every report is a batch of one."""
        stream_once(TaskBook(self.store, NAMES), self._shuffler(), entropy=script(), now=self.now)

    def release(self) -> None:
        """The aggregator's duty."""
        release_once(self.store, self._key("server"), names=NAMES, engine=Serial(), entropy=script(), now=self.now)

    def _key(self, name: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(secret(name))

    def _shuffler(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(secret("shuffler"))
