"""People who type: the same for the same seed, and distributed as they say."""

import math

import numpy as np
import pytest
from scipy.stats import binom, binomtest, chisquare

from choral.simulation import Population

FALSE_ALARM = 1e-9
SHARES = np.array([0.5, 0.3, 0.15, 0.05])
PEOPLE = Population(SHARES, seed=5)


def test_the_same_seed_and_number_make_the_same_person_in_any_run():
    whole = PEOPLE.events(0, 100)
    part = PEOPLE.events(60, 10)
    mine = (whole.device >= 60) & (whole.device < 70)
    assert (whole.category[mine] == part.category).all()
    assert (whole.counts[60:70] == part.counts).all()
    assert (whole.sampled[60:70] == part.sampled).all()


def test_another_seed_makes_other_people():
    assert (PEOPLE.totals(0, 100) != Population(SHARES, seed=6).totals(0, 100)).any()


def test_more_days_add_events_and_change_none():
    day, week = PEOPLE.events(0, 200, days=1), PEOPLE.events(0, 200)
    for device in range(200):
        first = week.counts[device, 0]
        assert (day.category[day.device == device] == week.category[week.device == device][:first]).all()
    assert (day.sampled[:, 0] == week.sampled[:, 0]).all()


def test_a_weeks_days_hold_all_its_events():
    assert (PEOPLE.days(0, 5000).sum(axis=1) == PEOPLE.totals(0, 5000)).all()


@pytest.mark.parametrize(("chance", "quantile"), [(0.5, 10), (0.9, 307), (0.99, 2621)])
def test_events_a_device_meet_the_published_quantiles(chance, quantile):
    """A quantile's rank is binomial; a shift of the quantile by 10 % would be seen at 0.5 and 0.9, by 20 % at 0.99."""
    n = 200_000
    totals = PEOPLE.totals(0, n)
    below, up_to = int((totals < quantile).sum()), int((totals <= quantile).sum())
    assert binom.cdf(below, n, chance) < 1 - FALSE_ALARM
    assert binom.sf(up_to, n, chance) < 1 - FALSE_ALARM
    assert int((totals <= quantile * 1.2).sum()) > binom.ppf(1 - FALSE_ALARM, n, chance)
    assert int((totals < quantile / 1.2).sum()) < binom.ppf(FALSE_ALARM, n, chance)


def test_29_percent_of_device_days_are_empty_on_each_day_alike():
    """0.289 in the limit; a standard error of 0.0011 a day at 200,000 devices."""
    empty = (PEOPLE.days(0, 200_000) == 0).mean(axis=0)
    assert ((empty > 0.28) & (empty < 0.30)).all()


def test_an_empty_day_samples_nothing_and_another_one_of_its_own_events():
    events = PEOPLE.events(0, 2000, days=1)
    assert ((events.sampled[:, 0] == PEOPLE.nothing) == (events.counts[:, 0] == 0)).all()
    for device in np.flatnonzero(events.counts[:, 0])[:300]:
        assert events.sampled[device, 0] in events.category[events.device == device]


def test_sampled_events_follow_the_marginal():
    sampled = PEOPLE.events(0, 100_000, days=1).sampled[:, 0]
    typed = sampled[sampled != PEOPLE.nothing]
    assert chisquare(np.bincount(typed, minlength=4), len(typed) * SHARES).pvalue > FALSE_ALARM


def test_people_repeat_themselves_as_the_polya_urn_says():
    """Chances of the first three events' categories, exactly; independent draws would fail by far."""
    events = PEOPLE.events(0, 60_000)
    sizes = events.counts.sum(axis=1)
    starts = (np.cumsum(sizes) - sizes)[sizes >= 3]
    triples = events.category[starts[:, None] + np.arange(3)]
    observed = np.bincount(triples @ [16, 4, 1], minlength=64)
    assert chisquare(observed, len(triples) * _urn_chances()).pvalue > FALSE_ALARM
    independent = np.array([math.prod(SHARES[[i, j, k]]) for i in range(4) for j in range(4) for k in range(4)])
    assert chisquare(observed, len(triples) * independent).pvalue < FALSE_ALARM


def test_late_events_repeat_as_often_as_early_ones():
    """The urn is exchangeable: events 50 and 51 agree as often as any two, (1 + alpha * sum of squares) / (1 + alpha)."""
    events = PEOPLE.events(0, 60_000)
    sizes = events.counts.sum(axis=1)
    starts = (np.cumsum(sizes) - sizes)[sizes >= 51]
    agree = int((events.category[starts + 49] == events.category[starts + 50]).sum())
    chance = (1 + 2.1 * float((SHARES**2).sum())) / (1 + 2.1)
    assert binomtest(agree, len(starts), chance).pvalue > FALSE_ALARM
    for wrong in (0.9, 1.1):
        assert binomtest(agree, len(starts), wrong * chance).pvalue < FALSE_ALARM


def test_shares_that_do_not_sum_to_one_are_refused():
    with pytest.raises(ValueError, match="sum to 1"):
        Population(np.array([0.5, 0.6]), seed=1)


def _urn_chances():
    chances = []
    for triple in np.ndindex(4, 4, 4):
        chance = 1.0
        for place, category in enumerate(triple):
            chance *= (2.1 * SHARES[category] + triple[:place].count(category)) / (2.1 + place)
        chances.append(chance)
    return np.array(chances)
