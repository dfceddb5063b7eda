"""Which emoji a keyboard offers first: ranked on the device, from public Releases, for its own locale.

Device half: no server, no simulation. Nothing about this person is needed, and nothing is sent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from choral.apps.keyboard.dictionary import dictionary
from choral.errors import UsageError
from choral.protocol import Release

KIND = "histogram"


@dataclass(frozen=True, slots=True)
class Ranking:
    """Categories of emoji, the likeliest first; `nothing` is not among them."""

    categories: tuple[int, ...]

    @classmethod
    def of_locale(cls, release: Release, fallback: "Ranking | None" = None) -> Self:
        """By one locale's histogram; after its emoji come those of `fallback` that it does not have."""
        own = _ranked(_shares(release))
        rest = [] if fallback is None else [one for one in fallback.categories if one not in set(own)]
        return cls((*own, *rest))

    @classmethod
    def of_all(cls, releases: Iterable[Release]) -> Self:
        """By several locales' histograms together, each report counting the same: what a keyboard offers without a locale."""
        return cls(_ranked(sum((_shares(one) * one.reports for one in releases), np.zeros(len(dictionary())))))

    def best(self, k: int) -> tuple[str, ...]:
        """The first `k` emoji."""
        return tuple(dictionary()[one] for one in self.categories[:k])

    def hits(self, typed: Sequence[int] | NDArray[np.integer], k: int) -> float:
        """hit@k: the share of the typed categories that are among the first `k`; 0 if nothing was typed."""
        return float(np.isin(np.asarray(typed), self.categories[:k]).mean()) if len(typed) else 0.0


def _shares(release: Release) -> NDArray[np.floating]:
    """Estimated share of each category, float64[2655]; 0 where it is not released. UsageError if it counts no emoji."""
    arrays = release.arrays
    if release.kind != KIND or not {"item", "estimate"} <= arrays.keys() or release.reports < 1:
        raise UsageError(f"a Release of kind {release.kind!r} cannot rank emoji; give the histogram of a locale")
    if len(arrays["item"]) and not 0 <= int(arrays["item"].min()) <= int(arrays["item"].max()) < len(dictionary()):
        raise UsageError("this histogram counts by another dictionary than this app's; update the app")
    shares = np.zeros(len(dictionary()))
    shares[arrays["item"]] = np.maximum(arrays["estimate"], 0) / release.reports
    return shares


def _ranked(shares: NDArray[np.floating]) -> tuple[int, ...]:
    order = np.argsort(-shares[:-1], kind="stable")
    return tuple(order[shares[order] > 0].tolist())
