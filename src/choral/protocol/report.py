"""The report: a public header, and a sealed payload bound to it. All that ever leaves a device.

Layout: version (1), kind (1), task hash (32), round (4, little-endian), seal. The whole has one of three sizes.
"""

import hashlib
import struct
from dataclasses import dataclass

from choral.errors import PeerError
from choral.protocol.codec import VERSION
from choral.protocol.wire import malformed

KIND = 8
HEADER = struct.Struct("<BB32sI")
SIZE_CLASSES = (256, 2_048, 65_536)  # bytes of a whole report; nothing else is accepted
SEAL_OVERHEAD = 32 + 16  # HPKE: encapsulated key, authentication tag


@dataclass(frozen=True, slots=True)
class Report:
    """One randomized contribution to `round` of the task with this hash."""

    task: bytes
    round: int
    seal: bytes

    @property
    def header(self) -> bytes:
        """What the seal is bound to."""
        return HEADER.pack(VERSION, KIND, self.task, self.round)

    def to_bytes(self) -> bytes:
        """The report as it is sent."""
        return self.header + self.seal

    @classmethod
    def from_bytes(cls, data: bytes) -> "Report":
        """The report that `data` holds; PeerError if its size or header is not legal."""
        if len(data) not in SIZE_CLASSES:
            raise PeerError("wrong-size", f"a report has one of {SIZE_CLASSES} bytes, {len(data)} came")
        version, kind, task, number = HEADER.unpack_from(data)
        if version != VERSION or kind != KIND:
            raise malformed(f"version {VERSION} and kind {KIND} were due, {version} and {kind} came")
        return cls(task, number, data[HEADER.size :])


def report_id(data: bytes) -> bytes:
    """A report's name: SHA-256 of all its bytes; computed by whoever needs it, never sent."""
    return hashlib.sha256(data).digest()


def plaintext_size(payload_size: int) -> int:
    """Bytes to be sealed for a payload: it is padded with zeros so that the report has one of the three sizes."""
    for size in SIZE_CLASSES:
        room = size - HEADER.size - SEAL_OVERHEAD
        if payload_size <= room:
            return room
    raise ValueError(f"a payload of {payload_size} bytes fits no size class; the largest report is {SIZE_CLASSES[-1]} bytes")
