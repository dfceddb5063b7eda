"""The release gate's rule: what chance alone may do passes, what is really worse does not."""

import math

import numpy as np
import pytest

from choral.learning.gate import TOLERANCE, is_worse
from choral.learning.generalized_linear import LogisticRegression

TRIALS, ROWS = 4000, 400
TRUTH = 0.5 + 0.5 * math.erf(math.sqrt(0.5))  # the area where two Gaussians lie the square root of 2 apart


def areas(strength, seed):
    """AUC and its error of one model on fresh public examples, TRIALS times; strength: of the input that says something."""
    source, model = np.random.default_rng(seed), LogisticRegression(2)
    for _ in range(TRIALS):
        label = source.integers(0, 2, ROWS).astype(float)
        inputs = source.normal(size=(ROWS, 2)) + label[:, None] * [math.sqrt(2), 0]
        yield model.judge(np.array([strength, 1 - strength, 0.0]), {"inputs": inputs, "label": label, "weight": np.ones(ROWS)})


def share_refused(strength, best):
    return np.mean([is_worse(metric, error, best=best) for metric, error in areas(strength, 1)])


def test_a_version_worse_by_chance_alone_passes_in_the_share_that_the_rule_says():
    """As good as the best is in truth: 2.3 % are refused if errors are normal; within 6 standard errors of 4,000 trials."""
    law = 0.5 * math.erfc(TOLERANCE / math.sqrt(2))
    assert abs(share_refused(1.0, TRUTH) - law) < 6 * math.sqrt(law * (1 - law) / TRIALS)


def test_a_version_that_is_really_worse_is_refused():
    """An area of 0.71 against 0.84, 5 standard errors apart: 0.1 % pass; 1 % of 4,000 do with chance below 1e-9."""
    assert share_refused(0.4, TRUTH) > 0.99


@pytest.mark.parametrize(("metric", "error", "worse"), [(math.nan, 0.01, True), (0.5, math.inf, False), (0.9, 0.0, False)])
def test_at_the_edges(metric, error, worse):
    assert is_worse(metric, error, best=0.9) == worse
