"""Which predetermined keywords stand in what is being typed: Aho-Corasick, all keywords at once.

Device half. Knows texts while it looks at them and keeps none: the answer is places of stickers, nothing else.
Japanese has no spaces: a keyword counts wherever it stands. Where scripts have spaces it must begin and end a word.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from ahocorasick_rs import AhoCorasick
from numpy.typing import NDArray

from choral.apps.stickers.device.catalogue import normal

MOST_CHARACTERS = 500  # of a message are looked at: its end, where the person types
SPACELESS = 0x2E80  # from here on: Han, kana and their kin, which are written without spaces

Places = NDArray[np.int64]
Match = tuple[int, int, int]  # pattern, start, end


@dataclass(frozen=True, slots=True, eq=False)
class KeywordIndex:
    """All keywords of a list of stickers, ready to be looked for in one pass.

    owners: places of the stickers of each pattern, one pattern after the other; starts: int64[patterns + 1] into them
    """

    automaton: AhoCorasick
    owners: Places
    starts: Places

    @classmethod
    def of(cls, keywords: Sequence[Iterable[str]]) -> Self:
        """The index of stickers 0, 1, ... with these keywords, in the form of `normal`; a lone sign such as "!" is none."""
        found: dict[str, list[int]] = {}
        for place, words in enumerate(keywords):
            for word in dict.fromkeys(word for word in words if len(word) > 1 or word.isalnum()):
                found.setdefault(word, []).append(place)
        owners = np.array([place for places in found.values() for place in places], np.int64)
        starts = np.cumsum([0, *(len(places) for places in found.values())], dtype=np.int64)
        return cls(AhoCorasick(found, store_patterns=False), owners, starts)

    def places(self, text: str, *, enough: int) -> Places:
        """Stickers that a keyword in the text stands for, int64[m], ascending, each once.

        A keyword inside a longer one ("you" in "thank you") counts only if there are fewer than `enough` without it.
        """
        whole = text[-MOST_CHARACTERS:].encode("utf-8", "replace").decode()  # half a surrogate pair is no character
        matches = _on_words(self.automaton, normal(whole))
        outer = _outermost(matches)
        places = self._owned(outer)
        return places if len(places) >= enough or len(outer) == len(matches) else self._owned(matches)

    def _owned(self, matches: Sequence[Match]) -> Places:
        parts = [self.owners[self.starts[pattern] : self.starts[pattern + 1]] for pattern in {match[0] for match in matches}]
        return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int64)


def _on_words(automaton: AhoCorasick, text: str) -> list[Match]:
    """All matches that cut no word in two."""
    found = automaton.find_matches_as_indexes(text, overlapping=True)
    return [match for match in found if not _within_word(text, match[1]) and not _within_word(text, match[2])]


def _within_word(text: str, place: int) -> bool:
    """Whether letters of a script that has spaces stand on both sides of `place`."""
    return 0 < place < len(text) and _is_letter(text[place - 1]) and _is_letter(text[place])


def _is_letter(sign: str) -> bool:
    return ord(sign) < SPACELESS and sign.isalnum()


def _outermost(matches: Sequence[Match]) -> list[Match]:
    """The matches that lie within no other one."""
    found, reached = list[Match](), -1
    for match in sorted(matches, key=lambda one: (one[1], -one[2])):
        if match[2] > reached:
            found.append(match)
            reached = match[2]
    return found
