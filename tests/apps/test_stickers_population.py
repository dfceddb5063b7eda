"""Generated people who choose stickers: the same whatever is asked for, and as different as they are said to be."""

import numpy as np
import pytest

from choral.apps.stickers.device.catalogue import shipped
from choral.apps.stickers.device.suggestion import SHOWN, Choice, Holdings
from choral.apps.stickers.study.market import Market, agreement, linear_share
from choral.apps.stickers.study.population import MOST_CHOICES, People, World
from choral.apps.stickers.study.study import head_of

PEOPLE = 2_000


@pytest.fixture(scope="module")
def market() -> Market:
    return Market.of(shipped(), 3, head_of(150), logged=3_000)


@pytest.fixture(scope="module")
def people(market: Market) -> People:
    return market.world.people(0, PEOPLE)


def test_the_same_seed_gives_the_same_people_however_they_are_cut(market: Market, people: People) -> None:
    again = World.of(shipped(), 3).people(1_200, 30)
    assert np.array_equal(again.displayed, people.displayed[1_200:1_230])
    assert np.array_equal(again.chosen, people.chosen[1_200:1_230])
    assert np.array_equal(market.world.tastes(1_200, 30), people.taste[1_200:1_230])
    whole, part = market.preferences(0, people.taste[:90]), market.preferences(40, people.taste[40:90])
    assert np.array_equal(whole[40:], part)


def test_another_seed_gives_other_people_in_another_world(market: Market) -> None:
    other = World.of(shipped(), 4)
    assert not np.array_equal(other.popularity, market.world.popularity)
    assert not np.array_equal(other.tastes(0, 5), market.world.tastes(0, 5))


def test_half_of_taste_is_linear_in_the_keyword_embedding(market: Market) -> None:
    assert linear_share(market.world) == pytest.approx(0.5, abs=1e-9)


def test_the_ten_candidates_are_different_and_share_a_keyword(people: People) -> None:
    stickers, displayed = shipped().stickers, people.displayed[:200, 0]
    assert all(len(set(row)) == SHOWN for row in displayed.tolist())
    for row in displayed:
        assert set.intersection(*(set(stickers[place].keywords) for place in row))


def test_every_candidate_stands_at_every_place(people: People) -> None:
    """Places of one list's candidates within a person who repeats it: a fixed order would put each in one place."""
    first = np.sort(people.displayed, axis=2)
    repeated = (first[:, 0] == first[:, 1]).all(axis=1)
    moved = (people.displayed[repeated, 0] != people.displayed[repeated, 1]).any(axis=1)
    assert repeated.sum() > 500
    assert 0.85 < moved.mean() < 0.95


def test_people_choose_eight_times_on_average(people: People) -> None:
    """False alarm below one in a million: the mean's standard error is 0.097."""
    sizes = people.weight.sum(axis=1)
    assert sizes.min() == 1
    assert sizes.max() == MOST_CHOICES
    assert abs(sizes.mean() - 8) < 0.5


def test_choices_of_one_person_agree_as_on_real_phones(people: People) -> None:
    """30 to 40 %; the standard error of 2,000 people is below 1 %, the mean 33 %."""
    own, everyone = agreement(people, len(shipped()))
    assert 0.30 < own < 0.40
    assert everyone < 0.02


def test_agreement_counts_pairs() -> None:
    displayed = np.tile(np.arange(10), (2, 16, 1))
    weight = np.zeros((2, 16))
    weight[0, :3] = weight[1, :1] = 1
    chosen = np.zeros((2, 16), np.int64)
    chosen[0, 2] = 7
    own, everyone = agreement(People(np.zeros((2, 8)), displayed, chosen, weight), 10)
    assert own == pytest.approx(1 / 3)
    assert everyone == pytest.approx(1 / 2)


def test_preferences_come_from_logs_and_tell_of_taste(market: Market, people: People) -> None:
    found = market.preferences(0, people.taste)
    fitted = found @ np.linalg.lstsq(found, people.taste, rcond=None)[0]
    explained = 1 - ((people.taste - fitted) ** 2).mean()
    assert found.shape == (PEOPLE, 9)
    assert 0.3 < explained < 0.7


def test_examples_are_those_that_a_device_makes(market: Market, people: People) -> None:
    person = 7
    examples = market.examples(person, 1)
    ids = np.array([sticker.id for sticker in shipped().stickers])
    preference = market.preferences(person, people.taste[person : person + 1])[0]
    keywords = tuple(sticker.keywords for sticker in shipped().stickers)
    holdings = Holdings(ids, keywords, market.features, market.world.popularity, preference)
    made = int(people.weight[person].sum())
    choices = [
        Choice(tuple(ids[people.displayed[person, row]].tolist()), int(people.chosen[person, row])) for row in range(made)
    ]
    own = holdings.examples(choices)
    for name in own:
        if name in ("personal", "weight"):
            np.testing.assert_allclose(examples[name][0], own[name], rtol=1e-6)
        else:
            np.testing.assert_allclose(examples[name][0, :made], own[name][:made], rtol=1e-6)


def test_a_catalogue_without_common_keywords_is_refused() -> None:
    from choral.apps.stickers.device.catalogue import Catalogue, Sticker

    few = Catalogue(tuple(Sticker(i, "x", f"x{i}", (f"word {i}",), ()) for i in range(20)))
    with pytest.raises(ValueError, match="larger catalogue"):
        World.of(few, 1)
