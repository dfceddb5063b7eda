"""A bad network: everything that passes between clients and one server, and what becomes of it on the way."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import uvloop

END = b"\r\n\r\n"
PIECE_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one request and its answer; by default nothing.

    request: bytes of the request that arrive before the connection is dropped; answer: bytes of the answer that do
    unheard: the connection to the server is dropped as soon as the request has arrived, whatever it answers
    copies: how often the request arrives, all at the same time; late: seconds by which others overtake it
    piece: bytes that travel together, with a pause after each; 0 for all at once
    """

    request: int | None = None
    answer: int | None = None
    unheard: bool = False
    copies: int = 1
    late: float = 0.0
    piece: int = 0


@dataclass
class Proxy:
    """Stands between on 127.0.0.1 while the context lasts, in a thread of its own. One request a connection, as devices do.

    fate: of the n-th request; may be changed at any time
    seen: how often each body came from a client; statuses: how often each came from the server
    """

    server: int
    fate: Callable[[int], Fate] = lambda _: Fate()
    port: int = 0
    request: bytes = b""
    answer: bytes = b""
    seen: Counter[bytes] = field(default_factory=Counter)
    statuses: Counter[bytes] = field(default_factory=Counter)
    _number: int = 0

    def __enter__(self) -> "Proxy":
        self._loop, ready = uvloop.new_event_loop(), threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(ready),))
        self._thread.start()
        assert ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _run(self, ready: threading.Event) -> None:
        listener = await asyncio.start_server(self._carry, "127.0.0.1", 0, backlog=1_024)
        async with listener:
            self.port = listener.sockets[0].getsockname()[1]
            ready.set()
            await self._stop.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 10)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _whole(reader)
            fate = self.fate(self._number)
            self._number += 1
            self.request = request
            self.seen[request.partition(END)[2]] += 1
            await asyncio.sleep(fate.late)
            answers = await asyncio.gather(*(self._forward(request, fate) for _ in range(fate.copies)))
            await _write(writer, answers[0][: fate.answer], fate.piece)
        except (OSError, asyncio.IncompleteReadError):
            pass  # one of the two has left
        finally:
            writer.close()

    async def _forward(self, request: bytes, fate: Fate) -> bytes:
        """The server's answer, empty if it was not waited for."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server)
        try:
            await _write(writer, request[: fate.request], fate.piece)
            if fate.unheard or fate.request is not None:
                return b""
            answer = await reader.read()
            self.answer = answer
            self.statuses[answer[9:12]] += 1
            return answer
        finally:
            writer.close()


async def _whole(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(END)
    _, found, length = head.lower().partition(b"content-length:")
    return head + await reader.readexactly(int(length.split(b"\r\n")[0]) if found else 0)


async def _write(writer: asyncio.StreamWriter, data: bytes, piece: int) -> None:
    if not piece:
        writer.write(data)
        await writer.drain()
        return
    for start in range(0, len(data), piece):
        writer.write(data[start : start + piece])
        await writer.drain()
        await asyncio.sleep(PIECE_SECONDS)
