"""What an hour of each activity adds to a person's mood: from their own record, and from the shared model where there is one.

Both are shrunk: a few hours move a figure little. Device half.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from choral.apps.companion.device.activities import ACTIVITIES
from choral.apps.companion.device.blend import blended
from choral.apps.companion.device.diary import SCALE
from choral.apps.companion.device.record import Felt, Record
from choral.apps.companion.device.signals import PLAIN, Items
from choral.learning.alternating_least_squares import AlternatingLeastSquares
from choral.learning.base import Arrays

NOISE = 14.0  # points by which hours of one activity differ, before the record says better
PRIOR = 9.0  # points by which activities differ
PRIOR_HOURS = 10  # that the guess of NOISE counts for


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """The public model as it came down, and what its items are."""

    algorithm: AlternatingLeastSquares
    params: Arrays
    items: Items = PLAIN


@dataclass(frozen=True, slots=True)
class Lift:
    """Points of 100 above the person's usual mood. error: standard error; n: the person's own hours; by_others: shared"""

    points: float
    error: float
    n: int
    by_others: bool = False


def lifts(record: Record, shared: Shared | None = None) -> Mapping[str, Lift]:
    """Of every activity; by the name of the activity. A model that does not fit is as none."""
    felt = [one for one in record.felt() if one.activity]
    usual = float(np.mean([one.valence for one in felt])) if felt else SCALE / 2
    values: dict[str, list[int]] = {activity.name: [] for activity in ACTIVITIES}
    for one in felt:
        values[one.activity].append(one.valence)
    noise = _noise(felt, usual)
    own = {name: _own(found, usual, noise) for name, found in values.items()}
    if shared is None or not felt:
        return own
    try:
        return _with_others(own, felt, usual, shared)
    except (ValueError, KeyError):
        return own


def _noise(felt: list[Felt], usual: float) -> float:
    """Standard deviation of single hours, drawn towards NOISE while they are few."""
    squares = sum((one.valence - usual) ** 2 for one in felt)
    return math.sqrt((PRIOR_HOURS * NOISE**2 + squares) / (PRIOR_HOURS + len(felt)))


def _own(values: list[int], usual: float, noise: float) -> Lift:
    pull = noise**2 / PRIOR**2
    total = sum(value - usual for value in values)
    return Lift(total / (len(values) + pull), noise / math.sqrt(len(values) + pull), len(values))


def _with_others(own: Mapping[str, Lift], felt: list[Felt], usual: float, shared: Shared) -> Mapping[str, Lift]:
    """The blend's prediction over the person's usual mood."""
    known = [(shared.items.of(one.activity), one.valence / SCALE) for one in felt]
    rows = [(item, value) for item, value in known if item is not None]
    examples = {
        "item": np.array([item for item, _ in rows], np.int64),
        "rating": np.array([value for _, value in rows], np.float64),
        "weight": np.ones(len(rows)),
    }
    person = np.zeros(len(rows), np.int64)
    told = blended(shared.algorithm, shared.params, examples, person=person, people=1).blend[0]
    priors = shared.algorithm.priors
    found = {}
    for name, lift in own.items():
        item = shared.items.of(name)
        error = SCALE * priors.noise / math.sqrt(lift.n + priors.noise**2 / priors.taste**2)
        found[name] = lift if item is None else Lift(SCALE * float(told[item]) - usual, error, lift.n, by_others=True)
    return found
