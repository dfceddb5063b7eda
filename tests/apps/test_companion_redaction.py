"""Redaction: hours are cut out of what was logged, second by second as the wall said, and what is gone stays gone."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.apps.companion.device.diary import Diary, Label
from choral.apps.companion.device.entries import Entry
from choral.apps.companion.device.portable import restore
from choral.apps.companion.device.redaction import fragments_in, joined, spans_of, without
from choral.errors import UsageError
from choral.storage import MemoryDeviceStore

DAY = date(2026, 3, 4)
MIDNIGHT = (DAY - date(1970, 1, 1)).days * 86_400
EXPORT = "choral companion export 1"
spans = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)).map(lambda one: (one[0], sum(one))), max_size=6)


def home(hour, hours, *, offset=0, back=0):
    """At home for some hours, told by a wall that is `offset` minutes east."""
    return Entry(MIDNIGHT - 86_400 * back + 3600 * hour - 60 * offset, 3600 * hours, offset, "place", "home", "timeline")


@given(st.integers(0, 50), st.integers(0, 20), spans)
def test_of_each_second_it_is_kept_or_gone_as_the_spans_say(start, seconds, gone):
    left = without(Entry(start, seconds, 0, "app", "video", "watcher"), joined(gone))
    kept = {second for one in left for second in range(one.start, max(one.end, one.start + 1))}
    assert kept == set(range(start, max(start + seconds, start + 1))) - {
        at for first, last in gone for at in range(first, last)
    }


@given(spans)
def test_spans_that_meet_become_one_and_no_second_is_lost(given_):
    found = joined(given_)
    assert {at for one in found for at in range(*one)} == {at for one in given_ for at in range(*one)}
    assert all(one[1] < following[0] for one, following in pairwise(found))


@pytest.mark.parametrize("per_day", [12, 24, 48])
def test_the_fragments_of_a_span_are_those_that_it_was_made_of(per_day):
    spans = spans_of(DAY, [1, 2, per_day - 1], per_day)
    assert fragments_in(spans, DAY, per_day) == {1, 2, per_day - 1}
    assert fragments_in(spans, DAY + timedelta(days=1), per_day) == frozenset()


@pytest.mark.parametrize("offset", [0, 540, -480])
def test_what_began_before_or_ends_later_is_cut_by_the_clock_that_its_wall_showed(offset):
    diary = Diary(MemoryDeviceStore())
    diary.add([home(22, 10, offset=offset, back=1), home(22, 1, offset=offset)])
    diary.redact(DAY, [0, 1, 2, 22])
    kept = diary.days(DAY - timedelta(days=1), DAY + timedelta(days=1))
    told = [(one.local.day, one.local.hour, one.seconds // 3600) for entries in kept.values() for one in entries]
    assert told == [(3, 22, 2), (4, 3, 5)]


def test_no_later_file_and_no_export_of_before_bring_it_back():
    diary = Diary(MemoryDeviceStore())
    diary.add([home(0, 8)])
    diary.label(DAY, {3: Label("a walk", "person")})
    before = {"format": EXPORT, "diary": diary.export()}
    diary.redact(DAY, range(24))
    diary.add([home(0, 8), home(22, 4, back=1)])
    assert restore(diary, before).labels == 0
    assert diary.day(DAY) == ()
    assert diary.labels(DAY, DAY) == {}
    assert diary.redacted(DAY) == frozenset(range(24))


def test_where_an_export_goes_its_redactions_go_too():
    diary, other = Diary(MemoryDeviceStore()), Diary(MemoryDeviceStore())
    diary.redact(DAY, [3, 4])
    other.redact(DAY, [9])
    restore(other, {"format": EXPORT, "diary": diary.export()})
    assert other.redacted(DAY) == {3, 4, 9}
    damaged = {**diary.export(), "notes": {"redacted": [[5, 2]]}}
    with pytest.raises(UsageError, match="damaged"):
        restore(other, {"format": EXPORT, "diary": damaged})


def test_a_file_in_an_export_that_says_no_time_is_damage_and_nothing_is_put_back():
    diary, other = Diary(MemoryDeviceStore()), Diary(MemoryDeviceStore())
    diary.label(DAY, {3: Label("a walk", "person")})
    damaged = {**diary.export(), "imports": {"00": ["daylio", "moods.csv", "yesterday", 3, 1, 0, ""]}}
    with pytest.raises(UsageError, match="damaged"):
        restore(other, {"format": EXPORT, "diary": damaged})
    assert (other.imports(), other.labels(DAY, DAY)) == ((), {})


def test_hours_can_be_labelled_again_by_hand():
    diary = Diary(MemoryDeviceStore())
    diary.redact(DAY, [3])
    diary.label(DAY, {3: Label("a walk", "person")})
    assert diary.labels(DAY, DAY)[DAY][3].activity == "a walk"
    diary.forget()
    assert diary.redacted(DAY) == frozenset()
