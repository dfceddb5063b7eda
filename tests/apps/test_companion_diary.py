"""The companion's diary: twice is once, a day is the local day, nothing is lost, and what is forgotten is gone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.apps.companion.device.diary import Diary, Import, Label, Mood
from choral.apps.companion.device.entries import Entry, entry_of, from_json, merged, to_json
from choral.storage import MemoryDeviceStore, SqliteDeviceStore

LONDON, TOKYO = ZoneInfo("Europe/London"), ZoneInfo("Asia/Tokyo")
DAY = date(2026, 3, 4)
ENTRIES = st.builds(
    Entry,
    start=st.integers(1_770_000_000, 1_770_003_600),
    seconds=st.integers(0, 600),
    offset=st.just(0),
    kind=st.sampled_from(("app", "site")),
    what=st.sampled_from(("video", "news")),
    source=st.just("test"),
)


def at(hour, minute=0, *, day=DAY, zone=LONDON, minutes=10, what="video"):
    start = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
    return entry_of(start, start + timedelta(minutes=minutes), kind="app", what=what, source="test")


@pytest.fixture
def diary():
    return Diary(MemoryDeviceStore())


@given(st.lists(ENTRIES, max_size=20), st.lists(ENTRIES, max_size=20))
def test_merging_is_idempotent_and_takes_no_notice_of_order(first, second):
    once = merged(first, second)
    assert merged(once, [*first, *second]) == once
    assert merged(second, first) == once
    assert from_json(to_json(once)) == once


@given(st.lists(ENTRIES, max_size=20))
def test_merging_loses_no_second_of_any_class(entries):
    def seconds(rows):
        return {(one.kind, one.what, second) for one in rows for second in range(one.start, one.end)}

    assert seconds(merged((), entries)) == seconds(entries)


def test_the_same_file_twice_adds_nothing(diary):
    rows = [at(9), at(10), at(9, 5)]
    assert diary.add(rows) == (2, 0)
    before = diary.day(DAY)
    assert diary.add(rows) == (0, 3)
    assert diary.day(DAY) == before


def test_a_day_is_the_local_day_wherever_the_person_was(diary):
    diary.add([at(0, 30, zone=TOKYO), at(23, 30, zone=LONDON)])
    assert [one.local.hour for one in diary.day(DAY)] == [0, 23]


def test_the_hour_that_happens_twice_keeps_both_of_its_halves(diary):
    autumn = date(2026, 10, 25)
    early = datetime(2026, 10, 25, 1, 30, tzinfo=LONDON)
    late = early.replace(fold=1)
    ends = [(one.astimezone(UTC) + timedelta(minutes=5)).astimezone(LONDON) for one in (early, late)]
    rows = [
        entry_of(begin, end, kind="app", what="mail", source="test") for begin, end in zip((early, late), ends, strict=True)
    ]
    diary.add(rows)
    found = diary.day(autumn)
    assert [one.offset for one in found] == [60, 0]
    assert found[1].start - found[0].start == 3600
    assert [one.local.hour for one in found] == [1, 1]


def test_labels_and_moods_are_kept_by_fragment_and_can_be_unsaid(diary):
    diary.label(DAY, {9: Label("work", "guess", 70), 10: Label("eating", "person")})
    diary.label(DAY, {9: Label("work", "person"), 10: None})
    assert diary.labels(DAY, DAY) == {DAY: {9: Label("work", "person")}}
    mood = Mood(70, 40, external=False, at=1_770_000_000)
    diary.feel(DAY, {9: mood})
    assert diary.moods(DAY - timedelta(days=3), DAY + timedelta(days=3)) == {DAY: {9: mood}}


def test_the_extent_is_the_first_and_the_last_day(diary):
    assert diary.extent() is None
    diary.add([at(9)])
    diary.feel(DAY + timedelta(days=9), {0: Mood(50, 50, external=False, at=0)})
    assert diary.extent() == (DAY, DAY + timedelta(days=9))


def test_what_is_redacted_is_gone_and_the_rest_stays(diary):
    diary.add([at(9), at(10), at(11)])
    diary.label(DAY, {9: Label("work", "person"), 10: Label("sport", "person")})
    diary.redact(DAY, [10])
    assert [one.local.hour for one in diary.day(DAY)] == [9, 11]
    assert set(diary.labels(DAY, DAY)[DAY]) == {9}


def test_imports_and_notes_are_kept_and_exported(diary):
    row = Import("daylio", "moods.csv", 1_770_000_000, 3, 1, 0)
    diary.imported(bytes(32), row)
    diary.keep_note("quiet", [22, 7])
    assert diary.was_imported(bytes(32)) == row
    assert diary.was_imported(b"\1" * 32) is None
    assert diary.note("quiet") == [22, 7]
    exported = diary.export()
    assert exported["imports"][bytes(32).hex()][1] == "moods.csv"
    assert exported["notes"]["quiet"] == [22, 7]


def test_the_export_holds_everything_and_forgetting_leaves_nothing(diary):
    diary.add([at(9)])
    diary.label(DAY, {9: Label("work", "person")})
    diary.feel(DAY, {9: Mood(70, 40, external=True, at=5)})
    exported = diary.export()
    assert exported["days"]["2026-03-04"][0][4] == "video"
    assert exported["labels"]["2026-03-04"]["9"] == ["work", "person", 100]
    assert exported["moods"]["2026-03-04"]["9"] == [70, 40, True, 5]
    diary.forget()
    assert diary.export() == {"days": {}, "labels": {}, "moods": {}, "imports": {}, "notes": {}}
    assert diary.extent() is None


def test_nothing_of_it_can_be_read_in_the_files(tmp_path):
    store = SqliteDeviceStore(tmp_path / "store.sqlite", bytes(range(32)))
    diary = Diary(store)
    diary.add([at(9, what="a canary that sings")])
    diary.keep_note("canary note", "sings too")
    store.close()
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"canary" not in data
    assert b"sings" not in data


@pytest.mark.parametrize(
    "broken",
    [
        {"seconds": -1},
        {"seconds": 48 * 3600 + 1},
        {"start": -1},
        {"offset": 2000},
        {"kind": "thought"},
        {"what": ""},
        {"what": "x" * 81},
        {"source": ""},
    ],
)
def test_an_entry_that_cannot_be_is_refused(broken):
    sound = {"start": 1, "seconds": 1, "offset": 0, "kind": "app", "what": "x", "source": "s"}
    with pytest.raises(ValueError, match="need"):
        Entry(**{**sound, **broken})


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        entry_of(datetime(2026, 1, 1), kind="app", what="x", source="s")  # noqa: DTZ001
    with pytest.raises(ValueError, match="need"):
        entry_of(datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), kind="app", what="x", source="s")
