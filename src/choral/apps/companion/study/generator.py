"""Generated lives, after the paper: days filled in from profiles, with a mood for each fragment. Nobody's data.

Each person is a function of the seed and of a number. A profile says what kind of hour each hour of a workday and of a
day off is; a kind has templates of six slots; open slots are filled with what this person likes to do. A mood is the
person's own level, what an activity does to people, what it does to this person (their taste, a few hidden numbers),
and chance; on a scale from 0 to 1 in steps of 0.01. Floats are welcome here: nothing of this leaves a device.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.activities import ACTIVITIES, LEISURE, NUMBERS
from choral.apps.companion.device.fragments import Fragments
from choral.apps.companion.study.templates import KINDS, OPEN, PROFILES
from choral.numerics import SeededEntropy

Floats = NDArray[np.float64]
TASTES = 3  # hidden numbers of a person
FAVOURITES = 6
HOURS, SLOTS = 24, 6
WEEK, WORKDAYS = 7, 5
STEP = 0.01  # of the mood scale
INTERRUPTED = 20  # of 256 slots is something else than the template says
PERSON_WORDS = 16
PEOPLE_KEY, HOUR_KEY, NOISE_KEY = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Moods:
    """Standard deviations on the mood scale: between people, between activities, a person's own taste in one, chance."""

    level: float = 0.55
    person: float = 0.10
    activity: float = 0.10
    taste: float = 0.10
    chance: float = 0.08


@dataclass(frozen=True, slots=True)
class Lives:
    """Fragments in the order of people and time. person: int64[n]; rows: uint8[n, slots]; mood: float64[n], 0 to 1

    expected: float64[n], the mood without chance and rounding: what nobody can predict better
    """

    person: NDArray[np.int64]
    rows: NDArray[np.uint8]
    mood: Floats
    expected: Floats

    @property
    def noise_floor(self) -> float:
        """Mean squared error of the best prediction there is."""
        return float(((self.mood - self.expected) ** 2).mean())


@dataclass(frozen=True, slots=True, eq=False)
class Generator:
    """People without number.

    seed: any integer; fragments: how a day is cut; profiles: of which people have one each, all equally likely
    """

    seed: int
    fragments: Fragments = field(default_factory=Fragments)
    moods: Moods = field(default_factory=Moods)
    profiles: tuple[str, ...] = tuple(PROFILES)

    def lives(self, people: int, days: int, *, first: int = 0) -> Lives:
        """Days of the people first .. first + people, who do not change when there are more of them or more days."""
        draws = self._words(PEOPLE_KEY, first, people, PERSON_WORDS)
        normal = _normal(draws[:, : 2 * (TASTES + 1)])
        favourites = self._favourites(normal[:, 1:], draws[:, -4:])
        rows = _filled(self._templates(draws, people, days), favourites, self._words(HOUR_KEY, first, people, days * HOURS))
        cut = rows.reshape(people, -1, self.fragments.slots)
        expected = self._expected(normal, rows).reshape(cut.shape).mean(axis=2)
        noise = _normal(self._words(NOISE_KEY, first, people, 2 * cut.shape[1]))
        mood = np.clip(np.rint((expected + self.moods.chance * noise) / STEP) * STEP, 0, 1)
        person = np.repeat(np.arange(first, first + people), cut.shape[1])
        return Lives(person, cut.reshape(-1, self.fragments.slots), mood.ravel(), np.clip(expected, 0, 1).ravel())

    def effects(self) -> tuple[Floats, Floats]:
        """What each activity does to people, float64[activities], and to each taste, float64[activities, TASTES]."""
        normal = _normal(SeededEntropy(self.seed, 2**60).words(len(ACTIVITIES), 2 * (TASTES + 1)))
        return self.moods.activity * normal[:, 0], self.moods.taste / np.sqrt(TASTES) * normal[:, 1:]

    def _words(self, key: int, first: int, rows: int, count: int) -> NDArray[np.uint64]:
        return SeededEntropy(self.seed, (key << 48) + first).words(rows, count)

    def _favourites(self, tastes: Floats, draws: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """Leisure a person turns to, the best liked first, with some chance: uint8[n, FAVOURITES]."""
        liked = tastes @ self.effects()[1][list(LEISURE)].T / self.moods.taste
        luck = np.ascontiguousarray(draws).view(np.uint8)[:, : len(LEISURE)].astype(np.float64) / 128
        order = np.argsort(-(liked + luck), axis=1)[:, :FAVOURITES]
        return np.array(LEISURE, np.uint8)[order]

    def _templates(self, draws: NDArray[np.uint64], people: int, days: int) -> NDArray[np.uint8]:
        """The kind of each hour, uint8[people, days * 24], moved by a person's habit of being early or late."""
        profile = (draws[:, 8] % np.uint64(len(self.profiles))).astype(np.int64)
        shift = (draws[:, 9] % np.uint64(3)).astype(np.int64) - 1
        off = (np.arange(days)[None, :] + (draws[:, 10] % np.uint64(WEEK)).astype(np.int64)[:, None]) % WEEK >= WORKDAYS
        hours = (np.arange(HOURS)[None, :] - shift[:, None]) % HOURS
        kinds = np.array([PROFILES[name] for name in self.profiles], np.uint8)
        return np.asarray(
            kinds[profile[:, None, None], off[:, :, None].astype(np.int64), hours[:, None, :]].reshape(people, -1)
        )

    def _expected(self, normal: Floats, rows: NDArray[np.uint8]) -> Floats:
        """Of each slot, float64[people, slots in all]."""
        common, tastes = self.effects()
        table = self.moods.level + self.moods.person * normal[:, :1] + common[None, :] + normal[:, 1:] @ tastes.T
        return np.asarray(np.take_along_axis(table, rows.reshape(len(normal), -1).astype(np.int64), axis=1))


def _filled(kinds: NDArray[np.uint8], favourites: NDArray[np.uint8], draws: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Hours uint8[people, hours, SLOTS]: a template of its kind, its open slots and interruptions filled.

    One word an hour: which template, which favourite, and for each slot whether something comes between.
    """
    luck = np.ascontiguousarray(draws).view(np.uint8).reshape(*kinds.shape, 8)
    rows = TEMPLATES[kinds, luck[..., 0] % TEMPLATES.shape[1]]
    choice = np.minimum(luck[..., 1] % 16, luck[..., 1] // 16) % FAVOURITES  # the first of them most often
    chosen = np.take_along_axis(favourites[:, None, :], choice[..., None].astype(np.int64), axis=2)
    rows = np.where(rows == OPEN, chosen, rows)
    between = INTERRUPTIONS[luck[..., 2:] % len(INTERRUPTIONS)]
    return np.where(luck[..., 2:] < INTERRUPTED, between, rows)


def _normal(words: NDArray[np.uint64]) -> Floats:
    """Half as many standard normal numbers as words, by Box and Muller; float64[n, words / 2]."""
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53
    return np.asarray(np.sqrt(-2 * np.log(uniform[:, 0::2])) * np.cos(2 * np.pi * uniform[:, 1::2]))


def _numbers(template: Sequence[str]) -> list[int]:
    return [OPEN if name == "*" else NUMBERS[name] for name in template]


TEMPLATES = np.array([[_numbers(one) for one in templates] for templates in KINDS.values()], np.uint8)
INTERRUPTIONS = np.array(
    [NUMBERS[name] for name in ("a phone call", "social media", "resting", "errands", "tidying")], np.uint8
)
