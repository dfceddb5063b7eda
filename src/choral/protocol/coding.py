"""The content coding in which check-outs travel: deflate against a dictionary that belongs to the coding's name.

A check-out says mostly what every check-out says. `checkouts-2.dictionary` holds check-outs of the house's own tasks, with
zeros for keys and signatures. It never changes: another dictionary is another coding. A device holds it as a part of the
program, so that asking for the coding tells nothing about it.
"""

import zlib
from functools import cache, lru_cache
from importlib import resources

from choral.errors import PeerError
from choral.protocol.wire import malformed

CODING = "choral-2"  # in Accept-Encoding and Content-Encoding
MOST_KEPT = 16  # beginnings that are not deflated again
RAW = -15  # deflate without a header, over the largest window


@cache
def dictionary() -> bytes:
    """What both sides hold."""
    return (resources.files("choral.protocol") / "checkouts-2.dictionary").read_bytes()


def compress(data: bytes, before: int | None = None) -> bytes:
    """`data` in this coding; if `before` is given, what follows that byte is only stored: the length tells nothing of it."""
    if before is None:
        return _deflated(data, zlib.Z_FINISH)
    stored = zlib.compressobj(0, wbits=RAW)
    return _repeated(data[:before]) + stored.compress(data[before:]) + stored.flush()


def expand(data: bytes, most_bytes: int) -> bytes:
    """What was compressed; PeerError, after `most_bytes` at the latest, if it is longer or `data` is not in this coding."""
    inflate = zlib.decompressobj(RAW, zdict=dictionary())
    try:
        found = inflate.decompress(data, most_bytes + 1)
    except zlib.error:
        raise malformed(f"the body is not in the content coding {CODING}") from None
    if len(found) > most_bytes:
        raise PeerError("too-large", f"the answer is longer than {most_bytes} bytes; it was not read further")
    if not inflate.eof or inflate.unused_data:
        raise malformed(f"the body in the content coding {CODING} is cut, or something follows it")
    return found


@lru_cache(MOST_KEPT)
def _repeated(head: bytes) -> bytes:
    """What many answers begin with."""
    return _deflated(head, zlib.Z_SYNC_FLUSH)


def _deflated(data: bytes, end: int) -> bytes:
    deflate = zlib.compressobj(wbits=RAW, zdict=dictionary())
    return deflate.compress(data) + deflate.flush(end)
