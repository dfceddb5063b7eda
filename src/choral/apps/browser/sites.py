"""The domains that can be counted, in the order that reports name them; an address becomes one of them, and is gone.

Knows domain names. Leaves frequencies to population.py and privacy to the tasks.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Self
from urllib.parse import urlsplit

import numpy as np

from choral.errors import UsageError
from choral.protocol import Release

DICTIONARY, PLAYS_DICTIONARY = "browser.domains", "browser.autoplay"  # what Terms call them
OTHER = "other"  # the last name but one: a site that is not on the list
NOTHING = "nothing"  # the reserved last name: a day on which nothing happened
KIND = "dictionary"


@dataclass(frozen=True, slots=True)
class Sites:
    """A public list of domains, then `other` and `nothing`; made by `Sites.of`.

    names: in the order that reports name them; places: the same, from name to number
    """

    names: tuple[str, ...]
    places: Mapping[str, int] = field(repr=False, compare=False)

    @classmethod
    def of(cls, release: Release) -> Self:
        """The list in a dictionary Release, whose signature its downloader has checked; UsageError if it is none."""
        names = tuple(release.arrays["names"].tobytes().decode().split("\n")) if "names" in release.arrays else ()
        if release.kind != KIND or names[-2:] != (OTHER, NOTHING) or len(set(names)) != len(names):
            raise UsageError(f"this Release of kind {release.kind!r} is no list of domains that ends with {OTHER}, {NOTHING}")
        return cls(names, {name: place for place, name in enumerate(names)})

    def domain(self, address: str) -> str:
        """The listed domain that `address` (a URL or a host) belongs to, else `other`: all that is kept of an address.

        >>> sites().domain("https://mail.google.com/mail/u/0/?secret#inbox"), sites().domain("http://10.0.0.7/diary")
        ('google.com', 'other')
        """
        labels = _host(address).split(".")
        names = (".".join(labels[first:]) for first in range(len(labels)))
        return next((name for name in names if name in self.places and name not in (OTHER, NOTHING)), OTHER)

    def category(self, domain: str) -> int:
        """The number of a name of the list; that of `other` for any other text."""
        return self.places.get(domain, self.places[OTHER])

    def release(self) -> Release:
        """The list as public data, for an operator to sign: no person is in it, and its hash follows from the names."""
        return dictionary(self.names)


@lru_cache(maxsize=1)
def sites() -> Sites:
    """The shipped list: 1,252 domains, `other`, `nothing`.

    >>> len(sites().names), sites().names[:2]
    (1254, ('google.de', 'amazon.de'))
    """
    lines = (files("choral.apps.browser") / "data" / "domains.csv").read_text(encoding="utf-8").splitlines()
    return Sites.of(dictionary((*(row["domain"] for row in csv.DictReader(lines)), OTHER, NOTHING)))


def dictionary(names: tuple[str, ...]) -> Release:
    """These names as public data."""
    return Release(bytes(32), 0, KIND, 0, 0, (), {"names": np.frombuffer("\n".join(names).encode(), np.uint8)})


def _host(address: str) -> str:
    """The host in lower case, without user, port and closing dot; empty if there is none."""
    try:
        return (urlsplit(address if "//" in address else f"//{address}").hostname or "").rstrip(".")
    except ValueError:
        return ""
