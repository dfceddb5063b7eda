"""What one report must cost at least, from what its mechanism promises and from whom its Terms trust.

Knows guarantees. Leaves budgets to the device. See decision records 7 and 11.
"""

import math
from collections.abc import Sequence
from typing import Protocol

from choral.privacy.guarantee import MICRO, Guarantee, Trust, micro

MOST_DELTA = 1e-6  # of one report under the trust `sum`
MOST_DELTA_FOR_LIFE = 1e-3  # of all reports under the same Terms, which add up
MOST_NATS = 4294.0  # what a Terms' price can say


class Promising(Protocol):
    """Whatever states guarantees: a mechanism."""

    def guarantees(self, minimum: int, reports_per_device: int = 1) -> tuple[Guarantee, ...]:
        """The local guarantee first, then those of a batch."""
        ...


def required_price(mechanism: Promising, *, trust: Trust, minimum: int, reports_per_device: int, reports_for_life: int) -> int:
    """Millionths of a nat that a report must cost; ValueError if no price under this trust can pay for it.

    `nobody` and `shuffler`: the pure local epsilon. `sum`: the epsilon of a sum over `minimum` reports, of which one
    device holds up to `reports_per_device`; its deltas over a life must stay below MOST_DELTA_FOR_LIFE.
    """
    if trust == "sum":
        return _price_in_a_sum(mechanism, minimum, reports_per_device, reports_for_life)
    local = mechanism.guarantees(minimum, reports_per_device)[0]
    if local.delta > 0 or not local.epsilon < MOST_NATS:
        raise ValueError(
            f"one report alone hides next to nothing (epsilon {local.epsilon:.4g}, delta {local.delta:g}), so no price under "
            f"the trust {trust!r} pays for it; say trust `sum`, or use a mechanism that needs nobody's honesty"
        )
    return micro(local.epsilon)


def _price_in_a_sum(mechanism: Promising, minimum: int, reports_per_device: int, reports_for_life: int) -> int:
    """Several reports of a device in one sum cost more than as many in different sums, so each pays its part of that."""
    one = _of_the_sum(mechanism.guarantees(minimum, 1))
    together = _of_the_sum(mechanism.guarantees(minimum, reports_per_device))
    if max(one.delta, together.delta) > MOST_DELTA or reports_for_life * max(one.delta, together.delta) > MOST_DELTA_FOR_LIFE:
        raise ValueError(
            f"{reports_for_life} reports of delta {together.delta:g} add up to more than {MOST_DELTA_FOR_LIFE:g} for life; "
            "allow fewer reports for life"
        )
    if not max(one.epsilon, together.epsilon) < MOST_NATS:
        raise ValueError(
            f"a sum of {minimum} reports with {reports_per_device} of one device hides next to nothing; ask for a larger "
            "minimum, or for fewer reports a device"
        )
    return max(micro(one.epsilon), math.ceil(together.epsilon * MICRO / reports_per_device))


def _of_the_sum(guarantees: Sequence[Guarantee]) -> Guarantee:
    found = next((one for one in guarantees if one.trust == "sum"), None)
    if found is None:
        raise ValueError("the mechanism promises nothing about a sum; say trust `nobody` or `shuffler`")
    return found
