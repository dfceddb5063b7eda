"""The least variance that any unbiased private histogram can have, to which mechanisms are held.

Source: Pan, arXiv 2603.11523: subset selection with the best subset size attains it.
"""

import math

WINDOW = 3  # integers tried on each side of the real-valued optimum


def subset_chances(odds: float, domain: int, size: int) -> tuple[float, float]:
    """Chances that a reported subset of `size` holds the true item, and any other one, at odds e**epsilon."""
    total = size * odds + domain - size
    truth = size * odds / total
    lie = (size * odds * (size - 1) + (domain - size) * size) / ((domain - 1) * total)
    return truth, lie


def rare_item_variance(truth: float, lie: float) -> float:
    """Variance of the estimated share of a rare item, times n, from the chances of support."""
    return lie * (1 - lie) / (truth - lie) ** 2


def best_subset_size(epsilon: float, domain: int) -> int:
    """The subset size that minimizes the variance; about domain / (e**epsilon + 1)."""
    if not 0 < epsilon < 30 or not 2 <= domain < 2**32:
        raise ValueError(f"need 0 < epsilon < 30 and 2 <= domain < 2**32, got {epsilon=}, {domain=}")
    odds = math.exp(epsilon)
    near = int(domain / (odds + 1))
    sizes = range(max(1, near - WINDOW), min(domain - 1, near + 1 + WINDOW) + 1)
    return min(sizes, key=lambda size: rare_item_variance(*subset_chances(odds, domain, size)))


def optimal_variance(epsilon: float, domain: int) -> float:
    """V*: the least variance of an estimated share, times n, of a rare item; about 4 e**eps / (e**eps - 1)**2.

    >>> round(optimal_variance(4.0, 2600), 5)
    0.07519
    """
    return rare_item_variance(*subset_chances(math.exp(epsilon), domain, best_subset_size(epsilon, domain)))
