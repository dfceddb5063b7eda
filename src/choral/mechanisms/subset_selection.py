"""Subset selection: the exact optimum for histograms, at one bit a category on the wire."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import DELTA, Estimate, Mask, Payloads, State, Values, checked_categories
from choral.mechanisms.bitmaps import add_bitmaps, bitmap, is_set, padding_is_zero
from choral.mechanisms.optimum import best_subset_size
from choral.mechanisms.support import Support
from choral.numerics import UNIT, Entropy
from choral.privacy import Guarantee, local, shuffled

MOST_DOMAIN = 2**16
CHUNK_CELLS = 2**23  # cells of the decks shuffled at a time: 32 MiB


@dataclass(frozen=True, slots=True)
class SubsetSelection:
    """Report a uniform subset of `size` categories that holds the true one with chance `keep / 2**64`.

    domain: number of categories, 2 <= domain <= 2**16; size: of the subset, 1 <= size < domain
    keep: chance that the subset holds the truth, in units of 2**-64, above that for any other category
    Source: Ye and Barg (IEEE Trans. IT 2018); Wang et al. (2016). Best size: Pan, arXiv 2603.11523.
    """

    NAME: ClassVar[str] = "subset-selection/1"
    domain: int
    size: int
    keep: int

    def __post_init__(self) -> None:
        if not 2 <= self.domain <= MOST_DOMAIN or not 1 <= self.size < self.domain:
            raise ValueError(f"need 2 <= domain <= 2**16 and 1 <= size < domain, got {self.domain=}, {self.size=}")
        if not UNIT * self.size // self.domain < self.keep < UNIT:
            raise ValueError(f"need 2**64 size / domain < keep < 2**64, got {self.keep=}")

    @classmethod
    def for_epsilon(cls, epsilon: float, domain: int) -> Self:
        """The optimal selection whose realised epsilon is at most `epsilon` nats."""
        if not 2**-10 < epsilon < 20 or not 2 <= domain <= MOST_DOMAIN:
            raise ValueError(f"need 2**-10 < epsilon < 20 and 2 <= domain <= 2**16, got {epsilon=}, {domain=}")
        size, odds = best_subset_size(epsilon, domain), math.exp(epsilon)
        return cls(domain, size, int(UNIT * (size * odds / (size * odds + domain - size)) * (1 - 2**-27)))

    @property
    def payload(self) -> np.dtype[np.void]:
        """One bit a category."""
        return bitmap(self.domain)

    @property
    def bits(self) -> int:
        """One a category; an enumeration of the subsets could say it in fewer."""
        return self.domain

    @property
    def cells(self) -> tuple[int, ...]:
        """Subsets that hold each category."""
        return (self.domain,)

    @property
    def epsilon(self) -> float:
        """Log ratio of one subset's chances, plus what the draws may be off.

        Each of at most `size` draws below b <= domain has every chance within a factor 1 +- domain / 2**64 of 1 / b:
        both chances of a ratio may be off by `size` such factors. 2**-45 covers the rounding of log.
        """
        ratio = self.keep * (self.domain - self.size) / ((UNIT - self.keep) * self.size)
        return math.log(ratio) + 4 * self.size * self.domain / UNIT + 2**-45

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """Local, then shuffled among `minimum` reports."""
        return local(self.epsilon), shuffled(self.epsilon, minimum, DELTA, reports_per_device=reports_per_device)

    def randomize(self, values: Values, entropy: Entropy) -> Payloads:
        """Payloads[n] from int64[n] in [0, domain); draws 1 + size words each.

        The first cards of a Fisher-Yates shuffle of the other categories; the last card drawn gives way to the truth.
        """
        truth = checked_categories(values, self.domain)
        held = entropy.chance(len(truth), self.keep)
        picks = np.empty((self.size, len(truth)), np.int64)
        for card in range(self.size):
            picks[card] = card + entropy.below(len(truth), self.domain - 1 - card).astype(np.int64)
        payloads = np.zeros(len(truth), self.payload)
        step = max(1, CHUNK_CELLS // self.domain)
        for start in range(0, len(truth), step):
            part = slice(start, start + step)
            others = _dealt(picks[:, part], self.domain - 1)
            chosen = others + (others >= truth[part, None])  # skip the true category
            chosen[:, -1] = np.where(held[part], truth[part], chosen[:, -1])
            _set(payloads["bits"][part], chosen)
        return payloads

    def legal(self, payloads: Payloads) -> Mask:
        """Exactly `size` categories, all below the domain."""
        members = np.bitwise_count(payloads["bits"]).sum(axis=1, dtype=np.int64)
        return np.asarray((members == self.size) & padding_is_zero(payloads["bits"], self.domain), np.bool_)

    def accumulate(self, state: State, payloads: Payloads) -> State:
        """Subsets that hold each category added."""
        return add_bitmaps(state, payloads)

    def estimate(self, state: State, n: int) -> Estimate:
        """Unbiased counts, float64[domain]."""
        return self.support.estimate(state, n)

    def variance(self, counts: NDArray[np.floating], n: int) -> NDArray[np.floating]:
        """Theoretical variance of each estimate, float64[domain]."""
        return self.support.variance(counts, n)

    @property
    def support(self) -> Support:
        """Chances that the subset holds the true category, and any other one."""
        truth = self.keep / UNIT
        return Support(truth, (self.size - truth) / (self.domain - 1))

    @property
    def manipulation(self) -> float:
        """About 2 (e**epsilon) / (e**epsilon - 1), of as many items as a subset holds."""
        return self.support.manipulation

    def supports(self, payloads: Payloads, item: int) -> Mask:
        """Subsets that hold the item."""
        return is_set(payloads, item)


def _dealt(picks: NDArray[np.int64], cards: int) -> NDArray[np.int64]:
    """The first cards of a deck 0 .. cards - 1 after swapping card i with card picks[i], row by row; int64[n, size]."""
    size, n = picks.shape
    rows = np.arange(n)
    deck = np.tile(np.arange(cards, dtype=np.int32), (n, 1))
    for card in range(size):
        drawn = deck[rows, picks[card]].copy()
        deck[rows, picks[card]] = deck[:, card]
        deck[:, card] = drawn
    return deck[:, :size].astype(np.int64)


def _set(bits: NDArray[np.uint8], chosen: NDArray[np.int64]) -> None:
    rows = np.arange(len(bits))
    for items in chosen.T:
        bits[rows, items >> 3] |= (1 << (items & 7)).astype(np.uint8)
