"""Rows and transactions: what a device and a server must not forget.

Knows: rows, transactions, files. Must not know: what a row is for.
Interface: `DeviceStore` and `ServerStore`, each in memory and in SQLite; server_postgres.py, which needs its own extra.
Add here: a `Database` where SQL serves, else one file; then run `check_device_store` or `check_server_store`.
Tested in: tests/contracts, tests/server/test_crashes.py (a death at any statement), tests/postgres, tests/world.
"""

from choral.storage.device import DeviceStore, DeviceTransaction
from choral.storage.device_contract import check_device_store
from choral.storage.device_memory import MemoryDeviceStore
from choral.storage.device_sqlite import SqliteDeviceStore
from choral.storage.server import LeaseLost, ServerStore, StorageFull
from choral.storage.server_contract import check_server_store
from choral.storage.server_memory import MemoryServerStore
from choral.storage.server_rows import (
    BELOW_MINIMUM,
    RETENTION_OVER,
    Arrival,
    AuditRow,
    BatchRow,
    OpeningRow,
    ReleaseRow,
    Slot,
    TaskRow,
    VersionRow,
)
from choral.storage.server_sql import SqlServerStore
from choral.storage.server_sqlite import SqliteServerStore

__all__ = [
    "BELOW_MINIMUM",
    "RETENTION_OVER",
    "Arrival",
    "AuditRow",
    "BatchRow",
    "DeviceStore",
    "DeviceTransaction",
    "LeaseLost",
    "MemoryDeviceStore",
    "MemoryServerStore",
    "OpeningRow",
    "ReleaseRow",
    "ServerStore",
    "Slot",
    "SqlServerStore",
    "SqliteDeviceStore",
    "SqliteServerStore",
    "StorageFull",
    "TaskRow",
    "VersionRow",
    "check_device_store",
    "check_server_store",
]
