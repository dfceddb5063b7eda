"""Binary fields: each knows how to write a value and how to read it back, strictly and within bounds.

All integers are little-endian; text is UTF-8 in normal form C without control characters. No field is optional,
nothing is skipped, nothing may follow the last field.
"""

import math
import struct
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from choral.errors import PeerError

MALFORMED = "malformed-message"


class Reader:
    """Bytes read from front to back; raises PeerError at the first thing that is not as written."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if size > len(self._data) - self._at:
            raise malformed(f"the message ends {size - (len(self._data) - self._at)} bytes early")
        self._at += size
        return self._data[self._at - size : self._at]

    def end(self) -> None:
        """Raises if anything is left."""
        if self._at != len(self._data):
            raise malformed(f"{len(self._data) - self._at} bytes follow the end of the message")


class Field(Protocol):
    """One kind of value on the wire."""

    def write(self, value: Any) -> bytes:
        """The value's bytes; ValueError if it does not fit."""
        ...

    def read(self, reader: Reader) -> Any:
        """The value at the reader; PeerError if it is not legal."""
        ...


@dataclass(frozen=True, slots=True)
class Integer:
    """An integer of `code` (a struct code: B, H, I, Q, q), at most `most` and at least `least`."""

    code: str
    least: int = 0
    most: int = 2**64

    def write(self, value: Any) -> bytes:
        """The value's bytes."""
        if isinstance(value, bool) or not isinstance(value, int) or not self.least <= value <= self.most:
            raise ValueError(f"need an integer from {self.least} to {self.most}, got {value!r}")
        try:
            return _little(self.code).pack(value)
        except struct.error as error:
            raise ValueError(f"{value} does not fit: {error}") from None

    def read(self, reader: Reader) -> int:
        """The integer at the reader."""
        form = _little(self.code)
        value: int = form.unpack(reader.take(form.size))[0]
        if not self.least <= value <= self.most:
            raise malformed(f"an integer from {self.least} to {self.most} was due, {value} came")
        return value


@dataclass(frozen=True, slots=True)
class Float:
    """A 64-bit float: finite or, where it is a bound, perhaps positive infinity, which says that there is none."""

    is_bound: bool = False

    def write(self, value: Any) -> bytes:
        """Eight bytes."""
        if not isinstance(value, (int, float)) or not self._takes(value):
            raise ValueError(f"need a finite number, got {value!r}")
        return struct.pack("<d", value)

    def read(self, reader: Reader) -> float:
        """The number at the reader."""
        value: float = struct.unpack("<d", reader.take(8))[0]
        if not self._takes(value):
            raise malformed("a number is not finite")
        return value

    def _takes(self, value: float) -> bool:
        return math.isfinite(value) or (self.is_bound and value == math.inf)


@dataclass(frozen=True, slots=True)
class Blob:
    """Up to `most` bytes behind a length of 4 bytes."""

    most: int

    def write(self, value: Any) -> bytes:
        """Length and bytes."""
        if not isinstance(value, bytes) or len(value) > self.most:
            raise ValueError(f"need at most {self.most} bytes")
        return struct.pack("<I", len(value)) + value

    def read(self, reader: Reader) -> bytes:
        """The bytes at the reader."""
        size: int = struct.unpack("<I", reader.take(4))[0]
        if size > self.most:
            raise malformed(f"at most {self.most} bytes were due, {size} are announced")
        return reader.take(size)


@dataclass(frozen=True, slots=True)
class Fixed:
    """Exactly `size` bytes."""

    size: int

    def write(self, value: Any) -> bytes:
        """The bytes themselves."""
        if not isinstance(value, bytes) or len(value) != self.size:
            raise ValueError(f"need exactly {self.size} bytes")
        return value

    def read(self, reader: Reader) -> bytes:
        """The bytes at the reader."""
        return reader.take(self.size)


@dataclass(frozen=True, slots=True)
class Text:
    """Up to `most` bytes of UTF-8 in normal form C, without control characters."""

    most: int

    def write(self, value: Any) -> bytes:
        """Length and bytes."""
        if not isinstance(value, str) or not _plain(value):
            raise ValueError("need text in normal form C without control characters")
        return Blob(self.most).write(value.encode())

    def read(self, reader: Reader) -> str:
        """The text at the reader."""
        try:
            text = Blob(self.most).read(reader).decode()
        except UnicodeDecodeError:
            raise malformed("text is not UTF-8") from None
        if not _plain(text):
            raise malformed("text is not in normal form C or holds control characters")
        return text


@dataclass(frozen=True, slots=True)
class Name:
    """Text of up to `most` bytes that is not empty."""

    most: int

    def write(self, value: Any) -> bytes:
        """Length and bytes."""
        if value == "":
            raise ValueError("need a name, got none")
        return Text(self.most).write(value)

    def read(self, reader: Reader) -> str:
        """The name at the reader."""
        name = Text(self.most).read(reader)
        if not name:
            raise malformed("a name was due, nothing came")
        return name


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words, sent as its number."""

    words: tuple[str, ...]

    def write(self, value: Any) -> bytes:
        """The word's number."""
        if value not in self.words:
            raise ValueError(f"need one of {self.words}, got {value!r}")
        return bytes([self.words.index(value)])

    def read(self, reader: Reader) -> str:
        """The word at the reader."""
        number = reader.take(1)[0]
        if number >= len(self.words):
            raise malformed(f"a choice below {len(self.words)} was due, {number} came")
        return self.words[number]


@dataclass(frozen=True, slots=True)
class Flag:
    """A truth value: 0 or 1."""

    def write(self, value: Any) -> bytes:
        """One byte."""
        if not isinstance(value, bool):
            raise ValueError(f"need a bool, got {value!r}")
        return bytes([value])

    def read(self, reader: Reader) -> bool:
        """The truth value at the reader."""
        number = reader.take(1)[0]
        if number > 1:
            raise malformed(f"0 or 1 was due, {number} came")
        return bool(number)


@cache
def _little(code: str) -> struct.Struct:
    """The form of one little-endian integer."""
    return struct.Struct("<" + code)


def malformed(detail: str) -> PeerError:
    """The error for bytes that do not mean anything."""
    return PeerError(MALFORMED, detail)


def _plain(text: str) -> bool:
    if text.isascii():
        return text.isprintable()
    return unicodedata.is_normalized("NFC", text) and not any(unicodedata.category(one) in ("Cc", "Cs") for one in text)
