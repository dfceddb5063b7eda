"""Crowds of the phishing demo's devices, each in a process of its own in which it stays from day to day.

A buffer holds reports of all crowds: none can live all its days before the others begin.
"""

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

from choral.cli.demo.phishing_play import Crowd, Lived, live, phones
from choral.errors import ChoralError


@dataclass(frozen=True, slots=True)
class Crowds:
    """Crowds in processes of their own, which live their days at the same time."""

    ends: Sequence[Connection]

    def live(self, day: int, now: datetime) -> list[Lived]:
        """Everyone's day, when all are done."""
        return [lived for lived in self._ask((day, now)) if isinstance(lived, Lived)]

    def secrets(self) -> dict[str, list[str]]:
        """What each device alone holds, by kind."""
        found: dict[str, list[str]] = {}
        for own in (one for owns in self._ask("secrets") for one in owns):
            for kind, texts in own.secrets().items():
                found.setdefault(kind, []).extend(texts)
        return found

    def _ask(self, order: Any) -> list[Any]:
        try:
            for end in self.ends:
                end.send(order)
            return [end.recv() for end in self.ends]
        except (EOFError, OSError) as error:
            raise ChoralError("a process of devices ended; read what it said above") from error


@contextmanager
def crowds(shards: Sequence[Crowd]) -> Iterator[Crowds]:
    """A process a shard, while the context lasts."""
    spawn = multiprocessing.get_context("spawn")
    pairs = [spawn.Pipe() for _ in shards]
    processes = [spawn.Process(target=lodge, args=(there, one)) for (_, there), one in zip(pairs, shards, strict=True)]
    for process, (_, there) in zip(processes, pairs, strict=True):
        process.start()
        there.close()
    try:
        yield Crowds([here for here, _ in pairs])
    finally:
        for here, _ in pairs:
            here.close()
        for process in processes:
            process.join()


def lodge(end: Connection, crowd: Crowd) -> None:
    """Do what comes through the pipe until it is closed."""
    everyone = phones(crowd)
    with suppress(EOFError, BrokenPipeError):
        while True:
            order = end.recv()
            end.send([phone.own for phone in everyone] if order == "secrets" else live(everyone, crowd, *order))
