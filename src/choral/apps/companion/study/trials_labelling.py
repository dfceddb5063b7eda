"""How good guesses of labels are: on generated lives, for several shares of labelled hours, beside the usual for that hour.

Knows generated logs. The figures of the experiment and of the tests.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.activities import NUMBERS, groups
from choral.apps.companion.device.labelling import guesses, learned
from choral.apps.companion.device.record import Labels, Record
from choral.apps.companion.study.generator import Generator
from choral.apps.companion.study.logs import generated_record
from choral.numerics import SeededEntropy

SHARES = (0.02, 0.05, 0.1, 0.2, 0.4)
CHOICE_KEY = 13
BINS = 5
LATER = datetime(2100, 1, 1, tzinfo=UTC)
Floats = NDArray[np.float64]


def labelling_accuracy(
    seed: int, people: int, days: int, shares: tuple[float, ...] = SHARES
) -> dict[str, Mapping[str, float | list[list[float]]]]:
    """By the share of labelled hours: accuracy, its standard error over people, and what is said of it.

    accuracy: of the first guess; group: with half credit within a time-use group; three: one of the three likeliest
    by_hour: of guessing the person's commonest label at that hour; prefilled: share filled in, prefilled_accuracy: of those
    calibration: mean |said - true| over fifths of the guesses by confidence; reliability: [said, true] of each fifth
    """
    generator = Generator(seed)
    records = [generated_record(generator, person, days) for person in range(people)]
    found = {}
    for share in shares:
        found[f"{share:g}"] = _summary([_one(record, share, seed, person) for person, record in enumerate(records)])
    return found


def _one(record: Record, share: float, seed: int, person: int) -> Floats:
    """One person's guesses, float64[n, 6]: right, with half credit, among three, by hour, confidence, prefilled."""
    known = _chosen(record, share, seed, person)
    labelled = replace(record, labels=known)
    labeller, usual = learned(labelled), _by_hour(known)
    group = groups()
    rows = []
    for day, truth in record.labels.items():
        for guess in guesses(labeller, labelled, day, until=LATER).of:
            true = truth[guess.fragment].activity
            right = guess.activity == true
            near = int(group[NUMBERS[guess.activity]] == group[NUMBERS[true]])
            three = any(name == true for name, _ in guess.others)
            by_hour = usual[guess.fragment] == true
            rows.append((right, (right + near) / 2, three, by_hour, guess.confidence / 100, guess.prefilled))
    return np.array(rows, np.float64)


def _chosen(record: Record, share: float, seed: int, person: int) -> Labels:
    """That share of the labels, at random, one at least."""
    every = [(day, place) for day, labels in record.labels.items() for place in labels]
    order = SeededEntropy(seed, (CHOICE_KEY << 48) + person).words(1, len(every))[0].argsort()
    kept: dict[object, dict[int, object]] = {}
    for place in order[: max(1, round(share * len(every)))].tolist():
        day, fragment = every[place]
        kept.setdefault(day, {})[fragment] = record.labels[day][fragment]
    return kept  # type: ignore[return-value]


def _by_hour(labels: Labels) -> list[str]:
    """The commonest label of the nearest hour that has any."""
    by_hour: dict[int, list[str]] = {}
    for one in labels.values():
        for fragment, label in one.items():
            by_hour.setdefault(fragment, []).append(label.activity)
    return [_commonest(by_hour[min(by_hour, key=lambda known: _apart(known, hour))]) for hour in range(24)]


def _apart(one: int, other: int) -> int:
    return min((one - other) % 24, (other - one) % 24)


def _commonest(names: list[str]) -> str:
    return max(sorted(set(names)), key=names.count)


def _summary(people: list[Floats]) -> Mapping[str, float | list[list[float]]]:
    every = np.concatenate(people)
    each = np.array([rows[:, 0].mean() for rows in people])
    filled = every[:, 5] > 0
    reliability = [[float(part[:, 4].mean()), float(part[:, 0].mean())] for part in _fifths(every)]
    return {
        "accuracy": float(every[:, 0].mean()),
        "stderr": float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else float("nan"),
        "group": float(every[:, 1].mean()),
        "three": float(every[:, 2].mean()),
        "by_hour": float(every[:, 3].mean()),
        "prefilled": float(filled.mean()),
        "prefilled_accuracy": float(every[filled, 0].mean()) if filled.any() else float("nan"),
        "calibration": float(np.mean([abs(said - true) for said, true in reliability])),
        "reliability": reliability,
    }


def _fifths(rows: Floats) -> list[Floats]:
    return np.array_split(rows[np.argsort(rows[:, 4], kind="stable")], BINS)
