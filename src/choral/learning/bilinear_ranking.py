"""Which of the displayed candidates will be chosen: a score that is linear in the person's vector and in the item's."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from choral.learning.base import Arrays
from choral.learning.ranking import ndcg, ranks
from choral.learning.rows import mean_of, random_start, shares
from choral.numerics import Entropy

HIDDEN = -1e30  # logit of a place where nothing was displayed


@dataclass(frozen=True, slots=True)
class BilinearRanking:
    """Listwise softmax over displayed candidates with the logits personal @ M @ item + offset; M is what is learnt.

    personal: numbers in a person's vector, which stays on the device; 1 is the linear case; item: numbers in an item's
    Examples: `personal` [n, p], `items` [n, m, q], `offset` [n, m] (fixed and public), `shown` [n, m] (1, or 0 for
    padding), `chosen` int[n] (a place that is shown), `weight` [n]. Source: Cao et al. (ICML 2007), "ListNet", top one.
    """

    NAME: ClassVar[str] = "bilinear-ranking/1"
    METRIC: ClassVar[str] = "NDCG@5"
    personal: int
    item: int

    def __post_init__(self) -> None:
        if self.personal < 1 or self.item < 1:
            raise ValueError(f"need personal >= 1 and item >= 1, got {self.personal=}, {self.item=}")

    @property
    def size(self) -> int:
        """Numbers in M, row by row."""
        return self.personal * self.item

    def init(self, entropy: Entropy) -> NDArray[np.float64]:
        """Independent numbers of variance 1."""
        return random_start(entropy, self.size)

    def loss(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """Weighted mean of minus the log-likelihood of the choices."""
        logits = self._logits(xp, params, examples)
        taken = xp.sum(xp.where(self._is_chosen(xp, examples), logits, 0), axis=1)
        top = xp.max(logits, axis=1)
        total = top + xp.log(xp.sum(xp.exp(logits - top[:, None]), axis=1))
        return xp.sum(shares(xp, examples["weight"]) * (total - taken))

    def gradient(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """Of the loss, [size]: personal times what is expected of the items, less what was chosen."""
        logits = self._logits(xp, params, examples)
        odds = xp.exp(logits - xp.max(logits, axis=1)[:, None])
        surplus = odds / xp.sum(odds, axis=1)[:, None] - self._is_chosen(xp, examples)
        surplus = surplus * shares(xp, examples["weight"])[:, None]
        pull = xp.sum(surplus[:, :, None] * examples["items"], axis=1)
        return xp.reshape(examples["personal"].T @ pull, (self.size,))

    def predict(self, xp: Any, params: Any, examples: Arrays) -> Any:
        """Logits [n, m]; hidden places lie below all others."""
        return self._logits(xp, params, examples)

    def judge(self, params: NDArray[np.floating], examples: Arrays) -> tuple[float, float]:
        """NDCG@5 of the choices and its standard error."""
        placed = ranks(self.predict(np, params, examples), examples["shown"], examples["chosen"])
        return mean_of(ndcg(placed, at=5), examples["weight"])

    def _logits(self, xp: Any, params: Any, examples: Arrays) -> Any:
        wanted = examples["personal"] @ xp.reshape(params, (self.personal, self.item))
        scores = xp.sum(examples["items"] * wanted[:, None, :], axis=2) + examples["offset"]
        return xp.where(examples["shown"] > 0, scores, HIDDEN)

    def _is_chosen(self, xp: Any, examples: Arrays) -> Any:
        return xp.arange(examples["shown"].shape[1]) == examples["chosen"][:, None]
