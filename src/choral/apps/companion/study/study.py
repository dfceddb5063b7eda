"""What others' days are worth to one person: generated lives, a few labelled hours each, and every way to predict the rest.

Knows the generator, the cohort and the device's blend. Lives are generated, rated and judged some thousand people at a
time, so that many people fit into little memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.blend import Blend, blended
from choral.apps.companion.device.fragments import Fragments
from choral.apps.companion.study.clustering import Clusters, k_medoids
from choral.apps.companion.study.factors import DELTA_EACH, Private, central, predictions, private_plan, trained
from choral.apps.companion.study.generator import Generator, Lives
from choral.apps.companion.study.templates import PROFILES
from choral.learning.alternating_least_squares import AlternatingLeastSquares
from choral.learning.base import Arrays
from choral.learning.factor_solver import Cells
from choral.numerics import SeededEntropy
from choral.privacy import micro
from choral.protocol.report import HEADER, SEAL_OVERHEAD, plaintext_size

CLUSTERS, RANK, CENTRAL_ROUNDS = 100, 3, 8
CATALOGUE_SEED, CATALOGUE_PEOPLE = 10**9, 300  # other people than any study's, whose clusters are public
EVERYONE = tuple(PROFILES)
WEEK, DAY_HOURS, HELD_BACK = 7, 24, 24
PEOPLE = 2_000  # generated at a time
LABEL_KEY = 7
PAIRED = 3  # hours later, up to which pairs of a person's hours are compared
Floats = NDArray[np.float64]
Predictor = Callable[[NDArray[np.int64], NDArray[np.int64]], Floats]
MOODS = AlternatingLeastSquares(CLUSTERS, RANK, 550, noise_milli=90, person_milli=100, item_milli=100, taste_milli=60)


@dataclass(frozen=True, slots=True)
class Study:
    """So many people with so many labelled hours, privacy of a person over the whole training, and a seed."""

    people: int
    hours: int
    epsilon: float
    seed: int
    fragments: Fragments = field(default_factory=Fragments)

    def __post_init__(self) -> None:
        if self.people < 2 or self.hours < 1 or not 2**-6 < self.epsilon < 100:
            raise ValueError(f"need people >= 2, hours >= 1 and 2**-6 < epsilon < 100, got {self}")

    @property
    def days(self) -> int:
        """A week, or as many days as hold the labelled hours and a day's worth of others."""
        return max(WEEK, -(-(self.hours + HELD_BACK) // DAY_HOURS))

    @property
    def parts(self) -> int:
        """Groups of people that are generated, and later judged, one after the other."""
        return -(-self.people // PEOPLE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Mean squared errors on hours that were not labelled, and differences in them, person by person.

    mse: by the name of a predictor; ranking: share of a person's pairs of hours that the blend puts in the right order
    better: mean over people of (blend minus alone), and its standard error
    """

    mse: dict[str, float]
    ranking: float
    better: tuple[float, float]
    noise_floor: float
    rank: int
    uploads_bytes: int
    epsilon: float
    delta: float


def catalogue(fragments: Fragments, profiles: tuple[str, ...] = EVERYONE) -> Clusters:
    """The public catalogue: clusters of lives that belong to no study, of people of these profiles."""
    lives = Generator(CATALOGUE_SEED, fragments, profiles=profiles).lives(CATALOGUE_PEOPLE, WEEK)
    return k_medoids(fragments, lives.rows, CLUSTERS, SeededEntropy(CATALOGUE_SEED))


def run(study: Study, clusters: Clusters | None = None, *, done: Callable[[int], None] = lambda _: None) -> Outcome:
    """The whole study; `done` hears of each of its parts twice: lived, and judged."""
    clusters, weeks = clusters or catalogue(study.fragments), []
    for first, lives in _lives(study):
        weeks.append(Week.of(lives, clusters, study, first))
        done(1)
    cells = _joined([week.cells for week in weeks], study.people)
    algorithm, mechanism, rounds = private_plan(study.people, cells, items=CLUSTERS, epsilon=study.epsilon, like=MOODS)
    noisy = Private(mechanism, SeededEntropy(study.seed, 2**61))
    *_, private = trained(algorithm, cells, rounds=rounds, entropy=SeededEntropy(study.seed, 2**62), add=noisy)
    *_, open_ = trained(MOODS, cells, rounds=CENTRAL_ROUNDS, entropy=SeededEntropy(study.seed, 2**62), add=central)
    tally = Tally()
    for week in weeks:
        tally.add(week, week.blended(algorithm, private), predictions(MOODS, MOODS.publish(open_), week.cells))
        done(1)
    price = micro(mechanism.guarantees(study.people)[1].epsilon) / 1e6
    size = HEADER.size + SEAL_OVERHEAD + plaintext_size(mechanism.payload.itemsize)
    return tally.outcome(rank=algorithm.rank, uploads_bytes=rounds * size, epsilon=rounds * price, delta=rounds * DELTA_EACH)


@dataclass(frozen=True, slots=True)
class Week:
    """Some people's hours: what they labelled, and the hours to predict. Test arrays: int64[t], int64[t], float64[t] ..."""

    people: int
    labelled: Arrays
    person: NDArray[np.int64]
    cells: Cells
    test_person: NDArray[np.int64]
    test_cluster: NDArray[np.int64]
    test_mood: Floats
    floor: float

    @classmethod
    def of(cls, lives: Lives, clusters: Clusters, study: Study, first: int) -> "Week":
        """Labels on `study.hours` hours of each person, chosen at random; up to HELD_BACK of the others are predicted."""
        person = lives.person - first
        people = int(person[-1]) + 1
        order = SeededEntropy(study.seed, (LABEL_KEY << 48) + first).words(people, len(person) // people).argsort(axis=1)
        place = order.argsort(axis=1).ravel()
        cluster, _ = clusters.nearest(lives.rows)
        known, asked = place < study.hours, (place >= study.hours) & (place < study.hours + HELD_BACK)
        labelled = {"item": cluster[known], "rating": lives.mood[known], "weight": np.ones(int(known.sum()))}
        cells = Cells.of(person[known], labelled, people=people, items=CLUSTERS)
        return cls(people, labelled, person[known], cells, person[asked], cluster[asked], lives.mood[asked], lives.noise_floor)

    def blended(self, algorithm: AlternatingLeastSquares, state: Arrays) -> Blend:
        """What each of them is shown."""
        return blended(algorithm, algorithm.publish(state), self.labelled, person=self.person, people=self.people)


@dataclass(slots=True)
class Tally:
    """Errors added up over weeks."""

    count: int = 0
    squares: dict[str, float] = field(default_factory=dict)
    better: list[Floats] = field(default_factory=list)
    right: Floats = field(default_factory=lambda: np.zeros(2))
    floors: float = 0.0

    def add(self, week: Week, private: Blend, open_: Predictor) -> None:
        """One week's errors."""
        person, cluster = week.test_person, week.test_cluster
        answers = {
            "shared": private.shared[person, cluster],
            "alone": private.alone[person, cluster],
            "own_mean": private.own_mean[person],
            "blend": private.blend[person, cluster],
            "central": open_(person, cluster),
        }
        errors = {name: (answer - week.test_mood) ** 2 for name, answer in answers.items()}
        for name, each in errors.items():
            self.squares[name] = self.squares.get(name, 0.0) + float(each.sum())
        self.count += len(week.test_mood)
        self.floors += week.floor * len(week.test_mood)
        difference = np.bincount(person, errors["blend"] - errors["alone"], week.people)
        self.better.append(difference / np.maximum(np.bincount(person, minlength=week.people), 1))
        self.right += np.array(_in_order(person, answers["blend"], week.test_mood))

    def outcome(self, *, rank: int, uploads_bytes: int, epsilon: float, delta: float) -> Outcome:
        """All of it."""
        better = np.concatenate(self.better)
        return Outcome(
            {name: total / self.count for name, total in self.squares.items()},
            float(self.right[0] / max(self.right[1], 1)),
            (float(better.mean()), float(better.std(ddof=1) / np.sqrt(len(better)))),
            self.floors / self.count,
            rank,
            uploads_bytes,
            epsilon,
            delta,
        )


def _in_order(person: NDArray[np.int64], predicted: Floats, mood: Floats) -> tuple[float, int]:
    """How many pairs of hours of one person are predicted in their order, ties counting half; of how many."""
    right, pairs = 0.0, 0
    for step in range(1, PAIRED + 1):
        same = person[step:] == person[:-step]
        felt, told = (mood[step:] - mood[:-step])[same], (predicted[step:] - predicted[:-step])[same]
        told = told[felt != 0] * np.sign(felt[felt != 0])
        right += float((told > 0).sum() + 0.5 * (told == 0).sum())
        pairs += len(told)
    return right, pairs


def _lives(study: Study) -> Iterator[tuple[int, Lives]]:
    generator = Generator(study.seed, study.fragments)
    for first in range(0, study.people, PEOPLE):
        yield first, generator.lives(min(PEOPLE, study.people - first), study.days, first=first)


def _joined(parts: list[Cells], people: int) -> Cells:
    """One cohort of all weeks' people."""
    starts = np.cumsum([0, *(part.people for part in parts[:-1])])
    person = np.concatenate([part.person + start for part, start in zip(parts, starts, strict=True)])
    item, count, mean = (np.concatenate([getattr(part, name) for part in parts]) for name in ("item", "count", "mean"))
    return Cells(person, item, count, mean, people, CLUSTERS)
