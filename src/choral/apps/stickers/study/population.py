"""People who choose stickers: taste, packages downloaded, keywords that they repeat; each person a function of the seed.

Study half. Knows distributions and the public catalogue. Leaves privacy noise to mechanisms and learning to `study`.
Why it is made like this is told in docs/experiments/stickers.md.
"""

import hashlib
import math
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from choral.apps.stickers.device.catalogue import Catalogue
from choral.apps.stickers.device.embedding import item_features
from choral.apps.stickers.device.suggestion import CHOICES, SHOWN
from choral.apps.stickers.service.download_logs import Logs
from choral.apps.stickers.study.downloads import downloads
from choral.numerics import SeededEntropy

TASTES = 8  # independent ways in which people differ
STRENGTH = 3.0  # standard deviation over people of the utility of a candidate, beside that of its list
KEYWORD_NUMBERS = 14  # of the embedding in which the keyword half of taste is linear
PACKAGE = 16  # stickers sold together: consecutive ones of the catalogue, which is ordered by theme
YEARS = 3  # of download logs
POPULARITY = 1.0  # standard deviation of log popularity
PLACE_PULL = 0.5  # what the first place adds to a utility, times 1 / log2(2 + place)
NOVELTY = 0.65  # alpha of the urn: how readily a person uses another keyword
MOST_CHOICES = 15  # 1 to 15 choices a person, all equally likely: 8 on average
SLOTS = 4  # uniform numbers a choice, and one for each candidate
HALVES = TASTES + 1 + CHOICES * (SLOTS + SHOWN)  # uniform numbers a person

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """A run of people. Choices beyond a person's own have weight 0.

    taste: float64[n, TASTES]; displayed: int64[n, CHOICES, SHOWN], rows of the catalogue in the order shown;
    chosen: int64[n, CHOICES], a place; weight: float64[n, CHOICES], 1 or 0
    """

    taste: Floats
    displayed: Integers
    chosen: Integers
    weight: Floats

    @property
    def taken(self) -> Integers:
        """The chosen stickers, rows of the catalogue, int64[n, CHOICES]."""
        return np.take_along_axis(self.displayed, self.chosen[..., None], axis=2)[..., 0]


@dataclass(frozen=True, eq=False)
class World:
    """What is the same for all people of one seed; rows follow the catalogue.

    popularity: float64[n], logarithms, public; appeal: float64[n, TASTES], utility = popularity + taste @ appeal
    features: float64[n, KEYWORD_NUMBERS], the keyword embedding in which half of taste is linear
    holders: int64[k, most], stickers of each keyword, padded with 0; held: int64[k], how many; share: float64[k], of use
    """

    seed: int
    popularity: Floats
    appeal: Floats
    features: Floats
    holders: Integers
    held: Integers
    share: Floats

    @classmethod
    def of(cls, catalogue: Catalogue, seed: int) -> Self:
        """Popularity and taste drawn for this seed; keywords that at least SHOWN stickers have, used by Zipf's law."""
        n, entropy = len(catalogue), SeededEntropy(_number("world", seed))
        lists = _holders(catalogue)
        held = np.array([len(places) for places in lists], np.int64)
        holders = np.zeros((len(lists), held.max()), np.int64)
        for row, places in enumerate(lists):
            holders[row, : len(places)] = places
        order = np.argsort(entropy.words(1, len(lists))[0], kind="stable")
        share = np.empty(len(lists))
        share[order] = 1 / np.arange(1.0, len(lists) + 1)
        share /= share.sum()
        turn = _normal(entropy, KEYWORD_NUMBERS, TASTES)
        half = STRENGTH * math.sqrt(0.5)
        features = item_features(catalogue, KEYWORD_NUMBERS).astype(np.float64)
        linear = _scaled(features @ turn, lists, share) * half
        other = _scaled(_beside(features, _normal(entropy, n, TASTES), lists, share), lists, share) * half
        popularity = POPULARITY * _normal(entropy, n, 1)[:, 0]
        return cls(seed, popularity, linear + other, features, holders, held, share)

    @property
    def lists(self) -> list[Integers]:
        """Stickers of each keyword."""
        return [row[:size] for row, size in zip(self.holders, self.held, strict=True)]

    @cached_property
    def package(self) -> Integers:
        """The package of each sticker, int64[n]."""
        return np.arange(len(self.popularity)) // PACKAGE

    @cached_property
    def package_appeal(self) -> Floats:
        """A package is liked as its stickers are on average, float64[packages, TASTES]."""
        sums = np.zeros((self.package[-1] + 1, TASTES))
        np.add.at(sums, self.package, self.appeal)
        return np.asarray(sums / np.bincount(self.package)[:, None])

    @cached_property
    def package_popularity(self) -> Floats:
        """Logarithm of the mean popularity of a package's stickers, float64[packages]."""
        return np.asarray(np.log(np.bincount(self.package, np.exp(self.popularity)) / np.bincount(self.package)))

    def tastes(self, first: int, devices: int) -> Floats:
        """Tastes alone of people first .. first + devices, float64[devices, TASTES]."""
        return _gaussian(_uniforms(self._entropy(first), devices, TASTES))

    def people(self, first: int, devices: int) -> People:
        """People first .. first + devices; the same whatever else is asked for."""
        uniform = _uniforms(self._entropy(first), devices, HALVES)
        taste = _gaussian(uniform[:, :TASTES])
        sizes = (uniform[:, TASTES] * MOST_CHOICES).astype(np.int64) + 1
        slots = uniform[:, TASTES + 1 :].reshape(devices, CHOICES, SLOTS + SHOWN)
        origin = _repeated(slots[..., 0])
        keyword = self._keywords(np.take_along_axis(slots[..., 1], origin, axis=1))
        draws = np.take_along_axis(slots[..., SLOTS:], origin[..., None], axis=1)
        displayed = _turned(self.holders[keyword[..., None], _distinct(draws, self.held[keyword])], slots[..., 2])
        utility = self.popularity[displayed] + np.einsum("nr,ntmr->ntm", taste, self.appeal[displayed])
        chosen = _softmax_choice(utility + PLACE_PULL * place_feature(), slots[..., 3])
        weight = (np.arange(CHOICES) < sizes[:, None]).astype(np.float64)
        return People(taste, displayed, chosen, weight)

    def logs(self, first: int, taste: Floats) -> Logs:
        """Packages that these people downloaded in YEARS years, driven by the same taste; `first`: number of the first one."""
        years = [
            downloads(taste, self.package_appeal, self.package_popularity, seed=self.seed * YEARS + year, first=first)
            for year in range(YEARS)
        ]
        columns = zip(*((one.person, one.sticker, one.kind, one.day) for one in years), strict=True)
        return Logs(*map(np.concatenate, columns))

    def _entropy(self, first: int) -> SeededEntropy:
        return SeededEntropy(_number("people", self.seed), stream=first)

    def _keywords(self, uniform: Floats) -> Integers:
        cumulative = np.cumsum(self.share)
        found: Integers = np.searchsorted(cumulative, uniform * cumulative[-1], side="right")
        return np.minimum(found, len(cumulative) - 1)


def place_feature() -> Floats:
    """How much each place is looked at, float64[SHOWN], as examples have it."""
    return np.asarray(1 / np.log2(2 + np.arange(SHOWN)), np.float64)


def _holders(catalogue: Catalogue) -> list[Integers]:
    """Stickers of each keyword that SHOWN or more have, keywords in alphabetical order, both languages."""
    found: dict[str, list[int]] = defaultdict(list)
    for place, sticker in enumerate(catalogue.stickers):
        for word in dict.fromkeys(sticker.keywords):
            found[word].append(place)
    lists = [np.array(found[word], np.int64) for word in sorted(found) if len(found[word]) >= SHOWN]
    if not lists:
        raise ValueError(f"no keyword has {SHOWN} stickers; a study needs a larger catalogue")
    return lists


def centred(part: Floats, lists: list[Integers], share: Floats) -> Floats:
    """The rows of each list beside its mean, weighted so that their squares add up to a mean over use and candidates."""
    rows = zip(lists, share, strict=True)
    return np.concatenate([(part[row] - part[row].mean(axis=0)) * math.sqrt(weight / len(row)) for row, weight in rows])


def _beside(features: Floats, part: Floats, lists: list[Integers], share: Floats) -> Floats:
    """The part without what is linear in the features among a list's candidates."""
    basis, target = centred(features, lists, share), centred(part, lists, share)
    return np.asarray(part - features @ np.linalg.lstsq(basis, target, rcond=None)[0])


def _scaled(part: Floats, lists: list[Integers], share: Floats) -> Floats:
    """The part with a variance of 1 over a list's candidates, summed over tastes, on average over use."""
    return part / math.sqrt(float((centred(part, lists, share) ** 2).sum()))


def _number(purpose: str, seed: int) -> int:
    """A seed for SeededEntropy that no other purpose shares."""
    return int.from_bytes(hashlib.sha256(f"choral/stickers/1/{purpose}/{seed}".encode()).digest(), "little")


def _uniforms(entropy: SeededEntropy, rows: int, count: int) -> Floats:
    """Uniform numbers in (0, 1), float64[rows, count], two of each word."""
    words = np.ascontiguousarray(entropy.words(rows, -(-count // 2)).astype("<u8", copy=False))
    return np.asarray((words.view("<u4")[:, :count] + 0.5) * 2.0**-32)


def _gaussian(uniform: Floats) -> Floats:
    """Standard Gaussians of pairs of uniform numbers (Box and Muller), the same shape."""
    radius, angle = np.sqrt(-2 * np.log(uniform[:, 0::2])), 2 * math.pi * uniform[:, 1::2]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _normal(entropy: SeededEntropy, rows: int, columns: int) -> Floats:
    return _gaussian(_uniforms(entropy, 1, 2 * rows * columns))[0, : rows * columns].reshape(rows, columns)


def _repeated(uniform: Floats) -> Integers:
    """Polya's urn: for each choice the one whose keyword and list it repeats, or itself, int64[n, CHOICES]."""
    before = np.arange(CHOICES)
    place = uniform * (NOVELTY + before)
    origin = np.where(place < before, place.astype(np.int64), before)
    while not np.array_equal(origin, further := np.take_along_axis(origin, origin, axis=1)):
        origin = further
    return origin


def _distinct(uniform: Floats, bound: Integers) -> Integers:
    """SHOWN different numbers below `bound`, every set equally likely, int64[n, CHOICES, SHOWN] (Floyd's algorithm)."""
    found = np.empty(uniform.shape, np.int64)
    for step in range(SHOWN):
        last = bound - SHOWN + step
        drawn = (uniform[..., step] * (last + 1)).astype(np.int64)
        again = (found[..., :step] == drawn[..., None]).any(axis=-1)
        found[..., step] = np.where(again, last, drawn)
    return found


def _turned(displayed: Integers, uniform: Floats) -> Integers:
    """Each list begun at a random place, so that every candidate stands at every place equally often."""
    begin = (uniform * SHOWN).astype(np.int64)
    return np.take_along_axis(displayed, (np.arange(SHOWN) + begin[..., None]) % SHOWN, axis=2)


def _softmax_choice(utility: Floats, uniform: Floats) -> Integers:
    odds = np.cumsum(np.exp(utility - utility.max(axis=2, keepdims=True)), axis=2)
    return np.asarray((odds[..., :-1] < uniform[..., None] * odds[..., -1:]).sum(axis=2), np.int64)
