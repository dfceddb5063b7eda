"""Stickers and their public keywords: what can be suggested, and by which words it is found.

Device half: no server, no simulation. Knows words. Leaves matching to the device and taste to what people chose.
"""

import csv
import gzip
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Self

from choral.errors import UsageError

COLUMNS = ("id", "symbol", "name", "keywords_en", "keywords_ja")
BETWEEN = "|"
MOST_ID = 2**31
MOST_KEYWORD = 64  # characters


@dataclass(frozen=True, slots=True)
class Sticker:
    """One sticker of the public catalogue.

    id: its number for good; symbol: what is shown; name: in English; keywords: in the form of `normal`, at least one
    """

    id: int
    symbol: str
    name: str
    keywords_en: tuple[str, ...]
    keywords_ja: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.id < MOST_ID:
            raise ValueError(f"need an id from 0 to {MOST_ID - 1}, got {self.id}")
        if not self.symbol or any(character.isspace() for character in self.symbol):
            raise ValueError(f"sticker {self.id} has no symbol, or one with a space")
        if not self.keywords:
            raise ValueError(f"sticker {self.id} has no keyword in either language, so that no word can find it")

    @property
    def keywords(self) -> tuple[str, ...]:
        """All keywords, the English ones first."""
        return self.keywords_en + self.keywords_ja


@dataclass(frozen=True)
class Catalogue:
    """Stickers in a fixed order; each id once."""

    stickers: tuple[Sticker, ...]

    def __post_init__(self) -> None:
        if not self.stickers:
            raise ValueError("a catalogue needs a sticker")
        if len(self.places) != len(self.stickers):
            raise ValueError("two stickers have the same id; give each its own")

    def __len__(self) -> int:
        return len(self.stickers)

    @cached_property
    def places(self) -> Mapping[int, int]:
        """From a sticker's id to its row."""
        return MappingProxyType({sticker.id: place for place, sticker in enumerate(self.stickers)})

    def __getitem__(self, id_: int) -> Sticker:
        return self.stickers[self.places[id_]]

    @classmethod
    def read(cls, path: Path) -> Self:
        """A team's own stickers: CSV in UTF-8 with the columns of `COLUMNS`, keywords with | between; .gz as well.

        UsageError, with the line, for a missing column, a number that is none, an id given twice or no keyword at all.
        """
        try:
            data = path.read_bytes()
            text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise UsageError(f"the catalogue {path} cannot be read ({error}); give a CSV file in UTF-8") from error
        return cls(_stickers(text, path.name))


def normal(text: str) -> str:
    """The form in which texts and keywords are compared: NFKC, lower case, single spaces, straight apostrophes.

    >>> normal("Ｔｈａｎｋ   You’re"), normal("ありがとう　ございます")
    ("thank you're", 'ありがとう ございます')
    """
    return " ".join(unicodedata.normalize("NFKC", text).replace("’", "'").lower().split())


@lru_cache(maxsize=1)
def shipped() -> Catalogue:
    """1,914 emoji with the keywords of the Unicode CLDR and others, and everyday phrases of our own.

    >>> len(shipped()), shipped()[0].symbol, shipped()[0].keywords_en[:3], shipped()[0].keywords_ja[:3]
    (1914, '😀', ('cheerful', 'cheery', 'face'), ('スマイル', 'ナイス', 'にっこり'))
    """
    folder = files("choral.apps.stickers") / "data"
    stickers = _stickers(gzip.decompress((folder / "catalogue.csv.gz").read_bytes()).decode(), "catalogue.csv.gz")
    phrases = (folder / "phrases.csv").read_text(encoding="utf-8")
    return Catalogue(_with_phrases(stickers, list(csv.DictReader(phrases.splitlines()))))


def _stickers(text: str, name: str) -> tuple[Sticker, ...]:
    reader = csv.DictReader(text.splitlines(), strict=True)
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise UsageError(f"{name} has no column {missing[0]!r}; its first line must name {', '.join(COLUMNS)}")
    stickers: dict[int, Sticker] = {}
    try:
        for row in reader:
            sticker = _sticker(row)
            if sticker.id in stickers:
                raise ValueError(f"the id {sticker.id} was given before; give each sticker its own")
            stickers[sticker.id] = sticker
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{name}, line {reader.line_num}: {error}") from None
    if not stickers:
        raise UsageError(f"{name} holds no sticker; give one a line")
    return tuple(stickers.values())


def _sticker(row: Mapping[str, str | None]) -> Sticker:
    short = [column for column in COLUMNS if row[column] is None]
    if short:
        raise ValueError(f"the line ends before the column {short[0]!r}; separate its values with commas")
    digits = row["id"] or ""
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("the column 'id' holds no number; give 0 or more")
    english, japanese = (_keywords(row[column] or "", column) for column in COLUMNS[3:])
    return Sticker(int(digits), row["symbol"] or "", row["name"] or "", english, japanese)


def _keywords(text: str, column: str) -> tuple[str, ...]:
    words = _each_once(text.split(BETWEEN))
    if any(len(word) > MOST_KEYWORD or not word.isprintable() for word in words):
        raise ValueError(f"the column {column!r} holds a keyword that is too long or unprintable; put | between keywords")
    return words


def _each_once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in map(normal, words) if word))


def _with_phrases(stickers: Sequence[Sticker], phrases: Iterable[Mapping[str, str]]) -> tuple[Sticker, ...]:
    """The stickers with further keywords: a phrase for each symbol that it names."""
    found: dict[str, Sticker] = {sticker.symbol: sticker for sticker in stickers}
    for row in phrases:
        for symbol in row["symbols"].split():
            old = found[symbol]
            if row["language"] == "ja":
                found[symbol] = replace(old, keywords_ja=_each_once((*old.keywords_ja, row["phrase"])))
            else:
                found[symbol] = replace(old, keywords_en=_each_once((*old.keywords_en, row["phrase"])))
    return tuple(found.values())
