"""Did my suggestions help me? The difference that a suggestion made, from moments at which a coin decided; with its interval.

Moods after moments with and without a suggestion are compared, each weighted by one over the chance of what the coin said,
and adjusted for the mood before. Robust errors (HC3) and Student's distribution keep the interval honest for few moments.
Device half.
Source: Horvitz and Thompson (1952); Lin (2013) for the adjustment; Long and Ervin (2000) for HC3.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.intervals import Interval, of_value
from choral.apps.companion.device.turns import Turn

ENOUGH = 8  # moments of each kind
CERTAINTY = 0.95
UNEVEN = 0.01  # chance of luck below which it is said that answers came unevenly
COLUMNS = 4
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Uplift:
    """Points of 100 that a suggestion adds to the mood one to four hours later, and where that lies with 95 % certainty.

    n_with, n_without: moments with a mood afterwards; n_unanswered: those that have none; enough: whether to show a figure
    """

    value: float
    low: float
    high: float
    n_with: int
    n_without: int
    n_unanswered: int
    enough: bool
    sentence: str


def uplift(turns: Sequence[Turn], *, certainty: float = CERTAINTY) -> Uplift:
    """From all turns so far."""
    known = [turn for turn in turns if turn.after is not None]
    n_with = sum(turn.is_made for turn in known)
    n_without, missing = len(known) - n_with, len(turns) - len(known)
    if min(n_with, n_without) < ENOUGH:
        return Uplift(0.0, -math.inf, math.inf, n_with, n_without, missing, False, _too_few(n_with, n_without))
    found = difference(known, certainty=certainty)
    sentence = f"{_told(found)} {n_with} moments with a suggestion, {n_without} without.{_uneven(turns)}"
    return Uplift(found.value, found.low, found.high, n_with, n_without, missing, True, sentence)


def difference(known: Sequence[Turn], *, certainty: float) -> Interval:
    """The adjusted, weighted difference; every turn has a mood afterwards, and there are several of each kind."""
    made = np.array([turn.is_made for turn in known], np.float64)
    chance = np.array([turn.made_chance if turn.is_made else 1 - turn.made_chance for turn in known], np.float64)
    after = np.array([turn.after for turn in known], np.float64)
    before = np.array([turn.before for turn in known], np.float64)
    weight = 1 / chance
    centred = before - float((weight * before).sum() / weight.sum())
    columns = [np.ones(len(known)), made, centred, made * centred]
    if min(_spread(centred[made > 0]), _spread(centred[made == 0])) < 1:
        columns = columns[:2]
    value, error = _fitted(np.stack(columns, axis=1), after, weight)
    freedom = min(int(made.sum()), int((1 - made).sum())) - len(columns) // 2
    freedom = max(freedom, (len(known) - len(columns)) // 3)
    return of_value(value, error, n=len(known), freedom=freedom, certainty=certainty)


def _fitted(x: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """The second coefficient of weighted least squares, and its HC3 standard error."""
    scaled = x * weight[:, None]
    bread = np.linalg.inv(x.T @ scaled)
    rest = y - x @ (bread @ (scaled.T @ y))
    leverage = np.einsum("ni,ij,nj->n", x, bread, scaled)
    influence = (scaled @ bread) * (rest / np.maximum(1 - leverage, 0.05))[:, None]
    return float((bread @ (scaled.T @ y))[1]), float(np.sqrt((influence[:, 1] ** 2).sum()))


def _spread(values: Floats) -> float:
    return float(values.std()) if len(values) > 1 else 0.0


def _too_few(n_with: int, n_without: int) -> str:
    return (
        f"Not enough yet: a mood was said after {n_with} moments with a suggestion and after {n_without} without. "
        f"From {ENOUGH} of each on there is a first answer."
    )


def _told(found: Interval) -> str:
    low, high = round(found.low), round(found.high)
    if not found.is_clear:
        return f"No clear difference so far: it lies between {low:+d} and {high:+d} points of 100, with 95 % certainty."
    way = "better" if found.value > 0 else "worse"
    return (
        f"After a suggestion you felt about {round(abs(found.value))} points of 100 {way} than after such moments without "
        f"one: between {low:+d} and {high:+d}, with 95 % certainty."
    )


def _uneven(turns: Sequence[Turn]) -> str:
    """A warning where moods were said clearly more often after one kind of moment: the figure may then mislead."""
    shares = []
    for made in (True, False):
        kind = [turn.after is not None for turn in turns if turn.is_made is made]
        shares.append((sum(kind) / len(kind), len(kind)))
    (one, n), (other, m) = shares
    every = (one * n + other * m) / (n + m)
    error = math.sqrt(max(every * (1 - every), 1e-9) * (1 / n + 1 / m))
    if of_value(one - other, error, n=n + m, freedom=n + m - 2, certainty=CERTAINTY).chance >= UNEVEN:
        return ""
    return " You answered more often after one kind of moment than after the other, so the figure may be off."
