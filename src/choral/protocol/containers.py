"""Fields that hold other values: sequences, named values, numpy arrays, parameters. As strict as what they are made of."""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choral.protocol.wire import Blob, Field, Integer, Reader, Text, malformed

DTYPES = ("<f8", "<f4", "<i8", "<i4", "<i2", "|i1", "<u8", "<u4", "<u2", "|u1", "|b1")
MOST_AXES = 4


@dataclass(frozen=True, slots=True)
class Many:
    """Up to `most` values of one kind, behind a count of 2 bytes."""

    field: Field
    most: int

    def write(self, value: Any) -> bytes:
        """Count and values."""
        if not isinstance(value, Sequence) or len(value) > self.most:
            raise ValueError(f"need a sequence of at most {self.most}")
        return struct.pack("<H", len(value)) + b"".join(self.field.write(one) for one in value)

    def read(self, reader: Reader) -> tuple[Any, ...]:
        """The values at the reader."""
        count: int = struct.unpack("<H", reader.take(2))[0]
        if count > self.most:
            raise malformed(f"at most {self.most} values were due, {count} are announced")
        return tuple(self.field.read(reader) for _ in range(count))


@dataclass(frozen=True, slots=True)
class Array:
    """One numpy array of up to `most` bytes and four axes: type, axes, bytes."""

    most: int

    def write(self, value: Any) -> bytes:
        """The array's bytes, little-endian, in C order."""
        array = np.asarray(value)
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
        if array.dtype.str not in DTYPES or array.ndim > MOST_AXES:
            raise ValueError(f"need up to {MOST_AXES} axes of one of {DTYPES}, got {array.dtype.str} with {array.ndim}")
        head = bytes([DTYPES.index(array.dtype.str), array.ndim]) + struct.pack(f"<{array.ndim}I", *array.shape)
        return head + Blob(self.most).write(array.tobytes())

    def read(self, reader: Reader) -> NDArray[Any]:
        """The array at the reader, read-only; floats must be finite."""
        number, axes = reader.take(2)
        if number >= len(DTYPES) or axes > MOST_AXES:
            raise malformed(f"an array's type {number} or its {axes} axes are unknown")
        shape = struct.unpack(f"<{axes}I", reader.take(4 * axes))
        data, dtype = Blob(self.most).read(reader), np.dtype(DTYPES[number])
        size = dtype.itemsize
        for length in shape:
            size *= length
        if size != len(data):
            raise malformed(f"an array of shape {shape} needs {size} bytes, {len(data)} came")
        return _finite(data, dtype).reshape(shape)


@dataclass(frozen=True, slots=True)
class Named:
    """A mapping from names to values of one kind, in the order of the names."""

    field: Field
    most: int

    def write(self, value: Any) -> bytes:
        """Count, then names and values, sorted."""
        if not isinstance(value, Mapping) or len(value) > self.most:
            raise ValueError(f"need a mapping of at most {self.most}")
        pairs = (Text(64).write(name) + self.field.write(value[name]) for name in sorted(value))
        return struct.pack("<H", len(value)) + b"".join(pairs)

    def read(self, reader: Reader) -> dict[str, Any]:
        """The mapping at the reader; names must be sorted and differ."""
        count: int = struct.unpack("<H", reader.take(2))[0]
        if count > self.most:
            raise malformed(f"at most {self.most} names were due, {count} are announced")
        found: dict[str, Any] = {}
        last = ""
        for _ in range(count):
            name = Text(64).read(reader)
            if found and name <= last:
                raise malformed(f"names are not sorted at {name!r}")
            found[name] = self.field.read(reader)
            last = name
        return found


@dataclass(frozen=True, slots=True)
class Parameter:
    """A mechanism's or algorithm's parameter: an unsigned integer, bytes or text, behind its kind."""

    def write(self, value: Any) -> bytes:
        """Kind and value."""
        kinds: list[tuple[type, Field]] = [(int, Integer("Q")), (bytes, Blob(4096)), (str, Text(256))]
        for number, (kind, field) in enumerate(kinds):
            if type(value) is kind:
                return bytes([number]) + field.write(value)
        raise ValueError(f"a parameter is an integer, bytes or text, got {type(value).__name__}")

    def read(self, reader: Reader) -> int | bytes | str:
        """The value at the reader."""
        readers: tuple[Callable[[Reader], Any], ...] = (Integer("Q").read, Blob(4096).read, Text(256).read)
        kind = reader.take(1)[0]
        if kind >= len(readers):
            raise malformed(f"parameter kind {kind} is unknown")
        value: int | bytes | str = readers[kind](reader)
        return value


def _finite(data: bytes, dtype: np.dtype[Any]) -> NDArray[Any]:
    array = np.frombuffer(data, dtype) if dtype.kind != "b" else np.frombuffer(data, np.uint8)
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise malformed("an array holds a number that is not finite")
    if dtype.kind == "b":
        if len(array) and array.max() > 1:
            raise malformed("a truth value is neither 0 nor 1")
        return array.astype(np.bool_)
    return array
