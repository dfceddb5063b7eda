"""Rows that decide what may leave, bound to the ledger's row: none of them can be put back, left out or changed from outside.

Each row is sealed by the store already, but an older sealed row of the same place would open too. So a digest over all bound
rows, the ledger's among them, lies beside the ledger; whoever puts any other set of rows into the file breaks it. An older
copy of everything together is what the ledger's witness is for (see keys.py).
"""

import hashlib
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from choral.device.rows import Table
from choral.protocol.codec import Wire
from choral.protocol.wire import Fixed
from choral.storage.device import DeviceStore, DeviceTransaction

BYTES = 32


@dataclass(frozen=True, slots=True)
class Binding:
    """The digest of all bound rows under a secret of this store's own: the sum, bit by bit, of each row's keyed hash.

    Without the secret nobody can choose older rows so that their hashes cancel.
    """

    KIND: ClassVar[int] = 79
    WIRE: ClassVar[Wire] = (("secret", Fixed(BYTES)), ("digest", Fixed(BYTES)))
    secret: bytes
    digest: bytes


BINDINGS = Table("binding", Binding)


class BoundStore:
    """A device's store whose `tables` are bound.

    broken: what to do, within the transaction, when bound rows are not those that were written here
    """

    def __init__(self, store: DeviceStore, tables: Collection[str], broken: Callable[[DeviceTransaction], None]) -> None:
        self._store = store
        self._tables = frozenset(tables)
        self._broken = broken
        self._seen: int | None = None
        self._binding: Binding | None = None
        self.was_broken = False

    @contextmanager
    def transaction(self) -> Iterator[DeviceTransaction]:
        """A transaction of the store, whose bound rows are those that were last written through a BoundStore."""
        with self._store.transaction() as tx:
            is_known = self._seen is not None and tx.changes() == self._seen
            bound = BoundTransaction(tx, self._tables, self._binding if is_known else BINDINGS.get(tx, b""))
            if not is_known:
                self._require_bound(bound)
            yield bound
            binding, seen = bound.keep(), tx.changes()
        self._binding, self._seen = binding, seen

    def shred(self) -> None:
        """As the store does it."""
        self._store.shred()
        self._seen = self._binding = None

    def close(self) -> None:
        """As the store does it."""
        self._store.close()

    def _require_bound(self, bound: "BoundTransaction") -> None:
        if not bound.holds():
            self._broken(bound)
            bound.bind_anew()
            self.was_broken = True


class BoundTransaction:
    """Reads and writes of one transaction; what is written to bound tables goes into the digest."""

    __slots__ = ("_binding", "_digest", "_tables", "_tx", "_written")

    def __init__(self, tx: DeviceTransaction, tables: frozenset[str], binding: Binding | None) -> None:
        self._tx = tx
        self._tables = tables
        self._binding = self._written = binding
        self._digest = int.from_bytes(binding.digest) if binding else 0

    def get(self, table: str, key: bytes) -> bytes | None:
        """The value, or None."""
        return self._tx.get(table, key)

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Keep the value, in place of an earlier one."""
        self._turn(table, key, value)
        self._tx.put(table, key, value)

    def delete(self, table: str, key: bytes) -> None:
        """Let go of the value, if there is one."""
        self._turn(table, key, None)
        self._tx.delete(table, key)

    def scan(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """All keys and values of the table, in the order of the keys."""
        return self._tx.scan(table)

    def changes(self) -> int:
        """As the store counts them."""
        return self._tx.changes()

    def holds(self) -> bool:
        """Whether the bound rows are those that the digest was made of; a store that was never bound must have none."""
        rows = [(table, *row) for table in self._tables for row in self._tx.scan(table)]
        if self._binding is None:
            return not rows
        total = 0
        for row in rows:
            total ^= self._hash(*row)
        return total == self._digest

    def bind_anew(self) -> None:
        """Start from the rows as they are now."""
        self._binding, self._digest = Binding(os.urandom(BYTES), bytes(BYTES)), 0
        for table in self._tables:
            for key, value in self._tx.scan(table):
                self._digest ^= self._hash(table, key, value)

    def keep(self) -> Binding | None:
        """Write the digest down, if it changed; what is written now."""
        if self._binding is None:
            return None
        fresh = Binding(self._binding.secret, self._digest.to_bytes(BYTES))
        if fresh != self._written:
            BINDINGS.put(self._tx, b"", fresh)
        return fresh

    def _turn(self, table: str, key: bytes, value: bytes | None) -> None:
        """Take the row that is there out of the digest, and the one that follows in."""
        if table not in self._tables:
            return
        if self._binding is None:
            self._binding = Binding(os.urandom(BYTES), bytes(BYTES))
        before = self._tx.get(table, key)
        for one in (before, value):
            if one is not None:
                self._digest ^= self._hash(table, key, one)

    def _hash(self, table: str, key: bytes, value: bytes) -> int:
        if self._binding is None:
            raise ValueError("a row is hashed under the secret of a binding; make one first")
        head = table.encode() + b"\0" + len(key).to_bytes(4) + key
        return int.from_bytes(hashlib.blake2b(head + value, digest_size=BYTES, key=self._binding.secret).digest())
