"""Guesses for hours that nobody labelled: from like hours, as sure as they are right, and never in the way."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from choral.apps.companion.device.calibration import calibrated
from choral.apps.companion.device.diary import Label
from choral.apps.companion.device.labelling import chosen, filled, guesses, learned
from choral.apps.companion.device.record import Record
from choral.apps.companion.study.trials_labelling import labelling_accuracy
from choral.numerics import SeededEntropy

from .companion_records import MONDAY, days_from, noon, office_days, said, used

LATER = datetime(2100, 1, 1, tzinfo=UTC)
THIRD = MONDAY + timedelta(days=3)


def by_hour(record, day=THIRD, until=LATER):
    return {guess.fragment: guess for guess in guesses(learned(record), record, day, until=until).of}


def test_like_hours_are_called_alike():
    found = by_hour(office_days(4, labelled=3))
    assert {hour: found[hour].activity for hour in (3, 10, 20)} == {3: "sleeping", 10: "working", 20: "computer games"}
    assert all(found[hour].prefilled for hour in (3, 10))
    assert "working" in found[10].reason


def test_what_goes_on_counts_more_than_the_hour():
    record = office_days(4, labelled=3)
    late = {**record.entries, THIRD: tuple(used(THIRD, hour, "games") for hour in range(9, 17))}
    assert by_hour(replace(record, entries=late))[12].activity != "working"


def test_only_gaps_that_are_over_are_guessed():
    record = office_days(4, labelled=3)
    known = replace(record, labels={**record.labels, THIRD: {10: said("a meeting"), 11: Label("working", "guess", 60)}})
    assert 10 not in by_hour(known)
    assert 11 in by_hour(known)
    assert max(by_hour(record, until=noon(THIRD, 12))) == 11
    assert guesses(learned(record), record, MONDAY, until=LATER).of == ()


def test_a_guess_names_its_segment_and_its_likeliest_and_only_what_is_listed_is_chosen():
    record = office_days(4, labelled=3)
    found = guesses(learned(record), record, THIRD, until=LATER)
    guess = next(one for one in found.of if one.fragment == 10)
    assert (guess.activity, guess.first <= 10, guess.last >= 12) == ("working", True, True)
    assert guess.others[0] == (guess.activity, guess.confidence)
    assert 1 <= len(guess.others) <= 3
    with pytest.raises(ValueError, match="no activity"):
        chosen("flying")


def test_guesses_never_teach_and_never_change_a_label():
    record = office_days(4, labelled=3)
    more = filled(learned(record), record, until=LATER)
    assert {day: more.labels[day] for day in record.labels} == record.labels
    assert {label.by for label in more.labels[THIRD].values()} == {"guess"}
    assert len(learned(more).voters.activity) == len(learned(record).voters.activity)


def test_nothing_one_label_and_contradicting_labels_have_a_clear_answer():
    empty = Record(UTC)
    assert learned(empty) is None
    assert guesses(None, empty, MONDAY, until=LATER).sentence == "Label a few hours, and guesses begin."
    one = replace(office_days(4), labels={MONDAY: {10: said("working")}})
    assert all(guess.activity == "working" and not guess.prefilled for guess in by_hour(one).values())
    names = ("working", "cooking", "running", "sleeping")
    torn = replace(office_days(12), labels={day: {10: said(names[day.day % 4])} for day in days_from(MONDAY, 12)})
    assert all(guess.confidence < 60 for guess in by_hour(torn, MONDAY + timedelta(days=12)).values())


def test_the_hours_of_one_day_make_nobody_sure():
    night = replace(office_days(4), labels={MONDAY: {hour: said("sleeping") for hour in range(7)}})
    assert all(guess.confidence <= 40 and not guess.prefilled for guess in by_hour(night).values())


def test_an_hour_of_which_nothing_was_logged_is_guessed_only_from_labels_at_about_that_hour():
    labels = {MONDAY: {**dict.fromkeys(range(6), said("sleeping")), 12: said("eating")}}
    assert set(by_hour(Record(UTC, labels=labels), MONDAY)) == {6, 11, 13, 23}


def test_labels_that_are_not_in_the_list_are_passed_over():
    record = replace(office_days(4), labels={MONDAY: {10: said("an old name"), 40: said("working"), 11: said("working")}})
    assert learned(record).voters.activity.tolist() == [4]


def test_a_day_where_the_clock_was_changed_is_guessed_without_its_missing_hour():
    from zoneinfo import ZoneInfo

    record = replace(office_days(40, labelled=20), zone=ZoneInfo("Europe/London"))
    spring = datetime(2026, 3, 29, tzinfo=UTC).date()
    assert set(by_hour(record, spring)) == set(range(24)) - {1}


def test_confidence_meets_the_share_that_is_right():
    """From 4,000 answers the curve lies within .08 of the truth: its s.e. is below .015, so luck alone fails it below 1e-6."""
    words = SeededEntropy(5).words(2, 4000).astype(np.float64) / 2**64
    shares, votes = words[0], np.full(4000, 10.0)
    curve = calibrated(shares, votes, words[1] < 0.2 + 0.6 * shares)
    assert max(abs(curve(share, 10.0) - (0.2 + 0.6 * share)) for share in (0.1, 0.3, 0.5, 0.7, 0.9)) < 0.08


def test_more_labels_guess_better_than_the_usual_for_that_hour_and_say_how_well():
    """On three lives; margins are two to four standard errors over people (.03). The seed is fixed: a failure is a change."""
    found = labelling_accuracy(3, 3, 14, (0.05, 0.3))
    few, many = found["0.05"], found["0.3"]
    assert many["accuracy"] > few["accuracy"] > few["by_hour"]
    assert many["accuracy"] > 0.6
    assert many["three"] > many["accuracy"] + 0.05
    assert few["group"] >= few["accuracy"]
    assert many["calibration"] < 0.12
    assert many["prefilled_accuracy"] > many["accuracy"]
