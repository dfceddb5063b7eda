"""What the catalogue service gives one person's device: preference information and sticker candidates, in one byte form.

Device half: no server, no simulation. The protocol's strict codec, with messages of our own: these are personal data,
they travel on the catalogue's road only, and no other road has a message of this kind. Binary rather than JSON, because a
bare device then checks every bound as it reads, 2,000 candidates decode in milliseconds, and equal content is equal bytes
(so that an ETag is about the content). Columns instead of rows: a device reads text once.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.catalogue import BETWEEN, Catalogue, Sticker
from choral.apps.stickers.device.embedding import from_grid
from choral.protocol.codec import Wire
from choral.protocol.containers import Array
from choral.protocol.wire import Blob, Reader, malformed

STEPS = 32  # a preference number is an int8 over this: 4 standard deviations fit
MILLI = 1_000  # popularity counts in thousandths of a nat
MOST_CANDIDATES = 20_000
MOST_TEXT = 2**23
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Lines:
    """A column of texts: UTF-8 in normal form C without control characters, one a line, up to `most` bytes in all."""

    most: int

    def write(self, value: Any) -> bytes:
        """Length and bytes."""
        text = "\n".join(value)
        if not value or text.count("\n") != len(value) - 1 or not _plain(text):
            raise ValueError("need texts in normal form C without control characters and line ends, at least one")
        return Blob(self.most).write(text.encode())

    def read(self, reader: Reader) -> tuple[str, ...]:
        """The texts at the reader."""
        try:
            text = Blob(self.most).read(reader).decode()
        except UnicodeDecodeError:
            raise malformed("a column of text is not UTF-8") from None
        if not _plain(text):
            raise malformed("a column of text is not in normal form C or holds control characters")
        return tuple(text.split("\n"))


@dataclass(frozen=True, slots=True)
class Preference:
    """What the service learnt of one person's taste from the downloads alone.

    numbers: int8[k], over `STEPS`; over all people each number has mean 0 and mean square 1
    """

    KIND: ClassVar[int] = 101
    WIRE: ClassVar[Wire] = (("numbers", Array(64)),)
    numbers: NDArray[np.int8]

    def __post_init__(self) -> None:
        if self.numbers.dtype != np.int8 or self.numbers.ndim != 1 or not len(self.numbers):
            raise ValueError("need int8[k], k from 1 to 64")

    def vector(self) -> NDArray[np.float32]:
        """float32[k]."""
        return preference_vector(self.numbers)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The stickers that one person holds or may use, by ascending id; all columns have a row a sticker.

    stickers: int32[m]; held: bool[m], downloaded by this person; popularity: int16[m], `MILLI` of log(downloads / average)
    features: int8[m, q], see embedding.py; the rest: texts, keywords with | between
    """

    KIND: ClassVar[int] = 102
    WIRE: ClassVar[Wire] = (
        ("stickers", Array(4 * MOST_CANDIDATES)),
        ("held", Array(MOST_CANDIDATES)),
        ("popularity", Array(2 * MOST_CANDIDATES)),
        ("features", Array(64 * MOST_CANDIDATES)),
        ("symbols", Lines(MOST_TEXT)),
        ("names", Lines(MOST_TEXT)),
        ("keywords_en", Lines(MOST_TEXT)),
        ("keywords_ja", Lines(MOST_TEXT)),
    )
    stickers: NDArray[np.int32]
    held: NDArray[np.bool_]
    popularity: NDArray[np.int16]
    features: NDArray[np.int8]
    symbols: tuple[str, ...]
    names: tuple[str, ...]
    keywords_en: tuple[str, ...]
    keywords_ja: tuple[str, ...]

    def __post_init__(self) -> None:
        columns: tuple[NDArray[Any], ...] = (self.stickers, self.held, self.popularity, self.features)
        if [column.dtype.str for column in columns] != ["<i4", "|b1", "<i2", "|i1"]:
            raise ValueError("need int32 stickers, bool held, int16 popularity and int8 features")
        if [column.ndim for column in columns] != [1, 1, 1, 2]:
            raise ValueError("need one number a sticker, and one row of features")
        texts = (self.symbols, self.names, self.keywords_en, self.keywords_ja)
        if len({*(len(column) for column in columns), *(len(text) for text in texts)}) != 1:
            raise ValueError("all columns need a row a sticker")
        if (np.diff(self.stickers) <= 0).any():
            raise ValueError("need stickers by ascending id, each once")

    def catalogue(self) -> Catalogue:
        """The candidates as a catalogue, in the same order; PeerError if one of them has no symbol or no keyword."""
        rows = zip(self.stickers.tolist(), self.symbols, self.names, self.keywords_en, self.keywords_ja, strict=True)
        try:
            return Catalogue(tuple(Sticker(id_, symbol, name, _words(en), _words(ja)) for id_, symbol, name, en, ja in rows))
        except ValueError as error:
            raise malformed(f"the candidates are no catalogue: {error}") from None

    def rows(self) -> NDArray[np.float32]:
        """float32[m, q]: the stickers' features."""
        return from_grid(self.features)

    def log_popularity(self) -> NDArray[np.float32]:
        """float32[m]: log(downloads / average), 0 for all before anything was learnt."""
        return self.popularity.astype(np.float32) / np.float32(MILLI)


def preference_vector(numbers: NDArray[np.int8]) -> NDArray[np.float32]:
    """What the steps of the grid stand for: float32 of the same shape.

    >>> preference_vector(np.array([-32, 0, 16], np.int8)).tolist()
    [-1.0, 0.0, 0.5]
    """
    return numbers.astype(np.float32) / np.float32(STEPS)


def candidates(
    catalogue: Catalogue,
    *,
    rows: NDArray[np.int64],
    held: NDArray[np.bool_],
    popularity: NDArray[np.int16],
    features: NDArray[np.int8],
) -> Candidates:
    """The message for these rows of a catalogue; `held`, `popularity` and `features` have a row a sticker of all."""
    ids = np.array([catalogue.stickers[row].id for row in rows.tolist()], np.int32)
    order = np.argsort(ids)
    chosen = rows[order]
    stickers = [catalogue.stickers[row] for row in chosen.tolist()]
    return Candidates(
        ids[order],
        held[chosen],
        popularity[chosen],
        features[chosen],
        tuple(one.symbol for one in stickers),
        tuple(one.name for one in stickers),
        tuple(BETWEEN.join(one.keywords_en) for one in stickers),
        tuple(BETWEEN.join(one.keywords_ja) for one in stickers),
    )


def _words(joined: str) -> tuple[str, ...]:
    return tuple(word for word in joined.split(BETWEEN) if word)


def _plain(text: str) -> bool:
    return unicodedata.is_normalized("NFC", text) and not CONTROL.search(text)
