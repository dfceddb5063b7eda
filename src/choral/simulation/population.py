"""People who type: how much, on which days, and what; each person a function of the seed and of a number.

Knows distributions. Leaves privacy noise to mechanisms: floats are welcome here, nothing of this leaves a device.
"""

import hashlib
import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from choral.numerics import SeededEntropy

DAYS = 7
ALPHA = 2.1  # how strongly people repeat themselves; fitted on 342 real phones
MEDIAN, P90, P99 = 10, 307, 2_621  # events a phone, of the same 342 phones
SCORE_90, SCORE_99 = NormalDist().inv_cdf(0.9), NormalDist().inv_cdf(0.99)
LOW_SLOPE = 1.39  # below the median, set by the 29 % of device-days without an event
OWN_DAYS = 16 * DAYS  # so many events fall each on a day of its own; what is above is shared equally
WORDS = 8  # of entropy a person
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
SIZES, DAY_KEY, URN_KEY, TASTE_KEY, CHOICE_KEY = 0, 2, 3, 4, 5  # two words, then one each

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Events:
    """What a run of devices typed: one row an event, ordered by device, then by day.

    device: int64[e], counted from the run's first; category: int64[e]
    counts: int64[n, days], events of each device-day; sampled: int64[n, days], the category of one event of that day,
    uniformly chosen, or `nothing`
    """

    device: Integers
    category: Integers
    counts: Integers
    sampled: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Devices without number; the same seed and number always make the same person.

    A week's events a device follow a log-normal in three pieces that meets the published quantiles exactly (median 10,
    90 % 307, 99 % 2,621); its lower slope makes 29 % of device-days empty. Categories come from a Polya urn: a new draw
    from `marginal` with chance alpha / (alpha + events so far), else a repetition of an earlier event, uniformly. That
    is exactly the Dirichlet-multinomial with total weight alpha.

    marginal: float64[d], shares that sum to 1; seed: any integer; alpha: above 0
    """

    marginal: Floats
    seed: int
    alpha: float = ALPHA

    def __post_init__(self) -> None:
        if not (self.alpha > 0 and len(self.marginal) and abs(float(self.marginal.sum()) - 1) < 1e-9):
            raise ValueError(f"need alpha > 0 and shares that sum to 1, got {self.alpha=}, sum {float(self.marginal.sum())}")

    @property
    def nothing(self) -> int:
        """The category that stands for a day without an event: one past the marginal's last."""
        return len(self.marginal)

    def totals(self, first: int, devices: int) -> Integers:
        """Events in the week of devices first .. first + devices, int64[devices], at least 1."""
        return _sizes(self._words(first, devices))

    def days(self, first: int, devices: int) -> Integers:
        """Events on each day of the week, int64[devices, 7]."""
        return _days(self._words(first, devices))

    def events(self, first: int, devices: int, days: int = DAYS) -> Events:
        """Everything typed on the first `days` days; more days add rows and change none."""
        words = self._words(first, devices)
        counts = _days(words)[:, :days]
        sizes = counts.sum(axis=1)
        starts = np.cumsum(sizes) - sizes
        device = np.repeat(np.arange(devices), sizes)
        place = np.arange(len(device)) - starts[device]
        category = self._urn(words, device, place, starts)
        first_of_day = np.cumsum(counts).reshape(counts.shape) - counts
        choice = _below(_mixed(words[:, CHOICE_KEY, None], np.arange(days)), counts)
        sampled = np.full(counts.shape, self.nothing, np.int64)
        sampled[counts > 0] = category[(first_of_day + choice)[counts > 0]]
        return Events(device, category, counts, sampled)

    def _words(self, first: int, devices: int) -> Keys:
        """Eight words a person, from streams that no mechanism's noise comes from."""
        seed = int.from_bytes(hashlib.sha256(f"choral/population/1/{self.seed}".encode()).digest(), "little")
        return SeededEntropy(seed, stream=first).words(devices, WORDS)

    def _urn(self, words: Keys, device: Integers, place: Integers, starts: Integers) -> Integers:
        """Category of each event: follow its repetitions back to the draw that they repeat."""
        draw = _mixed(words[device, URN_KEY], place)
        is_new = (draw >> np.uint64(32)) * (self.alpha + place) < self.alpha * 2.0**32
        origin = np.where(is_new, place, _below(draw << np.uint64(32), place)) + starts[device]
        while not np.array_equal(origin, further := origin[origin]):
            origin = further
        news = np.flatnonzero(is_new)
        taste = _mixed(words[device[news], TASTE_KEY], place[news])
        category = np.empty(len(device), np.int64)
        category[news] = self._drawn(taste)
        return np.asarray(category[origin])

    def _drawn(self, words: Keys) -> Integers:
        """Categories by the marginal, one a word."""
        cumulative = np.cumsum(self.marginal)
        uniform = (words >> np.uint64(11)) * 2.0**-53 * cumulative[-1]
        drawn: Integers = np.searchsorted(cumulative, uniform, side="right")
        return np.minimum(drawn, len(cumulative) - 1)


def _sizes(words: Keys) -> Integers:
    """Events a week from two words each: a normal score (Box and Muller), then the log-normal in pieces."""
    uniform = ((words[:, SIZES : SIZES + 2] >> np.uint64(11)) + 0.5) * 2.0**-53
    score = np.sqrt(-2 * np.log(uniform[:, 0])) * np.cos(2 * math.pi * uniform[:, 1])
    middle = math.log(P90 / MEDIAN) / SCORE_90
    high = math.log(P99 / P90) / (SCORE_99 - SCORE_90)
    above = middle * np.minimum(score, SCORE_90) + high * np.maximum(score - SCORE_90, 0)
    sizes: Integers = np.rint(MEDIAN * np.exp(np.where(score < 0, LOW_SLOPE * score, above))).astype(np.int64)
    return np.maximum(sizes, 1)


def _days(words: Keys) -> Integers:
    sizes = _sizes(words)
    own = np.minimum(sizes, OWN_DAYS)
    device = np.repeat(np.arange(len(sizes)), own)
    place = np.arange(len(device)) - (np.cumsum(own) - own)[device]
    day = _below(_mixed(words[device, DAY_KEY], place), np.array(DAYS))
    counts = np.bincount(device * DAYS + day, minlength=len(sizes) * DAYS).reshape(-1, DAYS)
    share, rest = np.divmod(sizes - own, DAYS)
    return counts + share[:, None] + (np.arange(DAYS) < rest[:, None])


def _mixed(keys: Keys, counter: Integers) -> Keys:
    """Word number `counter` of the generator keyed by `keys` (SplitMix64); both broadcast."""
    word = keys + (counter.astype(np.uint64) + np.uint64(1)) * GOLDEN
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(word ^ (word >> np.uint64(31)))


def _below(words: Keys, bound: Integers) -> Integers:
    """Integers in [0, bound) from the upper halves of the words; bound < 2**32; 0 where the bound is 0."""
    return (((words >> np.uint64(32)) * bound.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
