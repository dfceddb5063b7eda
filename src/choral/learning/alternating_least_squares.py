"""Collaborative filtering by sums: people's factors are solved where the people are, items' factors from sums over people.

r = mean + b_person + b_item + <p_person, v_item>. A device solves its own (p, b) from the public item factors; what the
server needs are sums over people of x xT and of x (r - mean - b), with x = (p, 1), for each item. Sums do not depend on
who sent which part, so federated equals central.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.factor_solver import Cells, Items, Priors, item_rows, items_from, solved_people
from choral.learning.rows import checked_params, mean_of
from choral.learning.schema import Work, require_arrays, weights
from choral.mechanisms import Estimate
from choral.numerics import Entropy

MILLI = 1000.0
MOST_NUMBERS = 2**16
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AlternatingLeastSquares:
    """Each round solves all people, then all items, by the priors and the noise that its fields state.

    items, rank: how many items there are, and hidden numbers of each; centre_milli: where ratings lie at first
    noise_milli: standard deviation of a rating around the best prediction; person_milli, item_milli: of people's and of
    items' biases; taste_milli: of what one person's taste adds for one item; all in thousandths of a rating's unit
    per_person: 1 if a person's squared weights sum to 1 however much they rate, as privacy of a person needs; 0 if each
    rating counts the same
    canaries: hash of a public Release of ratings, on which no version may be clearly worse; empty for none
    Source: Hu, Koren and Volinsky (ICDM 2008) for the sums; Chien et al. (ICML 2021), "Private alternating least
    squares", for weights and the projection.
    """

    NAME: ClassVar[str] = "alternating-least-squares/1"
    items: int
    rank: int
    centre_milli: int
    noise_milli: int = 80
    person_milli: int = 100
    item_milli: int = 100
    taste_milli: int = 80
    per_person: int = 0
    canaries: bytes = b""

    def __post_init__(self) -> None:
        if not (self.items >= 1 and 0 <= self.rank <= 64 and self.items * self.width <= MOST_NUMBERS * 64):
            raise ValueError(f"need items >= 1, 0 <= rank <= 64 and not too many of both, got {self.items=}, {self.rank=}")
        spreads = (self.noise_milli, self.person_milli, self.item_milli, self.taste_milli)
        if min(spreads) < 1 or max(*spreads, self.centre_milli) > 10**9 or self.per_person not in (0, 1):
            raise ValueError(f"need deviations of 1 to 10**9 thousandths and per_person 0 or 1, got {self}")
        if len(self.canaries) not in (0, 32):
            raise ValueError(f"canaries is a Release's hash of 32 bytes, or empty; got {len(self.canaries)} bytes")

    @property
    def width(self) -> int:
        """Numbers that an item's sums have: x xT without its repetitions, and x y."""
        return (self.rank + 1) * (self.rank + 2) // 2 + self.rank + 1

    @property
    def size(self) -> int:
        """Numbers of a dense report, so that it does not show which items a person rated."""
        return self.items * self.width

    @property
    def priors(self) -> Priors:
        """The deviations in a rating's unit."""
        return Priors(
            noise=self.noise_milli / MILLI,
            person=self.person_milli / MILLI,
            item=self.item_milli / MILLI,
            taste=self.taste_milli / MILLI,
            per_person=bool(self.per_person),
        )

    @property
    def clip_norm(self) -> float:
        """The L2 norm that few reports exceed where `per_person` is 1: what to clip to. A clipped report weighs less."""
        return 2.0

    def init(self, entropy: Entropy) -> Arrays:
        """Item factors at random and no biases."""
        words = entropy.words(1, self.items * self.rank)[0] if self.rank else np.zeros(0, np.uint64)
        uniform = (words >> np.uint64(11)).astype(np.float64) / 2**52 - 1
        factors = uniform.reshape(self.items, self.rank) * np.sqrt(3.0) * self.taste_milli / MILLI
        start = Items(self.centre_milli / MILLI, np.zeros(self.items), factors, np.ones(self.items))
        return self._state(start, 0, 0.0)

    def check_out(self, state: Arrays, entropy: Entropy) -> Arrays:
        """Public items: `params` float32[1 + items * (2 + rank)]."""
        return {"params": state["params"].astype(np.float32)}

    def require_params(self, params: Arrays) -> None:
        """ValueError unless `params` is float[1 + items * (2 + rank)], finite and no number beyond all learning."""
        require_arrays(params, {"params": weights(1 + self.items * (2 + self.rank))}, trains=True)

    def device_work(self, params: Arrays, rows: int) -> Work:
        """One person solved from all items, and a dense table of sums."""
        squares = (self.rank + 1) ** 2
        return Work(16 * (self.items + rows) * squares + 64 * squares * (self.rank + 1), 4 * (self.items + rows) * squares)

    def contribute(self, params: Arrays, examples: Arrays) -> NDArray[Any]:
        """This person's part of the sums, float64[1, size]; their factors are solved here and stay here.

        examples: item int[n], rating float[n], weight float[n], where 0 is padding
        """
        items = self.parts(params)
        cells = Cells.of(np.zeros(len(examples["item"]), np.int64), examples, people=1, items=self.items)
        dense = np.zeros((self.items, self.width))
        dense[cells.item] = item_rows(cells, solved_people(cells, items, self.priors), items.mean, self.priors)
        return dense.reshape(1, self.size)

    def fold(self, state: Arrays, update: Estimate, entropy: Entropy) -> Arrays:
        """Items solved from the batch's sums; noise in the sums draws them towards their priors."""
        return self.folded(state, np.asarray(update.values, np.float64), float(np.mean(update.variance)))

    def folded(self, state: Arrays, sums: Floats, variance: float) -> Arrays:
        """The server's step; sums: float64[size], variance: of each of them."""
        table = np.asarray(sums, np.float64).reshape(self.items, self.width)
        items = items_from(table, self._items(state["params"]), priors=self.priors, variance=variance)
        weight = float(table[:, self.width - self.rank - 2].mean())
        return self._state(items, int(state["round"][0]) + 1, float(np.sqrt(variance)) / max(1.0, weight))

    def publish(self, state: Arrays) -> Arrays:
        """`params` float32, and `noise` float64[1]: the standard error of a sum over the mean weight of an item."""
        return {"params": state["params"].astype(np.float32), "noise": state["noise"]}

    def judge(self, params: Arrays, canaries: Arrays) -> tuple[float, float]:
        """How well people's odd ratings foretell their even ones: minus the root mean squared error, and its standard error.

        canaries: person int[n], from 0, then as in `contribute`; higher is better
        """
        items, person = self.parts(params), np.asarray(canaries["person"], np.int64)
        known, asked = np.arange(len(person)) % 2 == 1, np.arange(len(person)) % 2 == 0
        people = int(person.max(initial=0)) + 1
        labelled = {name: np.asarray(array)[known] for name, array in canaries.items() if name != "person"}
        solved = solved_people(Cells.of(person[known], labelled, people=people, items=self.items), items, self.priors)
        whose, which = person[asked], np.asarray(canaries["item"])[asked]
        told = items.mean + solved.bias[whose] + items.biases[which] + (solved.factors[whose] * items.factors[which]).sum(1)
        squares = (told - np.asarray(canaries["rating"], np.float64)[asked]) ** 2
        mean, error = mean_of(squares, np.asarray(canaries["weight"], np.float64)[asked])
        root = max(float(np.sqrt(mean)), 1e-12)
        return -root, error / (2 * root)

    def parts(self, params: Arrays) -> Items:
        """What `params` says of the items; ValueError for another shape, NaN or infinity."""
        return self._items(checked_params(params, 1 + self.items * (2 + self.rank)))

    def _items(self, flat: Floats) -> Items:
        biases, doubt = flat[1 : 1 + self.items], flat[1 + self.items : 1 + 2 * self.items]
        return Items(float(flat[0]), biases, flat[1 + 2 * self.items :].reshape(self.items, self.rank), doubt)

    def _state(self, items: Items, round_: int, noise: float) -> Arrays:
        flat = np.concatenate([[items.mean], items.biases, items.doubt, items.factors.ravel()])
        return {"params": flat, "round": np.array([round_], np.int64), "noise": np.array([noise])}


def example_rows(ratings: Mapping[int, float]) -> Arrays:
    """The examples of one person: item to rating."""
    items = np.array(list(ratings), np.int64)
    return {"item": items, "rating": np.array(list(ratings.values()), np.float64), "weight": np.ones(len(items))}
