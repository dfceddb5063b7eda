"""When a mood is asked for: seldom, by day, far apart, and at moments that cannot be foreseen."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.apps.companion.device.asking import GRACE_SECONDS, Asking, due, follow_up, plan
from choral.numerics import SeededEntropy

from .companion_records import MONDAY

LONDON = ZoneInfo("Europe/London")
WISHES = st.builds(
    Asking,
    times=st.integers(0, 6),
    quiet_from=st.integers(0, 23),
    quiet_to=st.integers(0, 23),
    gap_minutes=st.integers(120, 360),
)
DAYS = st.sampled_from((MONDAY, date(2026, 3, 29), date(2026, 10, 25)))


@given(WISHES, DAYS, st.integers(0, 2**32))
def test_a_plan_is_awake_far_apart_and_not_too_long(asking, day, seed):
    planned = plan(asking, day, LONDON, SeededEntropy(seed))
    assert len(planned) <= asking.times
    assert all(b - a >= 60 * asking.gap_minutes for a, b in pairwise(planned))
    for at in planned:
        local = datetime.fromtimestamp(at, LONDON)
        assert local.date() == day
        assert not asking.is_quiet(local.hour)


def test_the_usual_day_has_three_questions_that_come_at_all_waking_hours():
    plans = [plan(Asking(), MONDAY, LONDON, SeededEntropy(seed)) for seed in range(200)]
    assert {len(one) for one in plans} == {3}
    assert {datetime.fromtimestamp(at, LONDON).hour for one in plans for at in one} == set(range(8, 22))


def test_a_question_is_due_at_its_moment_and_soon_let_go():
    planned = plan(Asking(), MONDAY, LONDON, SeededEntropy(1))
    at = datetime.fromtimestamp(planned[0], UTC)
    assert ask(planned, at).at == planned[0]
    assert ask(planned, at - timedelta(seconds=1)) is None
    assert ask(planned, at + timedelta(seconds=GRACE_SECONDS)) is None


def test_nobody_is_asked_twice_within_two_hours_of_a_question_or_of_a_mood():
    planned = plan(Asking(), MONDAY, LONDON, SeededEntropy(1))
    at = datetime.fromtimestamp(planned[0], UTC)
    assert ask(planned, at, asked=(planned[0] - 7199,)) is None
    assert ask(planned, at, said=(planned[0] - 60,)) is None
    assert ask(planned, at, said=(planned[0] - 7200,)) is not None


def test_a_clock_that_was_set_back_neither_silences_nor_multiplies_questions():
    planned = plan(Asking(), MONDAY, LONDON, SeededEntropy(1))
    at = datetime.fromtimestamp(planned[0], UTC)
    assert ask(planned, at, asked=(planned[0] + 10**6,)) is not None
    same_day = tuple(planned[0] - 60 * 121 - step for step in (1, 2, 3))
    assert ask(planned, at, asked=same_day) is None


def test_in_quiet_hours_even_a_planned_question_waits():
    night = datetime(2026, 3, 2, 23, tzinfo=LONDON)
    assert ask((int(night.timestamp()),), night) is None


def test_after_a_moment_the_next_question_comes_two_to_three_hours_later():
    assert all(7200 <= follow_up(0, SeededEntropy(seed)) <= 3 * 3600 for seed in range(100))


def test_wishes_are_kept_and_broken_ones_are_as_the_usual():
    asking = Asking(times=2, quiet_from=0, quiet_to=6)
    assert Asking.from_note(dict(asking.as_note())) == asking
    for broken in (None, {"times": 99}, {"times": "often"}, ["times"], 7):
        assert Asking.from_note(broken) == Asking()
    with pytest.raises(ValueError, match="questions a day"):
        Asking(times=7)


def ask(planned, now, *, asked=(), said=()):
    return due(Asking(), planned, asked=asked, said=said, now=now, zone=LONDON)
