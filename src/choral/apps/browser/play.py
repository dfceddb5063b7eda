"""Where people want media to play by itself: each domain twice in the dictionary, with what the person wanted.

Knows names and counts. Leaves privacy to the tasks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.apps.browser.sites import NOTHING, OTHER, Sites, dictionary
from choral.protocol import Release

PLAYS, STAYS = "plays", "stays"  # what the person wanted: that media play by themselves, or that they do not


@dataclass(frozen=True, slots=True)
class Intent:
    """What is known of one domain. plays, stays: counts, 0 where they do not stand out; stderr: of each of the two."""

    domain: str
    plays: float
    stays: float
    stderr: float

    @property
    def surely_plays(self) -> bool:
        """Whether more people want it to play than not, by two standard errors of the difference."""
        return self.plays - self.stays > 2 * 2**0.5 * self.stderr


def play_names(known: Sites) -> tuple[str, ...]:
    """`DOMAIN plays` and `DOMAIN stays` for each domain and for `other`, then `nothing`."""
    domains = known.names[:-1]
    return (*(f"{domain} {wish}" for domain in domains for wish in (PLAYS, STAYS)), NOTHING)


def play_release(known: Sites) -> Release:
    """The names as public data, for an operator to sign."""
    return dictionary(play_names(known))


def play_category(known: Sites, domain: str, *, plays: bool) -> int:
    """The number of a domain with a wish."""
    return 2 * known.category(domain) + (0 if plays else 1)


def intents(release: Release, known: Sites) -> tuple[Intent, ...]:
    """The domains of a public histogram Release, those with the most answers first; `other` and `nothing` are left out."""
    found: dict[str, Intent] = {}
    names = play_names(known)
    for item, count, error in _rows(release.arrays):
        domain, _, wish = names[item].partition(" ")
        if domain not in (OTHER, NOTHING):
            before = found.get(domain, Intent(domain, 0.0, 0.0, 0.0))
            plays, stays = (count, before.stays) if wish == PLAYS else (before.plays, count)
            found[domain] = Intent(domain, plays, stays, max(before.stderr, error))
    return tuple(sorted(found.values(), key=lambda one: -(one.plays + one.stays)))


def _rows(arrays: Mapping[str, NDArray[np.generic]]) -> Sequence[tuple[int, float, float]]:
    return list(zip(*(arrays[name].tolist() for name in ("item", "estimate", "stderr")), strict=True))
