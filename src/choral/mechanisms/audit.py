"""Does a randomizer keep the epsilon that it claims? By walking every outcome, or by a lower bound from many draws.

Knows randomizers as black boxes, and what of a payload to look at. Needs scipy (the `server` extra) to sample.
Source: the event is chosen on one half of the draws and tested on the other, so that choosing costs no confidence;
Clopper and Pearson's interval of each chance (1934). A claim that holds is called broken with chance at most alpha.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from choral.mechanisms.base import FrequencyOracle, Mechanism, Payloads, Values
from choral.mechanisms.exact import exact_epsilon
from choral.numerics import Entropy
from choral.numerics.enumeration import EnumeratedEntropy

ALPHA = 1e-6
DRAWS = 1_000_000  # of each of the two values
MOST_OUTCOMES = 2**16
MOST_PATHS = 2**18  # over all values that are walked
CHUNK = 2**15
LOOSE = 0.95  # share of the claim below which a sampled bound says that the claim is too cautious, or the audit blind
Marks = Callable[[Payloads], NDArray[np.integer]]  # what an event may depend on: small numbers, int[n]
Verdict = Literal["holds", "broken", "loose"]


@dataclass(frozen=True, slots=True)
class Case:
    """A mechanism, two values to tell apart, and the marks of a payload by which they are told apart.

    delta: of the claim, 0 for a pure one
    """

    mechanism: Mechanism
    values: tuple[Values, Values]  # each one row
    marks: Marks
    delta: float = 0.0


@dataclass(frozen=True, slots=True)
class Audit:
    """What was claimed, and what was found: epsilon is at least `lower_bound`, unless a chance of alpha came true."""

    mechanism: str
    claimed: float
    lower_bound: float
    method: Literal["enumeration", "sampling"]
    draws: int
    alpha: float
    verdict: Verdict

    def document(self) -> dict[str, Any]:
        """The finding as JSON data; a bound without end is null."""
        bound = self.lower_bound if math.isfinite(self.lower_bound) else None
        return {
            "claimed": self.claimed,
            "lower_bound": bound,
            "method": self.method,
            "draws": self.draws,
            "alpha": self.alpha,
            "verdict": self.verdict,
        }


def oracle_case(oracle: FrequencyOracle) -> Case:
    """Tells the first category from the last by which of the two a report supports."""
    first, last = 0, oracle.domain - 1

    def marks(payloads: Payloads) -> NDArray[np.integer]:
        return oracle.supports(payloads, first) + 2 * oracle.supports(payloads, last).astype(np.int64)

    return Case(oracle, (np.array([first]), np.array([last])), marks)


def audit_oracle(oracle: FrequencyOracle, entropy: Entropy, *, draws: int = DRAWS, alpha: float = ALPHA) -> Audit:
    """Exactly where the outcomes can be walked, else by sampling."""
    paths = count_paths(oracle)
    if paths is None or paths > MOST_OUTCOMES:
        return audit_by_sampling(oracle_case(oracle), entropy, draws=draws, alpha=alpha)
    exact = exact_epsilon(oracle, range(max(2, min(oracle.domain, MOST_PATHS // paths))))
    verdict: Verdict = "holds"
    if exact > oracle.epsilon + 1e-12:
        verdict = "broken"
    elif exact < oracle.epsilon - 1e-9:
        verdict = "loose"
    return Audit(oracle.NAME, oracle.epsilon, exact, "enumeration", 0, 0.0, verdict)


def count_paths(oracle: FrequencyOracle) -> int | None:
    """How many ways the draws for one value can fall; None if they cannot be walked."""
    entropy = EnumeratedEntropy([])
    try:
        oracle.randomize(np.array([0]), entropy)
    except ValueError:
        return None
    return math.prod(entropy.branches)


def audit_by_sampling(case: Case, entropy: Entropy, *, draws: int = DRAWS, alpha: float = ALPHA) -> Audit:
    """A lower bound on epsilon from `draws` reports of each value; noise that comes twice breaks any claim."""
    if draws < 1000 or not 0 < alpha < 0.1:
        raise ValueError(f"need draws >= 1000 and 0 < alpha < 0.1, got {draws=}, {alpha=}")
    mechanism = case.mechanism
    found, repeated = zip(*(_sampled(case, value, entropy, draws) for value in case.values), strict=True)
    bound = math.inf if any(repeated) else _bound(found[0], found[1], alpha, case.delta)
    verdict: Verdict = "holds" if bound >= LOOSE * mechanism.epsilon else "loose"
    if bound > mechanism.epsilon:
        verdict = "broken"
    return Audit(mechanism.NAME, mechanism.epsilon, bound, "sampling", draws, alpha, verdict)


def _sampled(case: Case, value: Values, entropy: Entropy, draws: int) -> tuple[NDArray[np.integer], bool]:
    """The marks of `draws` reports of one value, and whether two chunks of them were the same."""
    marks, chunks, size = [], [], min(CHUNK, draws // 4)
    for start in range(0, draws, size):
        count = min(size, draws - start)
        payloads = case.mechanism.randomize(np.repeat(value, count, axis=0), entropy)
        marks.append(case.marks(payloads))
        if count == size:
            chunks.append(sha256(payloads.tobytes()).digest())
    return np.concatenate(marks), len(set(chunks)) < len(chunks)


def _bound(one: NDArray[np.integer], other: NDArray[np.integer], alpha: float, delta: float) -> float:
    """The better of both directions; each is tested at half of alpha."""
    kinds = int(max(one.max(), other.max())) + 1
    half = len(one) // 2
    choosing = [np.bincount(marks[:half], minlength=kinds) for marks in (one, other)]
    testing = [np.bincount(marks[half:], minlength=kinds) for marks in (one, other)]
    bounds = [0.0]
    for likely, rare in ((0, 1), (1, 0)):
        event = _event(choosing[likely], choosing[rare], half, alpha / 2, delta)
        hits = int(testing[likely][event].sum()), int(testing[rare][event].sum())
        bounds.append(log_ratio_bound(*hits, len(one) - half, alpha / 2, delta))
    return max(bounds)


def _event(likely: NDArray[np.integer], rare: NDArray[np.integer], n: int, alpha: float, delta: float) -> NDArray[np.integer]:
    """The marks, likeliest ratio first, that promise the best bound."""
    order = np.argsort(-(likely + 0.5) / (rare + 0.5), kind="stable")
    sums = zip(np.cumsum(likely[order]).tolist(), np.cumsum(rare[order]).tolist(), strict=True)
    promised = [log_ratio_bound(often, seldom, n, alpha, delta) for often, seldom in sums]
    return order[: int(np.argmax(promised)) + 1]


def log_ratio_bound(often: int, seldom: int, n: int, alpha: float, delta: float = 0.0) -> float:
    """A bound that log((p - delta) / q) exceeds with chance 1 - alpha, from counts of n draws each with chances p and q.

    >>> round(log_ratio_bound(500_000, 5_000, 1_000_000, 1e-6), 2)
    4.53
    """
    from scipy.stats import beta

    if often == 0:
        return -math.inf
    least = float(beta.ppf(alpha / 2, often, n - often + 1)) - delta
    if least <= 0:
        return -math.inf
    most = float(beta.ppf(1 - alpha / 2, seldom + 1, n - seldom)) if seldom < n else 1.0
    return math.log(least / most)
