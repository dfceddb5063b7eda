"""What an honest shuffler adds: the second, conditional number.

Source: Feldman, McMillan and Talwar (FOCS 2021, arXiv 2012.12803), Theorem 3.1, closed form; it holds for
adaptively chosen local randomizers.
"""

import math

from choral.privacy.guarantee import Guarantee

SHUFFLER = "the server's operator shuffles honestly and does not look at single reports"
STEPS = 60


def shuffled_epsilon(epsilon: float, reports: int, delta: float) -> float:
    """Central epsilon of one report among `reports` shuffled ones; equals `epsilon` where the bound says nothing.

    epsilon: local, nats; delta: in (0, 1)
    """
    if not 0 < delta < 1 or reports < 0 or epsilon < 0:
        raise ValueError(f"need 0 < delta < 1, reports >= 0, epsilon >= 0, got {delta=}, {reports=}, {epsilon=}")
    if reports < 2 or epsilon > math.log(reports / (16 * math.log(2 / delta))):
        return epsilon
    odds = math.exp(epsilon)
    spread = 8 * math.sqrt(odds * math.log(4 / delta) / reports) + 8 * odds / reports
    return min(epsilon, math.log1p((odds - 1) / (odds + 1) * spread))


def shuffled(epsilon: float, reports: int, delta: float, *, reports_per_device: int = 1) -> Guarantee:
    """The guarantee of a whole device in a shuffled batch, when it holds up to `reports_per_device` of the reports.

    One changed device changes that many reports: the bound for one is applied once for each (group privacy), and
    `delta` covers them all. Never worse than the local sum.
    """
    if reports_per_device < 1:
        raise ValueError(f"need reports_per_device >= 1, got {reports_per_device=}")
    unit = "one report" if reports_per_device == 1 else f"one device with up to {reports_per_device} reports in the batch"
    each = _share(epsilon, reports, delta, reports_per_device)
    if each >= epsilon:
        return Guarantee(epsilon * reports_per_device, 0.0, unit, "any two values", "shuffler", f"{SHUFFLER}; no amplification")
    return Guarantee(each * reports_per_device, delta, unit, "any two values", "shuffler", SHUFFLER)


def _share(epsilon: float, reports: int, delta: float, group: int) -> float:
    """Epsilon of one step, with delta small enough that `group` steps together keep `delta`; `epsilon` if none is."""
    part = delta / group
    for _ in range(STEPS):
        each = shuffled_epsilon(epsilon, reports, part)
        needed = delta / sum(math.exp(min(step * each, 600)) for step in range(group))
        if part <= needed:
            return each
        part = needed
    return epsilon
