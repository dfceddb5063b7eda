"""How to run a pure function over shards: here, or on several processors.

Knows: functions and shards. Must not know: what they mean.
Interface: `Engine.map(function, shards)`, lazy.
Add here: one file, for a cluster; then run `check_engine`.
Tested in: tests/contracts.
"""

from choral.engines.base import Engine
from choral.engines.contract import check_engine
from choral.engines.processes import Processes
from choral.engines.serial import Serial

__all__ = ["Engine", "Processes", "Serial", "check_engine"]
