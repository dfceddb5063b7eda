"""The people of one locale."""

import csv
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from choral.apps.keyboard import LOCALES, dictionary
from choral.apps.keyboard.population import marginal, population, week
from choral.errors import UsageError

NOW = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize("locale", LOCALES)
def test_each_locale_has_shares_over_the_whole_domain(locale):
    shares = marginal(locale)
    assert shares.shape == (2654,)
    assert abs(shares.sum() - 1) < 1e-12
    assert 186 <= (shares > 0).sum() <= 586


def test_languages_differ_as_they_do_in_the_source():
    assert dictionary()[marginal("en").argmax()] == "😂"
    assert marginal("ja")[dictionary().index("😂")] < marginal("en")[dictionary().index("😂")] / 2


def test_an_unknown_locale_is_refused():
    with pytest.raises(UsageError, match="choose one of"):
        marginal("ko")


def test_locales_with_the_same_seed_have_other_people():
    assert (population("en", 1).totals(0, 50) != population("ja", 1).totals(0, 50)).any()


def test_a_week_of_events_is_what_the_population_says_in_order_of_time():
    people = population("ja", 1)
    for device in range(5):
        days = week(people, device, "ja", NOW)
        assert [len(day) for day in days] == people.days(device, 1)[0].tolist()
        typed = [event for day in days for event in day]
        assert [event.data["emoji"] for event in typed] == [
            dictionary()[number] for number in people.events(device, 1).category
        ]
        assert [event.at for event in typed] == sorted(event.at for event in typed)
        for number, day in enumerate(days):
            assert all((event.at - NOW).days == number for event in day)


@pytest.mark.skipif("CHORAL_DATA_DIR" not in os.environ, reason="set CHORAL_DATA_DIR to the folder of the source data")
@pytest.mark.parametrize("locale", LOCALES)
def test_the_shipped_shares_follow_from_their_source(locale):
    with (Path(os.environ["CHORAL_DATA_DIR"]) / "emoji" / "emoji_freq_twitter2015_by_lang.csv").open(encoding="utf-8") as lines:
        source = [row for row in csv.DictReader(lines) if row["lang"] == locale and row["share_pictorial"]]
    plain = {emoji.replace("\ufe0f", ""): share for emoji, share in zip(dictionary(), marginal(locale), strict=False)}
    for row in source:
        assert plain[row["emoji"].replace("\ufe0f", "")] == pytest.approx(float(row["share_pictorial"]), rel=1e-5)
    assert (marginal(locale) > 0).sum() == len(source)
