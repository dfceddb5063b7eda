"""Real sockets with a recorder in between: a server in a thread, and every byte and every connection that goes to it."""

import contextlib
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn


@dataclass
class Connection:
    """One TCP connection of a device: its own port, and all bytes in both directions."""

    port: int
    up: bytearray = field(default_factory=bytearray)
    down: bytearray = field(default_factory=bytearray)


@dataclass
class Road:
    """A recorder before a server."""

    url: str
    connections: list[Connection] = field(default_factory=list)

    @property
    def up(self):
        """All requests."""
        return [bytes(one.up) for one in self.connections]

    @property
    def down(self):
        """All answers."""
        return [bytes(one.down) for one in self.connections]


@contextmanager
def recorded(app):
    """The Road to an ASGI application behind a real socket; served as `choral serve` does, in a thread."""
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, date_header=False, ws="none")
    server, inner = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    serving = threading.Thread(target=server.run, kwargs={"sockets": [inner]})
    serving.start()
    while not server.started:
        time.sleep(0.005)
    with _recorder(inner.getsockname()) as road:
        try:
            yield road
        finally:
            server.should_exit = True
            serving.join()


@contextmanager
def _recorder(target):
    listener = socket.create_server(("127.0.0.1", 0))
    road, threads = Road(f"http://127.0.0.1:{listener.getsockname()[1]}"), []

    def accept():
        while True:
            try:
                client, address = listener.accept()
            except OSError:
                return
            upstream, connection = socket.create_connection(target), Connection(address[1])
            road.connections.append(connection)
            thread = threading.Thread(target=_relay, args=(client, upstream, connection))
            thread.start()
            threads.append(thread)

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield road
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for thread in threads:
            thread.join()


def _relay(client, upstream, connection):
    """Both directions, until both have ended."""
    with client, upstream:
        back = threading.Thread(target=_pump, args=(upstream, client, connection.down))
        back.start()
        _pump(client, upstream, connection.up)
        back.join()


def _pump(source, sink, record):
    """All bytes from one socket to the other, until it ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            record += data
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
