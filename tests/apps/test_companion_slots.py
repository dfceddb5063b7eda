"""Ten-minute slots of a local day: real time, the clock on the wall, and what went on."""

from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from choral.apps.companion.device.entries import Entry
from choral.apps.companion.device.slots import bounds, slots_of

from .companion_records import MONDAY, noon, used

LONDON, TOKYO, SAO_PAULO = ZoneInfo("Europe/London"), ZoneInfo("Asia/Tokyo"), ZoneInfo("America/Sao_Paulo")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
ENTRIES = st.lists(
    st.builds(
        Entry,
        start=st.integers(int(noon().timestamp()) - 10**5, int(noon().timestamp()) + 10**5),
        seconds=st.integers(0, 48 * 3600),
        offset=st.sampled_from((-600, 0, 60, 540)),
        kind=st.sampled_from(("app", "site", "place", "calendar", "idle", "call")),
        what=st.sampled_from(("video", "away", "home", "browser")),
        source=st.just("test"),
    ),
    max_size=8,
)


def test_a_day_has_24_hours_and_23_or_25_where_the_clock_is_changed():
    assert [slots_of((), day, LONDON).hours for day in (MONDAY, SPRING, AUTUMN)] == [24, 23, 25]


def test_an_hour_that_was_skipped_has_no_slot_and_one_that_came_twice_has_two():
    spring, autumn = slots_of((), SPRING, LONDON), slots_of((), AUTUMN, LONDON)
    assert spring.of(1) == ()
    assert 1 not in spring.fragments
    assert len(spring.fragments) == 23
    assert len(autumn.of(1)) == 12
    assert len(autumn.fragments) == 24


def test_a_day_that_has_no_midnight_begins_at_one():
    day = slots_of((), date(2018, 11, 4), SAO_PAULO)
    assert (day.hours, day.fragments[0]) == (23, 1)


def test_sleep_that_began_the_evening_before_fills_the_night():
    sleep = used(MONDAY - timedelta(days=1), 23, "away", kind="idle", minutes=480)
    night = slots_of((sleep,), MONDAY, UTC)
    assert [fragment for fragment in night.fragments if night.of(fragment)[0].doing == "idle:away"] == list(range(7))


def test_an_entry_over_the_change_of_the_clock_lasts_as_long_as_it_did():
    night = Entry(bounds(SPRING, LONDON)[0], 3 * 3600, 0, "idle", "away", "test")
    slots = slots_of((night,), SPRING, LONDON)
    assert [place for place in slots.fragments if slots.of(place)[0].doing] == [0, 2, 3]
    assert sum(bool(slot.doing) for slot in slots.slots) == 18


def test_on_a_journey_the_wall_that_the_person_saw_counts():
    breakfast = used(MONDAY, 8, "news", kind="site", zone=TOKYO)
    assert slots_of((breakfast,), MONDAY, LONDON).of(8)[0].doing == "site:news"


def test_a_slot_holds_what_lasted_longest_where_and_what_was_planned():
    entries = (
        used(MONDAY, 9, "browser", minutes=60),
        used(MONDAY, 9, "video", kind="site", minutes=40),
        used(MONDAY, 9, "home", kind="place", minutes=60),
        used(MONDAY, 9, "a meeting", kind="calendar", minutes=60),
        used(MONDAY, 9, "away", kind="idle", minutes=5),
    )
    day = slots_of(entries, MONDAY, UTC)
    first = day.of(9)[0]
    assert (first.doing, first.place, first.planned) == ("site:video", "home", "a meeting")
    assert day.summary(9) == "video 40 min, browser 20 min, at home, planned: a meeting"
    assert day.summary(3) == "nothing was logged"


@given(ENTRIES, st.sampled_from((LONDON, TOKYO, SAO_PAULO)), st.sampled_from((MONDAY, SPRING, AUTUMN)))
def test_whatever_was_logged_a_day_is_whole(entries, zone, day):
    found = slots_of(entries, day, zone)
    first, last = bounds(day, zone)
    assert [slot.start for slot in found.slots] == list(range(first, last, 600))
    assert all(0 <= slot.fragment < 24 for slot in found.slots)
