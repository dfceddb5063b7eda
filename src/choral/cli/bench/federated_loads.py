"""What `choral bench federated` runs: three training tasks over made-up clients, each a whole round at a time.

Two threads share one copy of the data: training and randomizing both leave the interpreter's lock.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.cohort import resident, updates
from choral.learning.factorization import FactorSteps, Ratings
from choral.learning.federated_averaging import FederatedAveraging
from choral.mechanisms.closed_form import closed_form
from choral.mechanisms.priv_unit import PrivUnit
from choral.numerics import SeededEntropy
from choral.numerics.directions import gaussian_levels, spread
from choral.numerics.discrete_gaussian import DiscreteGaussian
from choral.privacy.zcdp import zcdp_budget

LEAST, MOST = 20, 50  # examples of a client
BATCH, RATE = 10, 0.1
EPSILON, DELTA, CLIP = 4.0, 1e-6, 1.0
RADIUS = 512  # of the factorization's integer grid
ITEMS, WIDTH = 1000, 16
DECAY = 0.01  # of the item factors a round, without which the noise of many rounds would add up for ever
MADE_AT_ONCE = 100  # clients
SEED = 1
Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


class Load(Protocol):
    """One training task over a fixed population."""

    name: str
    cohorts: Rows  # [rounds, clients of a round]

    def round(self, number: int, pool: ThreadPoolExecutor, workers: int) -> None:
        """One round: train, clip, randomize, sum, step."""
        ...

    def loop(self, number: int) -> None:
        """The same in plain numpy, one client after the other."""
        ...


@dataclass(slots=True)
class PrivateUpdates:
    """Federated averaging under local privacy: every client's update goes through PrivUnit, in its closed form."""

    name: str
    algorithm: FederatedAveraging
    mechanism: PrivUnit
    examples: Arrays  # resident, [clients, MOST, ...]
    cohorts: Rows
    state: Arrays

    def round(self, number: int, pool: ThreadPoolExecutor, workers: int) -> None:
        """One round; each client draws from a stream of its own."""
        chosen = self.cohorts[number % len(self.cohorts)]
        shares = np.array_split(np.arange(len(chosen)), workers)
        first = number * len(chosen)
        sums = pool.map(lambda share: self.summed(chosen[share], first + int(share[0])), shares)
        self.state = self.algorithm.folded(self.state, sum(sums, np.zeros(self.mechanism.dimension)) / len(chosen))

    def summed(self, rows: Rows, stream: int) -> Floats:
        """Sum of these clients' randomized updates, float64[size]."""
        trained = updates(self.algorithm, self.state["params"], self.examples, rows=rows)
        total: Floats = closed_form(self.mechanism, trained, SeededEntropy(SEED, stream)).sum(axis=0)
        return total

    def loop(self, number: int) -> None:
        """One round by the code that a device runs, then a report in its closed form."""
        chosen = self.cohorts[number % len(self.cohorts)]
        total = np.zeros(self.mechanism.dimension)
        params, examples = {"params": self.state["params"]}, {name: np.asarray(one) for name, one in self.examples.items()}
        for place, client in enumerate(chosen.tolist()):
            own = {name: array[client] for name, array in examples.items()}
            update = self.algorithm.contribute(params, own)
            total += closed_form(self.mechanism, update, SeededEntropy(SEED, number * len(chosen) + place))[0]
        self.state = self.algorithm.folded(self.state, total / len(chosen))


@dataclass(slots=True)
class NoisySums:
    """Matrix factorization with central noise: integer updates are summed, and the sum gets one discrete Gaussian."""

    name: str
    steps: FactorSteps
    noise: DiscreteGaussian
    ratings: Ratings
    cohorts: Rows
    factors: Floats  # [ITEMS, WIDTH]
    people: Floats  # [clients, WIDTH], which never leave their devices

    def round(self, number: int, pool: ThreadPoolExecutor, workers: int) -> None:
        """One round; where there is a second worker, it draws the noise while the first one trains."""
        chosen = self.cohorts[number % len(self.cohorts)]
        drawing = pool.submit(self._noise, number) if workers > 1 else None
        total = self.steps.sums(self.factors, self.people, self.ratings, chosen)
        self._step(total + (drawing.result() if drawing else self._noise(number)), len(chosen))

    def loop(self, number: int) -> None:
        """One round without a compiled loop."""
        chosen = self.cohorts[number % len(self.cohorts)]
        total = self.steps.plain_sums(self.factors, self.people, self.ratings, chosen)
        self._step(total + self._noise(number), len(chosen))

    def _noise(self, stream: int) -> NDArray[np.int64]:
        return self.noise.draw(1, ITEMS * WIDTH, SeededEntropy(SEED, stream)).reshape(ITEMS, WIDTH)

    def _step(self, total: NDArray[np.int64], reports: int) -> None:
        self.factors = (1 - DECAY) * self.factors + self.steps.mean(total, reports, MOST * WIDTH)


@dataclass(frozen=True, slots=True)
class Population:
    """How many clients there are, and how many a round has.

    rounds: distinct cohorts drawn beforehand; more rounds begin again with the first
    """

    clients: int = 2000
    cohort: int = 100
    rounds: int = 1000
    entropy: SeededEntropy = field(default_factory=lambda: SeededEntropy(SEED, 2**40))

    def cohorts(self) -> Rows:
        """Clients of each round, int64[rounds, cohort], none twice in a round."""
        words = (self.entropy.words(1, self.clients)[0] for _ in range(self.rounds))
        return np.array([np.argpartition(one, self.cohort - 1)[: self.cohort] for one in words])

    def counts(self) -> Rows:
        """Examples of each client, uniform between LEAST and MOST, int64[clients]."""
        return LEAST + self.entropy.below(self.clients, MOST - LEAST + 1).astype(np.int64)

    def gaussians(self, rows: int, count: int) -> NDArray[np.float32]:
        """Standard Gaussians of 2**16 levels, float32[rows, count]."""
        places = self.entropy.words(rows, -(-count // 4)).view("<u2")[:, :count]
        levels: NDArray[np.float32] = (gaussian_levels() / spread()).astype(np.float32)
        drawn: NDArray[np.float32] = levels[places]
        return drawn


def private_updates(name: str, model: str, shape: str, features: int, population: Population) -> PrivateUpdates:
    """Clients whose labels follow one hidden direction; a start at zero for a convex model, else a random one."""
    clients = population.clients
    hidden = population.gaussians(1, features)[0] * np.float32(2 / math.sqrt(features))
    inputs = np.empty((clients, MOST, features), np.float32)
    for start in range(0, clients, MADE_AT_ONCE):
        part = inputs[start : start + MADE_AT_ONCE]
        part[:] = population.gaussians(len(part), MOST * features).reshape(part.shape)
    doubt = population.gaussians(clients, MOST)
    examples = {
        "inputs": inputs,
        "label": (inputs @ hidden + doubt > 0).astype(np.float32),
        "weight": (np.arange(MOST) < population.counts()[:, None]).astype(np.float32),
    }
    algorithm = FederatedAveraging(model=model, shape=shape, batch=BATCH, local_rate_micro=round(RATE * 1e6))
    mechanism = PrivUnit.for_epsilon(EPSILON, algorithm.learner.size, clip_norm=CLIP)
    state = algorithm.init(population.entropy)
    return PrivateUpdates(name, algorithm, mechanism, resident(examples), population.cohorts(), state)


def noisy_sums(name: str, population: Population) -> NoisySums:
    """People with hidden tastes who rated distinct items."""
    clients = population.clients
    tastes, qualities = population.gaussians(clients, WIDTH), population.gaussians(ITEMS, WIDTH)
    item = np.argsort(population.entropy.words(clients, ITEMS), axis=1)[:, :MOST].astype(np.int32)
    value = np.einsum("ik,ijk->ij", tastes, qualities[item]).astype(np.float64) / math.sqrt(WIDTH)
    sigma = math.ceil(2 * RADIUS / math.sqrt(2 * zcdp_budget(EPSILON, DELTA)))
    start = population.gaussians(ITEMS + clients, WIDTH).astype(np.float64) * 0.1
    return NoisySums(
        name,
        FactorSteps(BATCH, RATE, CLIP, RADIUS),
        DiscreteGaussian(sigma),
        Ratings(item, value, population.counts()),
        population.cohorts(),
        start[:ITEMS],
        start[ITEMS:],
    )


def load(name: str, population: Population) -> PrivateUpdates | NoisySums:
    """The load of that name, "logistic", "perceptron" or "factorization"."""
    if name == "factorization":
        return noisy_sums(name, population)
    if name == "perceptron":
        return private_updates(name, "perceptron/1", "64x32", 64, population)
    return private_updates(name, "logistic/1", "1000", 1000, population)
