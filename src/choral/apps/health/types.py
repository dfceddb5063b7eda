"""The kinds of health data that can be counted, in the order that reports name them. Labels of our own."""

from functools import lru_cache
from importlib.resources import files

import numpy as np

from choral.protocol import Release

DICTIONARY = "health.types"  # what Terms call it
OTHER = "other"  # the last name but one: a type that is not on the list
NOTHING = "nothing"  # the reserved last name: a day on which no health data were edited


@lru_cache(maxsize=1)
def dictionary() -> tuple[str, ...]:
    """The listed types, then "other" and "nothing".

    >>> dictionary()[0], dictionary()[-2:]
    ('steps', ('other', 'nothing'))
    """
    text = (files("choral.apps.health") / "data" / "types.txt").read_text(encoding="utf-8")
    return (*text.splitlines(), OTHER, NOTHING)


def category(name: str) -> int:
    """The number of a type; that of "other" if it is not listed."""
    return dictionary().index(name if name in dictionary()[:-1] else OTHER)


@lru_cache(maxsize=1)
def dictionary_release() -> Release:
    """The names as public data, for an operator to sign: no person is in it, and its hash never changes."""
    return Release(bytes(32), 0, "dictionary", 0, 0, (), {"names": np.frombuffer("\n".join(dictionary()).encode(), np.uint8)})
