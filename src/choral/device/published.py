"""What a server tells everyone of its open rounds, and whether a check-out says the same.

The openings are fetched on a connection of their own, without a token, by every device alike and whatever its signals: a
check-out made for one device differs from them, unless its server shows that one address other openings too. Until openings
are in a public log this is the one mark that remains (docs/privacy.md says what it would reveal).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from choral.device.offer import Offer
from choral.errors import PeerError, TaskRefused
from choral.protocol import Opening, Openings, Signed, decode, verify

PATH = "/v1/openings"
PLACE = slice(2, 34)  # of the task's hash in an Opening's bytes, behind version and kind
SAME = ("round", "chance", "issued", "valid_until")


@dataclass(frozen=True, slots=True)
class Published:
    """The signed Openings as they came."""

    items: Sequence[Signed]

    @classmethod
    def read(cls, data: bytes) -> "Published":
        """From an answer's bytes; PeerError if they are none."""
        return cls(decode(data, Openings).items)

    def require_same(self, offer: Offer) -> None:
        """TaskRefused unless the check-out of this offer says what everyone was told of its round."""
        found = list(self._openings(offer))
        if not found:
            raise _differs(offer, "not-published", "its round is not among those that the server has published")
        if len(found) == 1 and abs(found[0].round - offer.checkout.round) == 1:
            told = "a new round began between the two downloads; its check-out is taken next time; nothing was paid"
            raise TaskRefused(told, code="between-rounds")
        problem = _difference(offer, found[0]) if len(found) == 1 else "its round was published twice"
        if problem:
            raise _differs(offer, "differs", f"it is not the check-out that everyone gets: {problem}")

    def _openings(self, offer: Offer) -> Iterator[Opening]:
        for signed in self.items:
            if signed.body[PLACE] == offer.task_hash:
                try:
                    yield verify(signed, Opening, offer.task.server_key)
                except PeerError as error:
                    raise _differs(offer, "not-published", f"what is published of its round does not hold: {error}") from error


def _difference(offer: Offer, opening: Opening) -> str:
    """Where check-out and opening differ; empty if they do not."""
    for name in SAME:
        if getattr(offer.checkout, name) != getattr(opening, name):
            return f"its {name} is {getattr(offer.checkout, name)}, published is {getattr(opening, name)}"
    if not getattr(offer.algorithm, "streams", False):
        return "" if opening.question == offer.question else "it asks with other parameters"
    return _drawn_difference(offer, opening)


def _drawn_difference(offer: Offer, opening: Opening) -> str:
    """The same where each device draws parameters of its own: they lie around the published ones, all else is equal."""
    drawn, around = offer.checkout.params, opening.around
    if drawn.keys() != around.keys() or any(drawn[name].shape != around[name].shape for name in drawn):
        return "it has other arrays"
    if any(name != "params" and not np.array_equal(drawn[name], around[name]) for name in drawn):
        return "it names another version"
    far = float(np.abs(drawn["params"].astype(np.float64) - around["params"].astype(np.float64)).max(initial=0.0))
    most = float(offer.algorithm.drawn_within)
    return "" if far <= most else f"a drawn weight lies {far:.3g} from the last release, at most {most:.3g} can be chance"


def _differs(offer: Offer, code: str, detail: str) -> TaskRefused:
    return TaskRefused(
        f"the task about {offer.terms.signal!r} is not let in: {detail}; ask again later, and if it stays so tell others and "
        "whoever runs the server; nothing was paid",
        code=code,
    )
