"""How much memory a study held at its peak, its worker processes included."""

import resource
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choral.engines import Engine, Processes

STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Weighed:
    """A function that answers its result and the most bytes that its process has held."""

    function: Callable[[Any], Any]

    def __call__(self, shard: Any) -> tuple[Any, int]:
        """The result and the peak so far."""
        return self.function(shard), own_peak_bytes()


@dataclass(slots=True)
class WeighingProcesses:
    """Processes that remember the largest peak of any worker: the system's own account of children counts their parent too."""

    workers: int
    worker_peak_bytes: int = 0

    def map(self, function: Callable[[Any], Any], shards: Iterable[Any]) -> Iterator[Any]:
        """function(shard) for each shard, in the order in which they are done."""
        for result, peak in Processes(self.workers).map(Weighed(function), shards):
            self.worker_peak_bytes = max(self.worker_peak_bytes, peak)
            yield result


def own_peak_bytes() -> int:
    """The most that this process has held since it began its program."""
    if STATUS.is_file():
        line = next((line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:")), None)
        if line is not None:
            return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def peak_memory_mb(engine: Engine) -> float:
    """This process's peak, and as much as its largest worker's for each of the engine's; in 10**6 bytes."""
    workers = engine.workers * engine.worker_peak_bytes if isinstance(engine, WeighingProcesses) else 0
    return round((own_peak_bytes() + workers) / 1e6, 1)
