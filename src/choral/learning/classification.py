"""How well scores tell two classes apart, exactly and with standard errors; ties are handled, not broken."""

import math

import numpy as np
from numpy.typing import NDArray


def auc(scores: NDArray[np.floating], labels: NDArray[np.floating]) -> tuple[float, float]:
    """Chance that a positive scores above a negative, a tie counting half, and its standard error.

    scores [n]; labels [n], positive above 0.5. Without two rows of each class the error is infinite, and without one
    the area is 0.5. Source of the error: DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988).

    >>> auc(np.array([0.9, 0.8, 0.8, 0.1]), np.array([1, 1, 0, 0]))[0]
    0.875
    """
    positive, negative = _classes(scores, labels)
    if not len(positive) or not len(negative):
        return 0.5, math.inf
    of_positive = _share_below(positive, negative)
    of_negative = 1 - _share_below(negative, positive)
    area = float(of_positive.mean())
    if min(len(positive), len(negative)) < 2:
        return area, math.inf
    return area, math.sqrt(of_positive.var(ddof=1) / len(positive) + of_negative.var(ddof=1) / len(negative))


def recall_at(
    scores: NDArray[np.floating], labels: NDArray[np.floating], *, false_positives: float = 0.01
) -> tuple[float, float]:
    """Largest share of positives above a threshold that at most this share of negatives reaches, and its standard error.

    Equal scores fall on one side of a threshold together. The error adds that of the positives, a binomial's, to that of
    the threshold: half of what recall changes while the rate moves by one standard error to either side.
    """
    positive, negative = _classes(scores, labels)
    if not 0 < false_positives < 1 or not len(positive) or not len(negative):
        raise ValueError(f"need 0 < false_positives < 1 and rows of both classes, got {false_positives=}")
    spread = math.sqrt(false_positives * (1 - false_positives) / len(negative))
    recall, less, more = (
        float((positive > _threshold(negative, rate)).mean())
        for rate in (false_positives, false_positives - spread, false_positives + spread)
    )
    return recall, math.sqrt(recall * (1 - recall) / len(positive) + ((more - less) / 2) ** 2)


def _classes(scores: NDArray[np.floating], labels: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    is_positive = np.asarray(labels) > 0.5
    return scores[is_positive], scores[~is_positive]


def _share_below(values: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float64]:
    """Share of `others` below each value, float64[n], a tie counting half."""
    ordered = np.sort(others)
    below, upto = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return np.asarray((below + upto) / (2 * len(others)), np.float64)


def _threshold(negative: NDArray[np.floating], rate: float) -> float:
    """The least score that at most `rate` of the negatives exceed; minus infinity where all may."""
    allowed = math.floor(max(rate, 0.0) * len(negative) * (1 + 1e-12))
    return float(-np.sort(-negative)[allowed]) if allowed < len(negative) else -math.inf
