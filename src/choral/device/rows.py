"""Typed tables over a device store: each row a small message, written and read by the strict codec of the wire."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from choral.errors import PeerError, StoreError
from choral.protocol import decode, encode
from choral.protocol.codec import Message
from choral.storage.device import DeviceTransaction

MOST_REMEMBERED = 64
R = TypeVar("R", bound=Message)


@dataclass(frozen=True, slots=True)
class Table(Generic[R]):
    """The table `name`, whose rows are of `kind`. Rows that are `public` are decoded once and remembered in memory."""

    name: str
    kind: type[R]
    public: bool = False

    def get(self, tx: DeviceTransaction, key: bytes) -> R | None:
        """The row, or None."""
        data = tx.get(self.name, key)
        return None if data is None else self._read(data)

    def put(self, tx: DeviceTransaction, key: bytes, row: R) -> None:
        """Keep the row, in place of an earlier one."""
        tx.put(self.name, key, encode(row))

    def delete(self, tx: DeviceTransaction, key: bytes) -> None:
        """Let go of the row, if there is one."""
        tx.delete(self.name, key)

    def scan(self, tx: DeviceTransaction) -> Iterator[tuple[bytes, R]]:
        """All keys and rows, in the order of the keys."""
        return ((key, self._read(data)) for key, data in tx.scan(self.name))

    def has(self, tx: DeviceTransaction, key: bytes) -> bool:
        """Whether there is such a row."""
        return tx.get(self.name, key) is not None

    def clear(self, tx: DeviceTransaction) -> None:
        """Let go of all rows."""
        for key, _ in tx.scan(self.name):
            tx.delete(self.name, key)

    def _read(self, data: bytes) -> R:
        try:
            return _decoded(data, self.kind) if self.public else decode(data, self.kind)
        except PeerError as error:
            raise StoreError(
                f"a row of this device's table {self.name!r} cannot be read: {error}; "
                "update choral if a newer one wrote it, or forget this device's data and start anew"
            ) from error


@lru_cache(maxsize=MOST_REMEMBERED)
def _decoded(data: bytes, kind: type[R]) -> R:
    return decode(data, kind)
