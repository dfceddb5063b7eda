"""When clusters are worth learning from people: a public catalogue against federated k-modes, by people and by privacy.

Knows generated lives and `KModes`. Every way starts from the catalogue, and one round moves its centres: where nothing is
hidden a second one changes next to nothing, and where something is it would cost half the privacy. What a mechanism adds
to a sum of a hundred reports or more is drawn at once, as normal numbers of the variance that it states.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.activities import ACTIVITIES
from choral.apps.companion.device.fragments import Fragments
from choral.apps.companion.study.clustering import Clusters, k_medoids
from choral.apps.companion.study.factors import normal
from choral.apps.companion.study.generator import Generator
from choral.apps.companion.study.study import CLUSTERS, EVERYONE, catalogue
from choral.learning.k_modes import KModes
from choral.mechanisms import Estimate
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.mechanisms.priv_unit import PrivUnit
from choral.numerics import Entropy, SeededEntropy

SIZES = (100, 1_000, 5_000, 10_000, 50_000)
BEYOND = (1_000_000, 10_000_000)  # sums of the largest of SIZES, multiplied: only for local privacy, only its noise is drawn
LOCAL, TRUSTED = (1.0, 4.0, 8.0), 4.0  # epsilons
HOURS = 24
CLIP_NORM = 1.0  # of the counts of one person's day, nineteen of twenty of which are shorter
CENTRAL_PEOPLE = 1_000  # whose days are clustered in one place: as many hours as the paper has
HELD_BACK, FIRST_HELD_BACK = 2_000, 10**7
PEOPLE = 250  # counted at a time
NOISE_KEY = 31
TELLING = 3.0  # standard errors by which a way must be better to be called so
CATALOGUES: Mapping[str, tuple[str, ...]] = {"people like these": EVERYONE, "office workers only": ("office",)}
CENTRAL, OPEN, SUM = "one place", "no noise", f"sum, epsilon {TRUSTED:g}"
WAYS = (CENTRAL, OPEN, SUM, *(f"local, epsilon {epsilon:g}" for epsilon in reversed(LOCAL)))
Floats = NDArray[np.float64]
Rows = NDArray[np.uint8]
Way = tuple[str, int, Clusters]


@dataclass(frozen=True, slots=True)
class Trial:
    """One way to cluster with so many people. distance: mean of held-back hours to their centres, over the seeds

    gain, gain_stderr: by how much it is nearer than the catalogue, seed by seed, and the standard error of that
    """

    catalogue: str
    way: str
    people: int
    distance: float
    gain: float
    gain_stderr: float

    @property
    def better(self) -> bool:
        """Whether it is nearer by `TELLING` standard errors: of what is as near, chance calls one in 35 so, of four seeds."""
        return self.gain > TELLING * self.gain_stderr


def cluster_trials(
    seed: int, *, seeds: int = 4, sizes: Sequence[int] = SIZES, done: Callable[[int], None] = lambda _: None
) -> dict[str, tuple[float, list[Trial]]]:
    """By the people a catalogue was learnt from: its own mean distance, and every way and number of people.

    seeds: populations, two or more; `done` hears of each catalogue and seed, 2 * seeds in all
    """
    found = {}
    local = {epsilon: PrivUnit.for_epsilon(epsilon, _counter().size, clip_norm=CLIP_NORM) for epsilon in LOCAL}
    for name, profiles in CATALOGUES.items():
        public = catalogue(Fragments(), profiles)
        kept, each = [], dict[tuple[str, int], list[float]]()
        for number in range(seed, seed + seeds):
            held_back = _hours(number, FIRST_HELD_BACK, HELD_BACK)
            kept.append(public.mean_distance(held_back))
            for way, people, clusters in _ways(public, number, sizes, local):
                each.setdefault((way, people), []).append(clusters.mean_distance(held_back))
            done(1)
        trials = [_trial(name, way, people, np.array(kept), np.array(those)) for (way, people), those in each.items()]
        found[name] = float(np.mean(kept)), trials
    return found


def worth_it(trials: Sequence[Trial], way: str) -> int | None:
    """From how many people on a way is nearer than the catalogue, with so many and with all more; None where it is not."""
    worth = None
    for trial in sorted((trial for trial in trials if trial.way == way), key=lambda trial: -trial.people):
        if not trial.better:
            break
        worth = trial.people
    return worth


def day_counts(algorithm: KModes, clusters: Clusters, rows: Rows) -> Floats:
    """The sum of what devices contribute, each its day of 24 of the rows, shortened to the clip norm: float64[size]."""
    place, _ = clusters.nearest(rows)
    cell = (place[:, None] * algorithm.slots + np.arange(algorithm.slots)) * algorithm.categories + rows
    own = np.arange(len(rows))[:, None] // HOURS * algorithm.size + cell
    different, count = np.unique(own, return_counts=True)
    norm = np.sqrt(np.bincount(different // algorithm.size, (count / HOURS) ** 2))
    weight = np.repeat(np.minimum(1, CLIP_NORM / norm), HOURS)
    params = {"modes": clusters.centres.astype(np.uint16)}
    shares = algorithm.contribute(params, {"rows": rows.astype(np.int64), "weight": weight})[0]
    return np.asarray(shares * (weight.sum() / HOURS), np.float64)


def noisy(mechanism: GaussianVector | PrivUnit, total: Floats, people: int, entropy: Entropy) -> Estimate:
    """What the mechanism estimates of `total` when `people` report: the noise of a sum is as good as normal."""
    nothing = mechanism.estimate(np.zeros(mechanism.cells, np.int64), people)
    return Estimate(total + nothing.stderr * normal(entropy, len(total)), nothing.variance, people)


def _ways(public: Clusters, seed: int, sizes: Sequence[int], local: Mapping[float, PrivUnit]) -> Iterator[Way]:
    """Clusters by every way, from the first people on: each size has the people of the one before."""
    algorithm, total, first = _counter(), np.zeros(_counter().size), 0
    for people in sizes:
        for start in range(first, people, PEOPLE):
            total += day_counts(algorithm, public, _hours(seed, start, min(PEOPLE, people - start)))
        first = people
        if people <= CENTRAL_PEOPLE:
            yield CENTRAL, people, k_medoids(Fragments(), _hours(seed, 0, people), CLUSTERS, SeededEntropy(seed, 1))
        yield OPEN, people, _moved(algorithm, public, Estimate(total, np.zeros(len(total)), people))
        entropy = SeededEntropy(seed, (NOISE_KEY << 48) + people)
        trusted = GaussianVector.for_sum(TRUSTED, algorithm.size, clip_norm=CLIP_NORM, minimum=people)
        yield SUM, people, _moved(algorithm, public, noisy(trusted, total, people, entropy))
        yield from _locally(algorithm, public, total, people, seed, local)
    for people in BEYOND:
        yield from _locally(algorithm, public, total * (people / first), people, seed, local)


def _locally(
    algorithm: KModes, public: Clusters, total: Floats, people: int, seed: int, local: Mapping[float, PrivUnit]
) -> Iterator[Way]:
    for number, (epsilon, mechanism) in enumerate(local.items(), 1):
        entropy = SeededEntropy(seed, ((NOISE_KEY + number) << 48) + people)
        yield f"local, epsilon {epsilon:g}", people, _moved(algorithm, public, noisy(mechanism, total, people, entropy))


def _moved(algorithm: KModes, public: Clusters, sums: Estimate) -> Clusters:
    """The catalogue after one round."""
    start = algorithm.started({"modes": public.centres.astype(np.uint16)})
    state = algorithm.fold(start, sums, SeededEntropy(0))  # of which k-modes draws nothing
    return Clusters(public.fragments, state["modes"].astype(np.uint8))


def _trial(name: str, way: str, people: int, kept: Floats, found: Floats) -> Trial:
    gain = kept - found
    stderr = float(gain.std(ddof=1) / np.sqrt(len(gain)))
    return Trial(name, way, people, float(found.mean()), float(gain.mean()), stderr)


def _hours(seed: int, first: int, people: int) -> Rows:
    """One day of each."""
    return Generator(seed).lives(people, 1, first=first).rows


def _counter() -> KModes:
    return KModes(CLUSTERS, Fragments().slots, len(ACTIVITIES))
