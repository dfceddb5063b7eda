"""Which words a keyboard knows: its own dictionary, and the public lexicon of words found together.

Device half: no server, no simulation. A word that is known is no news: it never becomes an event.
"""

import gzip
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Self

import numpy as np

from choral.errors import UsageError
from choral.learning.words import is_word, spelled
from choral.protocol import Release

KIND = "lexicon"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of a device, in lower case."""

    words: frozenset[str]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The words of a text file with one word a line; what is not 2 to 14 letters a-z is left out."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"the dictionary {path} cannot be read ({error}); give a text file with one word a line"
            ) from error
        return cls(frozenset(word for word in map(str.lower, lines) if is_word(word)))

    def with_lexicon(self, release: Release) -> Self:
        """With the words of a lexicon Release, whose signature its downloader has checked."""
        return type(self)(self.words | set(lexicon_words(release)))

    def news(self, typed: str) -> str | None:
        """The word in lower case if it is one of 2 to 14 letters a-z that nobody knows yet, else None.

        >>> shipped_words().news("Bruh"), shipped_words().news("brother"), shipped_words().news("br0")
        ('bruh', None, None)
        """
        word = typed.lower()
        return word if is_word(word) and word not in self.words else None


@lru_cache(maxsize=1)
def shipped_words() -> Vocabulary:
    """119,151 English words of SCOWL that are in use: what a keyboard knows if its system has no dictionary of its own."""
    packed = (files("choral.apps.keyboard") / "data" / "known_words.txt.gz").read_bytes()
    return Vocabulary(frozenset(gzip.decompress(packed).decode().split("\n")))


def lexicon_release(words: Iterable[str], *, version: int, created: int, earlier: Release | None = None) -> Release:
    """The words, and those of an `earlier` lexicon, as public data for an operator to sign: sorted, each once.

    version: one more than the earlier one's; created: unix seconds. UsageError for what is no word.
    """
    given = list(words)
    wrong = [word for word in given if not is_word(word)]
    if wrong:
        raise UsageError(f"{wrong[0]!r} is not 2 to 14 letters a-z; leave it out of the lexicon")
    if earlier is not None and earlier.round >= version:
        raise UsageError(f"version {version} does not follow version {earlier.round}; choose {earlier.round + 1}")
    known = sorted({*given, *(lexicon_words(earlier) if earlier else ())})
    names = np.frombuffer("\n".join(known).encode(), np.uint8)
    return Release(bytes(32), version, KIND, 0, created, (), {"names": names})


def lexicon_words(release: Release) -> tuple[str, ...]:
    """The words of a lexicon Release; UsageError if it is none."""
    if release.kind != KIND or "names" not in release.arrays or release.task.strip(b"\0"):
        raise UsageError(f"a Release of kind {release.kind!r} came where a lexicon was due; ask for the kind {KIND!r}")
    text = release.arrays["names"].tobytes().decode(errors="replace")
    return tuple(word for word in text.split("\n") if is_word(word))


def found_words(releases: Collection[Release], *, at_least: float = 0.0) -> tuple[str, ...]:
    """The words that these Releases found, each once, commonest first, with an estimate of at least `at_least` reports."""
    rows = [
        (estimate, word)
        for release in releases
        for word, estimate in zip(spelled(release.arrays["word"]), release.arrays["estimate"].tolist(), strict=True)
        if estimate >= at_least and is_word(word)
    ]
    return tuple(dict.fromkeys(word for _, word in sorted(rows, key=lambda row: (-row[0], row[1]))))
