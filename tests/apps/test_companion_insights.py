"""Cards say n, the interval and "not enough yet"; luck is no finding; help is quiet, plain and always there."""

from dataclasses import replace
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from choral.apps.companion.device.diary import Label, Mood
from choral.apps.companion.device.entries import Entry
from choral.apps.companion.device.help import help_for, lines
from choral.apps.companion.device.insights import cards
from choral.apps.companion.device.labelling import filled, guesses, learned
from choral.apps.companion.device.record import Record
from choral.apps.companion.device.shifts import shift
from choral.apps.companion.device.suggestions import Moment, turn
from choral.apps.companion.study.trials_moods import insight_alarms
from choral.numerics import SeededEntropy

from .companion_records import MONDAY, days_from, felt, noon, said

LONDON = ZoneInfo("Europe/London")
ENTRIES = st.builds(
    Entry,
    start=st.integers(0, 2**33),
    seconds=st.integers(0, 48 * 3600),
    offset=st.integers(-18 * 60, 18 * 60),
    kind=st.sampled_from(("app", "place", "calendar", "idle")),
    what=st.sampled_from(("video", "home", "away")),
    source=st.just("test"),
)

LABELS = st.dictionaries(
    st.integers(0, 50),
    st.builds(Label, st.sampled_from(("working", "a walk", "sleeping", "no such")), st.sampled_from(("person", "guess"))),
)
MOODS = st.dictionaries(
    st.integers(0, 50),
    st.builds(Mood, st.integers(0, 100), st.integers(0, 100), st.booleans(), st.integers(0, 2**33)),
    max_size=4,
)
SOME_DAYS = st.sampled_from([MONDAY + timedelta(days=step) for step in (-400, -1, 0, 1, 2, 3, 10, 27, 4000)])
FORBIDDEN = ("depress", "disorder", "diagnos", "symptom", "illness", "patient", "treatment", "clinical")
DAYS = days_from(MONDAY, 30)


def runner(days=30):
    """A life in which running feels better by 20 and the rest of the day wobbles."""
    labels = {day: {9: said("working"), 12: said("eating"), 18: said("running")} for day in DAYS[:days]}
    moods = {
        day: {9: felt(50 + day.day % 5, day, 9), 12: felt(50 + day.day % 3, day, 12), 18: felt(72 + day.day % 4, day, 18)}
        for day in DAYS[:days]
    }
    return Record(UTC, 24, {}, labels, moods)


def test_what_is_clear_comes_first_with_its_days_and_its_interval():
    first = cards(runner(), ())[0]
    assert first.state == "clear"
    running = next(card for card in cards(runner(), ()) if card.title == "running")
    assert running.n == 30
    assert running.low <= 22 <= running.high
    assert "30 days" in running.sentence
    assert "better" in running.sentence


def test_few_days_are_not_enough_yet():
    found = cards(runner(4), ())
    assert {card.state for card in found} == {"not yet"}
    assert any("4 of 6 days" in card.sentence for card in found)


def test_an_empty_diary_one_label_and_one_mood_have_a_card_and_no_exception():
    assert [card.title for card in cards(Record(UTC), ())] == ["suggestions"]
    one = Record(UTC, 24, {}, {MONDAY: {9: said("working")}}, {MONDAY: {9: felt(40)}})
    assert all(card.state == "not yet" for card in cards(one, ()))


def test_equal_moods_are_neither_better_nor_worse():
    record = runner()
    flat = replace(record, moods={day: {place: felt(50, day, place) for place in said_} for day, said_ in record.moods.items()})
    assert all(card.state != "clear" for card in cards(flat, ()))


def test_other_causes_take_no_part():
    record = runner()
    other = {day: {place: replace(mood, external=True) for place, mood in said_.items()} for day, said_ in record.moods.items()}
    assert [card.title for card in cards(replace(record, moods=other), ())] == ["suggestions"]


def test_no_card_judges_anybody():
    for card in cards(runner(), ()):
        assert not any(word in card.sentence.lower() for word in FORBIDDEN)


def test_where_nothing_matters_hardly_anybody_sees_a_finding():
    """At most .05 of people see any clear card; 8 of 40 or more come by luck with chance 7e-4 at .05."""
    found = insight_alarms(3, 40, 30)
    assert found["alarms"] <= 0.175


@settings(max_examples=30)
@given(
    labels=st.dictionaries(SOME_DAYS, LABELS, max_size=6),
    moods=st.dictionaries(SOME_DAYS, MOODS, max_size=9),
    entries=st.dictionaries(SOME_DAYS, st.lists(ENTRIES, max_size=4), max_size=4),
)
def test_whatever_a_diary_holds_everything_has_an_answer(labels, moods, entries):
    record, now = Record(LONDON, 24, entries, labels, moods), noon(MONDAY + timedelta(days=3))
    labeller = learned(record)
    for day in (MONDAY, now.date(), MONDAY + timedelta(days=27)):
        assert isinstance(guesses(labeller, record, day, until=now).sentence, str)
    whole = filled(labeller, record, until=now)
    assert all(card.sentence for card in cards(whole, ()))
    assert shift(whole, now.date()) is None or shift(whole, now.date()).sentence
    found = turn(whole, Moment(now, 60), log=(), refused=(), entropy=SeededEntropy(1))
    assert found is None or found.arm in ("none", "random", "best")
    help_for(moods, now.date())


def low_days(count, valence=20, first=MONDAY):
    return {day: {12: felt(valence, day)} for day in days_from(first, count)}


def test_help_is_shown_when_the_mood_stays_low_and_only_then():
    today = MONDAY + timedelta(days=11)
    found = help_for(low_days(12), today, "gb")
    assert found.lines[0].number == "116 123"
    assert "12 of the 12 days" in found.sentence
    assert not any(word in found.sentence.lower() for word in FORBIDDEN)
    assert help_for(low_days(12, valence=60), today) is None
    assert help_for(low_days(5), today) is None
    assert help_for(low_days(12), today + timedelta(days=12)) is None
    assert help_for({}, today) is None


def test_help_counts_low_days_whatever_their_cause():
    days = {day: {12: felt(20, day, external=True)} for day in days_from(MONDAY, 12)}
    assert help_for(days, MONDAY + timedelta(days=11)) is not None


def test_everybody_finds_somebody_wherever_they_are():
    assert any(line.number == "112" for line in lines("de"))
    assert any(line.number == "988" for line in lines("US"))
    for country in ("", "zz", "  ", "GBR"):
        assert lines(country)[0].name == "findahelpline.com"
        assert len(lines(country)) >= 3


def test_the_same_night_every_night_says_nothing_of_sleep_and_breaks_no_page():
    """A slope over days that slept alike has no end to its interval: no card is made of it."""
    nights = {hour: said("sleeping") for hour in range(8)}
    labels = {day: nights | {hour: said("running" if hour == 18 else "working") for hour in range(8, 24)} for day in DAYS}
    moods = {day: {9: felt(50 + day.day % 5, day, 9), 18: felt(60 + day.day % 4, day, 18)} for day in DAYS}
    found = cards(Record(UTC, 24, {}, labels, moods), ())
    assert "running" in {card.title for card in found}
    assert "sleep" not in {card.title for card in found if card.state != "not yet"}
