"""When a version of a model counts as worse than an earlier one: one rule for the server's gate and for studies.

Knows a metric on public examples and its standard error. Leaves to others what becomes of the version.
"""

TOLERANCE = 2.0  # standard errors


def is_worse(metric: float, stderr: float, *, best: float) -> bool:
    """Whether a metric, higher is better, lies below the best before it by more than chance explains; NaN always does.

    best: of all versions before, not of the last one alone, so that nothing creeps down within the tolerance. One that is
    as good as `best` passes with chance 0.977, if errors are normal; on the same examples as the best, more often.

    >>> is_worse(0.89, 0.01, best=0.9), is_worse(0.87, 0.01, best=0.9)
    (False, True)
    """
    return not metric >= best - TOLERANCE * stderr
