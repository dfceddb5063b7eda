"""The emoji that can be counted, in the order that reports name them.

Knows spellings. Leaves frequencies to population.py and privacy to tasks.py.
"""

import csv
import re
from functools import lru_cache
from importlib.resources import files

import numpy as np

from choral.protocol import Release

DICTIONARY = "keyboard.emoji"  # what Terms call it
NOTHING = "nothing"  # the reserved last name: a day without an emoji, or one outside the table
SELECTORS = re.compile("[\ufe0e\ufe0f]")  # text or colour: one emoji either way
SKIN_TONES = re.compile("[\U0001f3fb-\U0001f3ff]")


@lru_cache(maxsize=1)
def dictionary() -> tuple[str, ...]:
    """The 2,655 names by category: 2,654 emoji, then "nothing".

    >>> len(dictionary()), dictionary()[-1]
    (2655, 'nothing')
    """
    return (*(emoji for emoji, _ in _table()), NOTHING)


def english_names() -> tuple[str, ...]:
    """What each category shows, in English words; the last one is "nothing"."""
    return (*(name for _, name in _table()), NOTHING)


def category(emoji: str) -> int:
    """The category of what was typed: spelled with or without variation selectors; else without its skin tone; else "nothing".

    >>> dictionary()[category("❤")], dictionary()[category("👋🏽")], dictionary()[category("🦩")]
    ('❤️', '👋🏽', 'nothing')
    """
    categories = _categories()
    plain = SELECTORS.sub("", emoji)
    return categories.get(plain, categories.get(SKIN_TONES.sub("", plain), len(categories)))


@lru_cache(maxsize=1)
def dictionary_release() -> Release:
    """The names as public data, for an operator to sign: no person is in it, and its hash never changes."""
    names = np.frombuffer("\n".join(dictionary()).encode(), np.uint8)
    return Release(bytes(32), 0, "dictionary", 0, 0, (), {"names": names})


@lru_cache(maxsize=1)
def _table() -> tuple[tuple[str, str], ...]:
    lines = (files("choral.apps.keyboard") / "data" / "emoji.csv").read_text(encoding="utf-8").splitlines()
    return tuple((row["emoji"], row["name"]) for row in csv.DictReader(lines))


@lru_cache(maxsize=1)
def _categories() -> dict[str, int]:
    return {SELECTORS.sub("", emoji): number for number, (emoji, _) in enumerate(_table())}
