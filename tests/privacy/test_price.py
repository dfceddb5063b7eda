"""What a report must cost: the local guarantee, or the sum's where the Terms trust one."""

import math
from dataclasses import dataclass

import pytest

from choral.mechanisms import RandomizedResponse
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.privacy import Guarantee, micro, required_price

SHARES = GaussianVector.for_sum(1.0, 50, clip_norm=1.0, minimum=1000)
ALONE = GaussianVector.for_sum(2.0, 50, clip_norm=1.0, minimum=1)


def price(mechanism, trust="sum", minimum=1000, reports_per_device=1, reports_for_life=30):
    return required_price(
        mechanism, trust=trust, minimum=minimum, reports_per_device=reports_per_device, reports_for_life=reports_for_life
    )


def test_a_pure_mechanism_costs_its_local_epsilon_whoever_is_trusted():
    response = RandomizedResponse.for_epsilon(2.0, 10)
    for trust in ("nobody", "shuffler"):
        assert price(response, trust) == micro(response.epsilon)


def test_a_share_of_a_sums_noise_costs_what_the_sum_promises():
    assert price(SHARES) == micro(SHARES.guarantees(1000)[1].epsilon)
    assert price(SHARES, minimum=4000) < price(SHARES)


@pytest.mark.parametrize("trust", ["nobody", "shuffler"])
@pytest.mark.parametrize("mechanism", [SHARES, ALONE], ids=["infinite", "with a delta"])
def test_what_has_no_pure_local_guarantee_has_no_price_without_a_sum(mechanism, trust):
    with pytest.raises(ValueError, match="hides next to nothing"):
        price(mechanism, trust)


def test_several_reports_of_a_device_in_one_sum_each_pay_their_part_of_what_they_tell_together():
    one, two = price(SHARES), price(SHARES, reports_per_device=2)
    assert two > one
    assert 2 * two >= micro(SHARES.guarantees(1000, 2)[1].epsilon)


@pytest.mark.parametrize("epsilon", [0.05, 1.0, 2.0])
def test_no_smaller_number_of_reports_in_one_sum_tells_more_than_it_paid(epsilon):
    mechanism = GaussianVector.for_sum(epsilon, 20, clip_norm=1.0, minimum=2000)
    each = price(mechanism, minimum=2000, reports_per_device=12)
    assert all(k * each >= micro(mechanism.guarantees(2000, k)[1].epsilon) - 1 for k in range(1, 13))


def test_deltas_that_add_up_to_too_much_for_life_are_refused():
    assert price(SHARES, reports_for_life=1000)
    with pytest.raises(ValueError, match="fewer reports for life"):
        price(SHARES, reports_for_life=1001)


def test_a_mechanism_without_a_promise_about_sums_is_refused_under_that_trust():
    with pytest.raises(ValueError, match="nothing about a sum"):
        price(RandomizedResponse.for_epsilon(2.0, 10))


@dataclass(frozen=True)
class Bare:
    epsilon: float

    def guarantees(self, minimum, reports_per_device=1):
        return (
            Guarantee(math.inf, 1e-6, "one report", "any two values", "nobody"),
            Guarantee(self.epsilon, 1e-6, "one report", "any two values", "sum", "the sum is all"),
        )


@pytest.mark.parametrize("epsilon", [math.inf, 5000.0])
def test_a_sum_that_hides_nothing_is_refused_and_not_crashed_on(epsilon):
    with pytest.raises(ValueError, match="hides next to nothing"):
        price(Bare(epsilon))
