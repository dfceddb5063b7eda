"""Longitudinal averaging: many reports of one device about one value, each with noise of its own, guessed from together.

Knows reports, and a device's own ledger, which decides how many there can be. A report of any oracle here speaks for an
item or does not, so that counting for whom they speak is the likeliest guess (maximum likelihood).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from choral.device import Budget, BudgetLedger
from choral.errors import BudgetExhausted
from choral.mechanisms import FrequencyOracle
from choral.numerics import SeededEntropy
from choral.privacy import MICRO
from choral.protocol import Terms
from choral.simulation.attacks.guesses import Guesses, coins, judged


@dataclass(frozen=True, slots=True)
class Asked:
    """What a server got by asking day after day: reports that were paid, their price in nats, and why it ended."""

    reports: int
    paid: float
    ended: str


def guess_by_averaging(oracle: FrequencyOracle, reports: int, *, devices: int, seed: int) -> list[Guesses]:
    """Guesses after 1, 2, ... reports of each device, which holds the first category or the last all the time."""
    truth = coins(SeededEntropy(seed, 2**62), devices)
    values = np.where(truth, oracle.domain - 1, 0)
    scores, found = np.zeros(devices), []
    for number in range(reports):
        scores += _spoken(oracle, values, SeededEntropy(seed, number * devices))
        found.append(judged(scores, truth, coins(SeededEntropy(seed, 2**62 + 1 + number), devices)))
    return found


def guess_by_retries(oracle: FrequencyOracle, tries: int, *, devices: int, seed: int, is_fresh: bool) -> Guesses:
    """Guesses of a server that drops acknowledgements, so that one paid report is sent `tries` times.

    is_fresh: whether a retry is randomized anew, which is the fault; else it is the same bytes
    """
    if is_fresh:
        return guess_by_averaging(oracle, tries, devices=devices, seed=seed)[-1]
    truth = coins(SeededEntropy(seed, 2**62), devices)
    sent = _spoken(oracle, np.where(truth, oracle.domain - 1, 0), SeededEntropy(seed))
    return judged(tries * sent, truth, coins(SeededEntropy(seed, 2**62 + 1), devices))


def ask_daily(terms: Sequence[Terms], budget: Budget, start: datetime, *, days: int) -> Asked:
    """A server asks under all these Terms, each day as often as it can; the ledger of a device answers."""
    ledger, reports, ended = BudgetLedger(), 0, "the last day came first"
    for day in range(days):
        for one in terms:
            for _ in range(one.reports_per_day):
                try:
                    ledger = ledger.spend(one, budget, start + timedelta(days=day))
                except BudgetExhausted as refusal:
                    ended = str(refusal)
                    break
                reports += 1
    return Asked(reports, ledger.account("nobody").life_micro / MICRO, ended)


def majority_accuracy(truth: float, reports: int) -> float:
    """The exact chance that a majority of answers, each true with chance `truth`, is right; a tie is a coin.

    >>> [round(majority_accuracy(0.7310586, n), 3) for n in (1, 7, 30)]
    [0.731, 0.911, 0.996]
    """
    from scipy.stats import binom

    one, half = binom(reports, truth), reports / 2
    tie = float(one.pmf(half)) / 2 if reports % 2 == 0 else 0.0
    return float(one.sf(half)) + tie


def _spoken(oracle: FrequencyOracle, values: NDArray[np.int64], entropy: SeededEntropy) -> NDArray[np.float64]:
    """1 where a report speaks for the last category alone, -1 for the first alone, else 0."""
    payloads = oracle.randomize(values, entropy)
    last, first = oracle.supports(payloads, oracle.domain - 1), oracle.supports(payloads, 0)
    return last.astype(np.float64) - first
