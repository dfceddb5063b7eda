"""Messages to bytes and back: a version, the message's kind, then its fields in the order of its WIRE.

Decoding is strict: an unknown version or kind, a value out of bounds, a byte too few or too many is a PeerError.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from choral.protocol.wire import Field, Reader, malformed

VERSION = 1
Wire = tuple[tuple[str, Field], ...]


class Message(Protocol):
    """A frozen dataclass that knows its number and its fields."""

    KIND: ClassVar[int]
    WIRE: ClassVar[Wire]


M = TypeVar("M", bound=Message)


def encode(message: Message) -> bytes:
    """The one byte form of `message`."""
    return bytes([VERSION, message.KIND]) + _write(message, message.WIRE)


def decode(data: bytes, kind: type[M]) -> M:
    """The message of `kind` that `data` holds, all of it; PeerError otherwise."""
    reader = _opened(data, kind)
    message: M = Nested(kind).read(reader)
    reader.end()
    return message


def first(data: bytes, kind: type[Message]) -> Any:
    """The first field of the message of `kind` that `data` should hold; whatever follows is not read."""
    return kind.WIRE[0][1].read(_opened(data, kind))


def _opened(data: bytes, kind: type[Message]) -> Reader:
    """At the first field of a message of `kind`."""
    reader = Reader(data)
    version, number = reader.take(2)
    if version != VERSION:
        raise malformed(f"version {version} is not spoken here, only {VERSION}")
    if number != kind.KIND:
        raise malformed(f"a {kind.__name__} was due, message kind {number} came")
    return reader


@dataclass(frozen=True, slots=True)
class Nested:
    """A message inside another, without version and kind; `wire` for a class that does not know the wire."""

    kind: type[Any]
    wire: Wire | None = None

    def write(self, value: Any) -> bytes:
        """The fields' bytes."""
        if type(value) is not self.kind:
            raise ValueError(f"need a {self.kind.__name__}, got {type(value).__name__}")
        return _write(value, self.wire or self.kind.WIRE)

    def read(self, reader: Reader) -> Any:
        """The message at the reader."""
        values = {name: field.read(reader) for name, field in self.wire or self.kind.WIRE}
        try:
            return self.kind(**values)
        except ValueError as error:
            raise malformed(f"a {self.kind.__name__} contradicts itself: {error}") from None


def _write(message: object, wire: Wire) -> bytes:
    parts = []
    for name, field in wire:
        try:
            parts.append(field.write(getattr(message, name)))
        except ValueError as error:
            raise ValueError(f"{type(message).__name__}.{name}: {error}") from None
    return b"".join(parts)
