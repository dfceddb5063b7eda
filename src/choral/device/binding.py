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


Rows = dict[tuple[str, bytes], int]  # table and key of each bound row -> its hash


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
        self._rows: Rows = {}
        self.was_broken = False

    @contextmanager
    def transaction(self) -> Iterator[DeviceTransaction]:
        """A transaction of the store, whose bound rows are those that were last written through a BoundStore."""
        with self._store.transaction() as tx:
            if self._seen is not None and tx.changes() == self._seen:
                bound = BoundTransaction(tx, self._tables, self._binding, self._rows)
            else:
                bound = BoundTransaction(tx, self._tables, BINDINGS.get(tx, b""), {})
                bound.read()
                if not bound.holds():
                    self._broken(bound)
                    bound.bind_anew()
                    self.was_broken = True
            yield bound
            binding, seen = bound.keep(), tx.changes()
        self._binding, self._seen, self._rows = binding, seen, bound.rows()

    def shred(self) -> None:
        """As the store does it."""
        self._store.shred()
        self._seen = None

    def close(self) -> None:
        """As the store does it."""
        self._store.close()


class BoundTransaction:
    """Reads and writes of one transaction; what is written to bound tables goes into the digest.

    binding: as it is written; rows: hashes of all bound rows, which stay as they are until the transaction is over
    """

    __slots__ = ("_binding", "_changed", "_digest", "_rows", "_secret", "_tables", "_tx")

    def __init__(self, tx: DeviceTransaction, tables: frozenset[str], binding: Binding | None, rows: Rows) -> None:
        self._tx = tx
        self._tables = tables
        self._binding = binding
        self._secret = binding.secret if binding else os.urandom(BYTES)
        self._digest = int.from_bytes(binding.digest) if binding else 0
        self._rows = rows
        self._changed: dict[tuple[str, bytes], int] = {}

    def read(self) -> None:
        """Hash all bound rows as they lie in the store."""
        scanned = ((table, row) for table in self._tables for row in self._tx.scan(table))
        self._rows = {(table, key): self._hash(table, key, value) for table, (key, value) in scanned}

    def bind_anew(self) -> None:
        """Bound from now on to the rows as they are, under a secret of its own."""
        self._binding, self._secret, self._changed = None, os.urandom(BYTES), {}
        self.read()
        self._digest = self._sum()

    def get(self, table: str, key: bytes) -> bytes | None:
        """The value, or None."""
        return self._tx.get(table, key)

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Keep the value, in place of an earlier one."""
        if table in self._tables:
            self._turn(table, key, self._hash(table, key, value))
        self._tx.put(table, key, value)

    def delete(self, table: str, key: bytes) -> None:
        """Let go of the value, if there is one."""
        if table in self._tables:
            self._turn(table, key, 0)
        self._tx.delete(table, key)

    def scan(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """All keys and values of the table, in the order of the keys."""
        return self._tx.scan(table)

    def changes(self) -> int:
        """As the store counts them."""
        return self._tx.changes()

    def holds(self) -> bool:
        """Whether the bound rows are those that the digest was made of; a store that was never bound must have none."""
        return not self._rows if self._binding is None else self._sum() == self._digest

    def rows(self) -> Rows:
        """The hashes of all bound rows after what this transaction changed."""
        if self._changed:
            self._rows = {name: hash_ for name, hash_ in {**self._rows, **self._changed}.items() if hash_}
            self._changed = {}
        return self._rows

    def keep(self) -> Binding | None:
        """Write the digest down, if it changed; what is written now."""
        fresh = Binding(self._secret, self._digest.to_bytes(BYTES))
        if self._binding is None and not self._digest:
            return None
        if fresh != self._binding:
            BINDINGS.put(self._tx, b"", fresh)
        return fresh

    def _turn(self, table: str, key: bytes, hash_: int) -> None:
        """Take the row that is there out of the digest, and the one that follows in; 0 stands for none."""
        name = (table, key)
        self._digest ^= self._changed.get(name, self._rows.get(name, 0)) ^ hash_
        self._changed[name] = hash_

    def _sum(self) -> int:
        total = 0
        for hash_ in self._rows.values():
            total ^= hash_
        return total

    def _hash(self, table: str, key: bytes, value: bytes) -> int:
        head = table.encode() + b"\0" + len(key).to_bytes(4) + key
        return int.from_bytes(hashlib.blake2b(head + value, digest_size=BYTES, key=self._secret).digest())
