"""Which stickers are shown for what is being typed, and in which order; and what training reads of a choice.

Device half: no server, no simulation. The features of a sticker are public (its place among keywords, its popularity), those
of the person come from the catalogue service; nothing here depends on a message once it was looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.keywords import KeywordIndex, Places
from choral.device.signal import Arrays
from choral.errors import UsageError

SHOWN = 10  # stickers on the screen at a time
CHOICES = 16  # of one person that one update is made from, the latest
HISTORY = 0.5  # how much the logarithm of one's own choices counts, beside what the model says

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was on the screen and which of it was taken: sticker ids in the order shown, and a place among them."""

    displayed: tuple[int, ...]
    chosen: int

    def __post_init__(self) -> None:
        if not 0 <= self.chosen < len(self.displayed) <= SHOWN or len(set(self.displayed)) != len(self.displayed):
            raise ValueError(
                f"a choice is one of 1 to {SHOWN} different stickers, got place {self.chosen} of {len(self.displayed)}"
            )


@dataclass(frozen=True, eq=False)
class Holdings:
    """What this person holds and what is known of it: all that ranking and training read.

    ids: int64[n], each once; keywords: of each; features: float64[n, q - 1]; popularity: float64[n], logarithms, public
    preference: float64[p - 1], the person's own
    """

    ids: NDArray[np.int64]
    keywords: tuple[tuple[str, ...], ...]
    features: Floats
    popularity: Floats
    preference: Floats

    def __post_init__(self) -> None:
        n = len(self.ids)
        if not n == len(self.keywords) == len(self.features) == len(self.popularity) or self.features.ndim != 2:
            raise UsageError("ids, keywords, features and popularity do not tell of the same stickers; download them together")
        if len(self.places) != n:
            raise UsageError("a sticker is held twice; download the candidates again")

    @property
    def personal(self) -> Floats:
        """The person's vector as the model takes it, float64[p]: 1, then the preference."""
        return np.concatenate([[1.0], self.preference])

    @property
    def width(self) -> int:
        """Numbers of an item's vector, q: its features, then its position."""
        return int(self.features.shape[1]) + 1

    @cached_property
    def places(self) -> Mapping[int, int]:
        """From a sticker's id to its row."""
        return MappingProxyType({id_: place for place, id_ in enumerate(self.ids.tolist())})

    @cached_property
    def index(self) -> KeywordIndex:
        """Their keywords, ready to be looked for."""
        return _index(self.keywords)

    def suggested(self, text: str, head: Floats | None, counts: Mapping[int, int]) -> NDArray[np.int64]:
        """Ids of at most SHOWN stickers for this text, int64[m], the best first. The text is not kept."""
        places = self.index.places(text, enough=SHOWN)
        scores = self.scores(places, head) + HISTORY * self._history(places, counts)
        return self.ids[places[np.argsort(-scores, kind="stable")[:SHOWN]]]

    def scores(self, places: Places, head: Floats | None) -> Floats:
        """How well stickers suit this person, float64[m], wherever they would stand; popularity alone without a head.

        head: float64[p * q], row by row; UsageError for another size
        """
        scores = self.popularity[places]
        if head is None:
            return scores
        if head.shape != (len(self.personal) * self.width,):
            raise UsageError(f"a model of {len(self.personal)} x {self.width} numbers was due, {head.shape} came; update both")
        wanted = self.personal @ head.reshape(-1, self.width)
        return np.asarray(scores + self.features[places] @ wanted[:-1])

    def examples(self, choices: Sequence[Choice]) -> Arrays:
        """The latest CHOICES choices as examples of `BilinearRanking`, always of one shape; weight 0 where there is none.

        A sticker that is not held any more counts as not shown, and a choice of it as none.
        """
        rows, q = CHOICES, self.width
        items, offset, shown = np.zeros((rows, SHOWN, q)), np.zeros((rows, SHOWN)), np.zeros((rows, SHOWN))
        chosen, weight = np.zeros(rows, np.int64), np.zeros(rows)
        for row, choice in enumerate(choices[-rows:]):
            held = [(place, self.places[id_]) for place, id_ in enumerate(choice.displayed) if id_ in self.places]
            at, of = np.array(held, np.int64).reshape(-1, 2).T
            items[row, at] = np.column_stack([self.features[of], 1 / np.log2(2 + at)])
            offset[row, at], shown[row, at] = self.popularity[of], 1
            chosen[row], weight[row] = choice.chosen, choice.displayed[choice.chosen] in self.places
        personal = np.tile(self.personal, (rows, 1))
        return {"personal": personal, "items": items, "offset": offset, "shown": shown, "chosen": chosen, "weight": weight}

    def _history(self, places: Places, counts: Mapping[int, int]) -> Floats:
        """Logarithm of 1 + how often this person chose each, float64[m]."""
        return np.log1p([counts.get(id_, 0) for id_ in self.ids[places].tolist()]).astype(np.float64)


@lru_cache(maxsize=2)
def _index(keywords: tuple[tuple[str, ...], ...]) -> KeywordIndex:
    """Made once: keywords are public, and phones of one process, in a demo, share them."""
    return KeywordIndex.of(keywords)


def nothing_held(p: int, q: int) -> Holdings:
    """Holdings before the first download, for a head of p x q numbers."""
    none = np.zeros(0)
    return Holdings(np.zeros(0, np.int64), (), np.zeros((0, q - 1)), none, np.zeros(p - 1))
