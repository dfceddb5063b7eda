"""Group commit: reports that arrive while the disk is busy are kept together in the next transaction.

Knows arrivals and one writer thread. Each caller is answered after the commit that holds its report, never before.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from choral.errors import ChoralError, PeerError
from choral.server.ingest import require_kept
from choral.storage import Arrival, ServerStore

MOST_WAITING = 8_192  # reports
MOST_WAITING_BYTES = 2**26
MOST_TOGETHER = 1_024
Waiting = tuple[Arrival, "asyncio.Future[bool]"]


class Intake:
    """Durable, awaitable additions to `store`, many in one transaction.

    most_waiting: reports in memory that no commit holds yet, beyond which new ones are refused as overloaded
    """

    def __init__(self, store: ServerStore, *, most_waiting: int = MOST_WAITING) -> None:
        self._store = store
        self._most_waiting = most_waiting
        self._waiting: list[Waiting] = []
        self._bytes = 0
        self._writer: ThreadPoolExecutor | None = None
        self._drain: asyncio.Task[None] | None = None

    async def keep(self, arrival: Arrival) -> None:
        """Returns once the report is durable (now, or since an earlier time); PeerError or StoreError if it is not."""
        if len(self._waiting) >= self._most_waiting or self._bytes >= MOST_WAITING_BYTES:
            raise PeerError("overloaded", f"{len(self._waiting)} reports wait for the disk, which is the most")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((arrival, done))
        self._bytes += len(arrival.body)
        if self._drain is None or self._drain.done():
            self._drain = loop.create_task(self._write())
        require_kept(self._store, arrival, await done)

    async def close(self) -> None:
        """Returns once nothing waits any more; the writer thread is gone."""
        if self._drain is not None and not self._drain.done():
            await self._drain
        if self._writer is not None:
            self._writer.shutdown()
            self._writer = None

    async def _write(self) -> None:
        """One transaction after the other until nobody waits."""
        loop = asyncio.get_running_loop()
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, thread_name_prefix="choral-writer")
        while self._waiting:
            together, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            self._bytes -= sum(len(arrival.body) for arrival, _ in together)
            try:
                kept = await loop.run_in_executor(self._writer, self._store.add, [arrival for arrival, _ in together])
            except ChoralError as error:
                _fail(together, error)
            except BaseException:
                _fail(together + self._waiting, PeerError("unavailable", "the server stopped before this was kept"))
                self._waiting, self._bytes = [], 0
                raise
            else:
                for (_, done), is_kept in zip(together, kept, strict=True):
                    if not done.done():
                        done.set_result(is_kept)


def _fail(together: list[Waiting], error: ChoralError) -> None:
    for _, done in together:
        if not done.done() and not done.get_loop().is_closed():
            done.set_exception(error)
