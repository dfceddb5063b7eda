"""Hostile and slow clients against 127.0.0.1, in a process of their own so that the honest ones are timed fairly."""

import asyncio
import resource
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import uvloop

UPLOAD = b"POST /v1/reports HTTP/1.1\r\nHost: choral\r\n"
WHOLE = UPLOAD + b"Content-Length: 256\r\n\r\n" + bytes(256)
PIECE = bytes(2**16)
MOST_SENT = 2**23  # bytes that one attack tries to push through one connection
TRICKLE_SECONDS = 1.0
REST_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Attack:
    """What one connection sends: how it begins, then the same piece again and again.

    reads: whether it takes the answers; an attack that does is told how it ended
    """

    begins: bytes
    piece: bytes
    reads: bool = True


ATTACKS = {
    "a size beyond any report": Attack(UPLOAD + b"Content-Length: 999999999999\r\n\r\n", PIECE),
    "a size beyond any number": Attack(UPLOAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n", PIECE),
    "two sizes": Attack(UPLOAD + b"Content-Length: 256\r\nContent-Length: 2048\r\n\r\n", PIECE),
    "size and chunks": Attack(UPLOAD + b"Content-Length: 256\r\nTransfer-Encoding: chunked\r\n\r\n", PIECE),
    "compressed": Attack(UPLOAD + b"Content-Length: 256\r\nContent-Encoding: gzip\r\n\r\n", PIECE),
    "chunks without end": Attack(UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + PIECE + b"\r\n"),
    "chunks of one byte": Attack(UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 10_000),
    "a chunk's extension without end": Attack(UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 2**16),
    "trailers without end": Attack(UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"X-More: yes\r\n" * 5_000),
    "a trailer without end": Attack(UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: ", b"a" * 2**16),
    "headers without end": Attack(UPLOAD, b"X-More: yes\r\n" * 5_000),
    "a header without end": Attack(UPLOAD + b"X-More: ", b"x" * 2**16),
    "an address without end": Attack(b"GET /", b"x" * 2**16),
    "a body that nobody reads": Attack(b"GET /health HTTP/1.1\r\nHost: c\r\nContent-Length: 999999999\r\n\r\n", PIECE),
    "uploads in one go": Attack(b"", WHOLE * 200),
    "uploads in one go, no answer taken": Attack(b"", WHOLE * 200, reads=False),
    "questions in one go, no answer taken": Attack(b"", b"GET /openapi.json HTTP/1.1\r\nHost: c\r\n\r\n" * 2_000, reads=False),
    "not HTTP": Attack(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", PIECE),
}
TRICKLES = (
    UPLOAD + b"Content-Length: 256\r\n\r\n",  # then the body, byte by byte
    b"",  # the head, byte by byte
    b"GET /health HTTP/1.1\r\nHost: c\r\nContent-Length: 100000\r\n\r\n",  # a body after the answer, byte by byte
    UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n100\r\n",
)


def besiege(port: int, *, trickling: int, seconds: float, report: Callable[[str], None]) -> dict[str, Counter[str]]:
    """Every attack again and again, and so many trickling sockets, for so long; how each connection of an attack ended.

    report: called once when all trickling sockets are open
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return uvloop.run(_besiege(port, trickling, seconds, report))


async def _besiege(port: int, trickling: int, seconds: float, report: Callable[[str], None]) -> dict[str, Counter[str]]:
    ends = {name: Counter[str]() for name in ATTACKS}
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(trickling)]
    report("open")
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for number, (_, writer) in enumerate(opened):
            group.create_task(_trickle(writer, TRICKLES[number % len(TRICKLES)], until))
        for name, attack in ATTACKS.items():
            group.create_task(_repeat(port, attack, ends[name], until))
    return ends


async def _trickle(writer: asyncio.StreamWriter, begins: bytes, until: float) -> None:
    with suppress(OSError):
        writer.write(begins)
        while time.monotonic() < until and not writer.is_closing():
            writer.write(b"G")
            await asyncio.sleep(TRICKLE_SECONDS)
    writer.close()


async def _repeat(port: int, attack: Attack, ends: Counter[str], until: float) -> None:
    while time.monotonic() < until:
        ends[await _attack(port, attack, until)] += 1
        await asyncio.sleep(REST_SECONDS)


async def _attack(port: int, attack: Attack, until: float) -> str:
    """The status of the first answer, or "cut" if there was none, "held" if it was not taken, "open" if none came in time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    pushing = asyncio.create_task(_push(writer, attack))
    try:
        async with asyncio.timeout(max(0.1, min(5.0, until - time.monotonic()))):
            if not attack.reads:
                await asyncio.sleep(1)
                return "held"
            answer = await reader.read(2**16)
            return answer[9:12].decode() if answer else "cut"
    except TimeoutError:
        return "open"
    except OSError:
        return "cut"
    finally:
        pushing.cancel()
        writer.transport.abort()


async def _push(writer: asyncio.StreamWriter, attack: Attack) -> None:
    sent = len(attack.begins)
    with suppress(OSError):
        writer.write(attack.begins)
        while sent < MOST_SENT:
            writer.write(attack.piece)
            await writer.drain()
            sent += len(attack.piece)


def pushed(port: int, attack: Attack, size: int) -> bytes:
    """What came back of one connection that tries to send so many bytes."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, suppress(OSError):
        connection.sendall(attack.begins)
        for _ in range(size // len(attack.piece)):
            connection.sendall(attack.piece)
        answer = connection.recv(2**16)
    return answer
