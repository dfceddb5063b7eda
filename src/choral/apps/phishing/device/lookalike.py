"""How near a host's name comes to that of a protected brand that does not own it: letters that look alike, letters changed.

Device half: no server, no simulation. A team gives the brands that it protects, as `brand,domains` with | between domains.
"""

import csv
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Self

from choral.apps.phishing.device.urls import Link, words
from choral.errors import UsageError

FAR = 3  # a distance from which nothing looks alike
LETTERS_AN_EDIT = 4  # a name of 4 letters may differ in one, of 8 in two
MOST_LETTERS = 32  # of a word that is compared
MOST_WORDS = 40
# Letters of other scripts and digits that are read as Latin ones (a part of Unicode's confusables, UTS 39).
ALIKE = str.maketrans(
    "аесорхуіјѕԁһԛԝӏкмтвнгзбαοεινρτυκηω0134578$@|!",
    "aecopxyijsdhqwlkmtbhrzbaoeivptuknwoleastbsali",
)
PAIRS = (("rn", "m"), ("vv", "w"))
JAPANESE = frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"})  # written together


@dataclass(frozen=True, slots=True)
class Likeness:
    """The brand that a host's name comes nearest to, and at how many changed letters; FAR and no brand if to none.

    named: the brand's name stands there in full, in a host that is not the brand's; scripts: writing systems in one label
    """

    brand: str
    distance: int
    named: bool
    scripts: int


@dataclass(frozen=True, slots=True)
class Brands:
    """Protected names with the registered domains that are their own."""

    domains: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str]]) -> Self:
        """From names and their domains, | between them; UsageError for a row that protects nothing, or one name twice."""
        found: dict[str, frozenset[str]] = {}
        for number, (brand, domains) in enumerate(rows, 2):
            name, own = brand.strip().lower(), frozenset(filter(None, domains.strip().lower().split("|")))
            if not name or not own or name in found:
                raise UsageError(f"line {number}: {brand!r} has no name, no domain of its own, or was there before")
            found[name] = own
        return cls(found)

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a CSV with the columns brand and domains."""
        try:
            return cls.of(_rows(path.read_text("utf-8-sig")))
        except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
            raise UsageError(f"{path} cannot be read ({error}); give a CSV with the columns brand,domains") from error

    def likeness(self, link: Link) -> Likeness:
        """What the link's host pretends to be."""
        host = _spelt(link.host)
        scripts = max(map(_scripts, host.split(".")))
        best = ("", FAR)
        found = _candidates(host)
        for name, own in self.domains.items():
            if link.registered not in own:
                best = min(best, (name, _nearest(name, found)), key=lambda one: one[1])
        named = any(name in link.host and link.registered not in own for name, own in self.domains.items())
        return Likeness(best[0], best[1], named, scripts)


@lru_cache(maxsize=1)
def shipped_brands() -> Brands:
    """Names that phishing pages are known to imitate; a team adds its own."""
    return Brands.of(_rows(files("choral.apps.phishing").joinpath("data/brands.csv").read_text("utf-8")))


def likeness_features(likeness: Likeness) -> Mapping[str, float]:
    """`brand_distance` 0 to 3 changed letters (3: like none), `brand_named`, `mixed_scripts`."""
    return {
        "brand_distance": likeness.distance,
        "brand_named": float(likeness.named),
        "mixed_scripts": float(likeness.scripts > 1),
    }


def distance(one: str, other: str) -> int:
    """Letters to insert, delete, replace, or swap with a neighbour, to make one the other; FAR if that many or more.

    >>> distance("paypal", "papyal"), distance("paypal", "paypa"), distance("paypal", "amazon")
    (1, 1, 3)
    """
    if abs(len(one) - len(other)) >= FAR:
        return FAR
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        before, last, row = row, before, [place]
        for at, sign in enumerate(other, 1):
            cost = min(before[at] + 1, row[at - 1] + 1, before[at - 1] + (letter != sign))
            if place > 1 and at > 1 and letter == other[at - 2] and one[place - 2] == sign:
                cost = min(cost, last[at - 2] + 1)
            row.append(cost)
        if min(row) >= FAR:
            return FAR
    return min(row[-1], FAR)


def _nearest(name: str, found: Sequence[tuple[str, int]]) -> int:
    """The least distance of the name to one of the words, as far as a name of its length may differ.

    A word whose set of letters differs in more than two letters an edit is passed over uncompared.
    """
    allowed, letters, length = min(len(name) // LETTERS_AN_EDIT, FAR - 1), _letters(name), len(name)
    least = FAR
    for word, its in found:
        if (letters ^ its).bit_count() <= 2 * allowed and -allowed <= len(word) - length <= allowed:
            least = min(least, distance(name, word))
    return least if least <= allowed else FAR


@lru_cache(maxsize=4096)
def _letters(word: str) -> int:
    """The set of a word's letters, a bit each; letters 64 apart share one, which only makes words look nearer."""
    return sum({1 << (ord(letter) % 64) for letter in word})


def _candidates(host: str) -> list[tuple[str, int]]:
    """The words of a host as they are read, and its labels without hyphens, each with its letters."""
    folded = _folded(host)
    labels = [label.replace("-", "") for label in folded.split(".")]
    found = [word for text in (folded, host) for word in words(text)] + labels
    return [(word, _letters(word)) for word in dict.fromkeys(found[:MOST_WORDS]) if len(word) <= MOST_LETTERS]


def _folded(host: str) -> str:
    """The host as a person reads it in haste: accents off, look-alikes replaced."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", host) if not unicodedata.combining(sign)).translate(ALIKE)
    for pair, letter in PAIRS:
        plain = plain.replace(pair, letter)
    return plain


def _spelt(host: str) -> str:
    """The host as browsers show it: labels of xn-- in their own letters, where they can be read."""
    return ".".join(map(_label, host.split(".")))


def _label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label


def _scripts(label: str) -> int:
    """How many writing systems the letters of a label are of; 0 without letters."""
    found = {unicodedata.name(sign, "?").split()[0] for sign in label if sign.isalpha()}
    return len({"JAPANESE" if script in JAPANESE else script for script in found})


def _rows(text: str) -> list[tuple[str, str]]:
    return [(row["brand"], row["domains"]) for row in csv.DictReader(StringIO(text))]
