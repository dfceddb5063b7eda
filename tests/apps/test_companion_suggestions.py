"""One small thing when the mood is low, with a reason, that fits; now and then drawn by chance, and the chance is kept."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, timedelta

import numpy as np
import pytest
from scipy.stats import binomtest

from choral.apps.companion.device.activities import NUMBERS
from choral.apps.companion.device.lifts import Shared, lifts
from choral.apps.companion.device.record import Record
from choral.apps.companion.device.small_things import SMALL
from choral.apps.companion.device.suggestions import Moment, fitting, free_minutes, low_mood, shown, turn
from choral.apps.companion.device.tasks import ratings_filter
from choral.apps.companion.device.turns import Turn, answered, from_notes, heard
from choral.numerics import SeededEntropy

from .companion_records import MONDAY, days_from, felt, noon, said, used

FALSE_ALARM = 1e-6
TODAY = MONDAY + timedelta(days=20)
NOW = noon(TODAY, 15)


def walker(now=20):
    """Twenty days with a mood of 50 while tidying and of 70 on a walk; today the mood is `now`."""
    moods = {day: {10: felt(50, day, 10), 18: felt(70, day, 18)} for day in days_from(MONDAY, 20)}
    labels = {day: {10: said("tidying"), 18: said("a walk")} for day in days_from(MONDAY, 20)}
    return Record(UTC, 24, {}, labels, {**moods, TODAY: {14: felt(now, TODAY, 14)}})


def drawn(record=None, seed=0, **given):
    given = {"log": (), "refused": (), "entropy": SeededEntropy(seed), **given}
    return turn(record or walker(), Moment(NOW, given.pop("free", 60)), **given)


def test_a_low_mood_is_an_occasion_and_a_usual_one_is_not():
    assert low_mood(walker(20), NOW).sentence == "You said 20 of 100."
    assert low_mood(walker(60), NOW) is None
    assert drawn(walker(60)) is None
    assert low_mood(Record(UTC), NOW) is None


def test_a_low_mood_can_be_foretold_from_such_hours():
    moods = {day: {10: felt(70, day, 10), 15: felt(30, day, 15)} for day in days_from(MONDAY, 20)}
    low = low_mood(Record(UTC, 24, {}, {}, moods), noon(TODAY, 15))
    assert low is None or low.foretold  # a Sunday: other days than these
    low = low_mood(Record(UTC, 24, {}, {}, moods), noon(TODAY + timedelta(days=1), 15))
    assert low.foretold
    assert "n = " in low.sentence


def test_a_mood_because_of_something_else_is_no_occasion():
    record = walker()
    external = {**record.moods, TODAY: {14: felt(5, TODAY, 14, external=True)}}
    assert low_mood(replace(record, moods=external), NOW) is None


def test_the_best_is_what_the_own_record_says_with_its_reason():
    found = [drawn(seed=seed) for seed in range(60)]
    best = [one for one in found if one.arm == "best"]
    assert {one.activity for one in best} == {"a walk"}
    reason = shown(best[0], walker()).reason
    assert "20 hours of it" in reason
    assert "give or take" in reason
    assert shown(next(one for one in found if one.arm == "none"), walker()) is None
    assert "by chance" in shown(next(one for one in found if one.arm == "random"), walker()).reason


def test_the_chances_that_are_kept_are_those_of_the_draw():
    found = [drawn(seed=seed) for seed in range(500)]
    arms = Counter(one.arm for one in found)
    fit = len(fitting(walker(), Moment(NOW, 60), log=(), refused=()))
    for arm, chance in (("none", 0.25), ("random", 0.15), ("best", 0.6)):
        assert binomtest(arms[arm], 500, chance).pvalue > FALSE_ALARM
        kept = {one.chance for one in found if one.arm == arm}
        assert all(one == pytest.approx(chance / fit if arm == "random" else chance) for one in kept)
    assert {one.made_chance for one in found} == {0.75}


def test_it_fits_the_hour_and_the_free_time_and_what_the_person_has():
    record = walker()
    assert {one.activity for one in fitting(record, Moment(NOW, 12), log=(), refused=())} == {
        "a phone call",
        "listening to music",
    }
    assert fitting(record, Moment(noon(TODAY, 3), 180), log=(), refused=()) == ()
    assert "walking the dog" not in {one.activity for one in fitting(record, Moment(NOW, 180), log=(), refused=())}
    assert drawn(free=0) is None


def test_free_time_ends_with_the_next_thing_in_the_calendar():
    meeting = used(TODAY, 16, "a meeting", kind="calendar")
    record = replace(walker(), entries={TODAY: (meeting,)})
    assert free_minutes(record, NOW) == 60
    assert free_minutes(record, noon(TODAY, 16, 10)) == 0
    assert free_minutes(walker(), NOW) == 180


def test_never_this_is_never_again_and_not_now_is_not_now():
    first = next(one for one in (drawn(seed=seed) for seed in range(9)) if one.activity == "a walk")
    later = noon(TODAY + timedelta(days=3), 15)
    never = (answered(first, "never"),)
    assert "a walk" not in {one.activity for one in fitting(walker(), Moment(later), log=never, refused=())}
    assert "a walk" in {one.activity for one in fitting(walker(), Moment(later), log=(answered(first, "not now"),), refused=())}
    assert "a walk" not in {one.activity for one in fitting(walker(), Moment(later), log=(), refused=("a walk",))}
    assert drawn(log=(replace(first, at=first.at - 3600),)) is None


def test_few_hours_move_a_figure_little_and_the_reason_says_so():
    one = replace(
        walker(), labels={MONDAY: {18: said("cooking")}}, moods={MONDAY: {18: felt(95)}, TODAY: {14: felt(20, TODAY, 14)}}
    )
    assert 0 <= lifts(one)["cooking"].points < 20
    drawn_best = next(found for found in (drawn(one, seed=seed) for seed in range(20)) if found.arm == "best")
    assert "not enough yet" in shown(drawn_best, one).reason


def test_the_shared_model_helps_where_the_own_record_is_thin_and_a_broken_one_changes_nothing():
    algorithm = ratings_filter()
    biases = np.zeros(algorithm.items)
    biases[NUMBERS["reading a book"]] = 0.25
    params = np.concatenate([[0.5], biases, np.full(algorithm.items, 0.05)]).astype(np.float32)
    known = lifts(walker(), Shared(algorithm, {"params": params}))
    assert known["reading a book"].points > known["resting"].points + 8
    assert known["reading a book"].by_others
    assert lifts(walker(), Shared(algorithm, {"params": params[:5]})) == lifts(walker())


def test_a_later_mood_belongs_to_the_turn_and_another_cause_teaches_nothing():
    turns = (Turn(1000, "best", "a walk", 0.6, 0.75, 30),)
    assert heard(turns, at=1000 + 7200, valence=60)[0].after == 60
    assert heard(turns, at=1000 + 60, valence=60)[0].after is None
    assert heard(turns, at=1000 + 86400, valence=60)[0].after is None
    assert heard(turns, at=1000 + 7200, valence=60, external=True)[0].after is None


def test_turns_are_kept_and_broken_rows_hide_no_others():
    one = Turn(1000, "best", "a walk", 0.6, 0.75, 30, "done", 50)
    assert from_notes([dict(one.to_note()), {"at": 3}, "x", None]) == (one,)
    assert from_notes(None) == ()


def test_every_small_thing_is_an_activity_of_the_list():
    assert all(one.activity in NUMBERS and 0 <= one.first < one.last <= 24 for one in SMALL)
