"""Importers: each kind of file gives what it says, keeps nothing raw, twice is once, and broken files lose nothing."""

import json
import threading
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from zoneinfo import ZoneInfo

import pytest

from choral.apps.companion.device.diary import Diary
from choral.apps.companion.device.entries import Entry, to_json
from choral.apps.companion.device.imports import absorb, import_file
from choral.apps.companion.importers import IMPORTERS, Context, Felt, Skipped, importer_for
from choral.apps.companion.importers.activitywatch import fetch
from choral.apps.companion.importers.classes import app_class, site_class
from choral.apps.companion.importers.places import cell_of
from choral.errors import UsageError
from choral.storage import MemoryDeviceStore

from . import companion_files as files

LONDON = Context(ZoneInfo("Europe/London"), frozenset({"alice@example.org"}))
DAY = date(2026, 3, 4)
NOW = datetime(2026, 3, 5, tzinfo=UTC)


def found(make, folder, context=LONDON):
    path = make(folder)
    return list(importer_for(path).read(path, context))


def said(rows):
    return [(one.kind, one.what, f"{one.local:%H:%M}", one.seconds // 60) for one in rows if isinstance(one, Entry)]


EXPECTED = {
    "day log": {
        ("app", "video", "09:00", 20), ("site", "news", "10:00", 5), ("call", "out", "11:00", 10), ("text", "in", "12:00", 0),
        ("place", "home", "00:00", 480), ("place", "elsewhere", "09:00", 30),
    },
    "ActivityWatch": {("app", "browser", "09:00", 10), ("idle", "away", "10:00", 10), ("site", "video", "12:00", 10)},
    "Google Maps Timeline": {("place", "home", "00:00", 480), ("place", "walking", "08:00", 30)},
    "Chromium history": {("site", "video", "09:00", 5), ("site", "learning", "09:10", 30)},
    "Firefox history": {("site", "work", "09:00", 2), ("site", "mail", "09:02", 30)},
    "Daylio": set(),
    "iCalendar": {("calendar", "a meeting", "09:00", 30), ("calendar", "all day", "00:00", 1440)},
    "mail (mbox)": {("mail", "out", "09:00", 0), ("mail", "in", "10:00", 0)},
    "Takeout: My Activity": {("media", "video", "20:00", 0), ("site", "search", "21:00", 0)},
    "film history": {("media", "video", "20:00", 45)},
    "music history": {("media", "music", "08:27", 3)},
    "Android usage events": {("app", "messages", "09:00", 10), ("app", "browser", "10:00", 15)},
}  # fmt: skip
SKIPPED = {"Chromium history": 1, "Daylio": 1, "mail (mbox)": 1, "Takeout: My Activity": 1, "Android usage events": 2}


@pytest.mark.parametrize("kind", files.EACH)
def test_each_kind_of_file_is_known_and_says_what_it_says(kind, tmp_path):
    path = files.EACH[kind](tmp_path)
    assert importer_for(path).name == kind
    rows = list(importer_for(path).read(path, LONDON))
    assert set(said(rows)) == EXPECTED[kind]
    assert sum(isinstance(one, Skipped) for one in rows) == SKIPPED.get(kind, 0)


def test_there_is_a_test_file_of_every_kind():
    assert {one.name for one in IMPORTERS} == set(files.EACH) == set(EXPECTED)


@pytest.mark.parametrize("kind", files.EACH)
def test_nothing_raw_stays(kind, tmp_path):
    rows = found(files.EACH[kind], tmp_path)
    kept = (
        to_json([one for one in rows if isinstance(one, Entry)])
        + repr([one for one in rows if not isinstance(one, Entry)]).encode()
    )
    assert not [canary for canary in files.CANARIES if canary in kept]


@pytest.mark.parametrize("kind", files.EACH)
def test_the_same_file_twice_is_one_import_and_adds_nothing(kind, tmp_path):
    diary, path = Diary(MemoryDeviceStore()), files.EACH[kind](tmp_path)
    first = import_file(diary, path, LONDON, now=NOW)
    before = diary.export()
    again = import_file(diary, path, LONDON, now=NOW)
    assert (first.new > 0, again.new, again.known) == (True, 0, first.new + first.known)
    assert diary.export() == before
    copy = tmp_path / f"copy-{path.name}"
    copy.write_bytes(path.read_bytes() + b"\n" if path.suffix in (".json", ".csv", ".txt") else path.read_bytes())
    import_file(diary, copy, LONDON, now=NOW, name=path.name)
    assert {name: part for name, part in diary.export().items() if name != "imports"} == {
        name: part for name, part in before.items() if name != "imports"
    }


@pytest.mark.parametrize(
    "kind", [one for one in files.EACH if one not in ("Chromium history", "Firefox history", "iCalendar", "day log")]
)
def test_a_file_that_is_cut_off_gives_what_came_before(kind, tmp_path):
    path = files.EACH[kind](tmp_path)
    importer = importer_for(path)
    path.write_bytes(path.read_bytes()[: -len(path.read_bytes()) // 3])
    rows = list(importer.read(path, LONDON))
    assert set(said(rows)) <= EXPECTED[kind]


@pytest.mark.parametrize("kind", ["ActivityWatch", "Google Maps Timeline", "Chromium history", "Takeout: My Activity"])
def test_what_of_a_file_could_not_be_read_is_said_with_its_reason(kind, tmp_path):
    path = files.EACH[kind](tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    row = import_file(Diary(MemoryDeviceStore()), path, LONDON, now=NOW)
    assert row.skipped
    assert "cut off" in row.why or "cannot be read further" in row.why


@pytest.mark.parametrize("kind", ["Chromium history", "Firefox history"])
def test_a_damaged_history_is_said_to_be_one(kind, tmp_path):
    path = files.EACH[kind](tmp_path)
    importer = importer_for(path)
    path.write_bytes(path.read_bytes()[:5000] + b"garbage" * 100)
    assert any(isinstance(one, Skipped) for one in importer.read(path, LONDON))


@pytest.mark.parametrize(
    ("data", "words"), [(b"", "is empty"), (b"PK\3\4 and so on", "unpack it"), (b"\x1f\x8b\x08", "unpack it")]
)
def test_what_has_nothing_to_read_yet_is_refused_with_what_to_do(data, words, tmp_path):
    (tmp_path / "takeout.zip").write_bytes(data)
    with pytest.raises(UsageError, match=words):
        importer_for(tmp_path / "takeout.zip")


@pytest.mark.parametrize("text", ["{}", "[]", "hello", "a,b,c\n1,2,3\n", "\x00\x01\x02", '{"zone": 3}'])
def test_what_is_no_known_file_is_refused_with_the_list_of_those_that_are(text, tmp_path):
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(UsageError, match="Daylio"):
        importer_for(tmp_path / "file.json")


@pytest.mark.parametrize(
    "text",
    ['{"zone": "Europe/London", "apps": ', '{"zone": "Nowhere/Land", "apps": []}', '{"zone": "Europe/London", "apps": 3}'],
)
def test_a_broken_day_log_is_refused_whole(text, tmp_path):
    (tmp_path / "2026-03-04.json").write_text(text)
    diary = Diary(MemoryDeviceStore())
    with pytest.raises(UsageError):
        import_file(diary, tmp_path / "2026-03-04.json", LONDON, now=NOW)
    assert diary.extent() is None


def test_home_and_work_are_found_from_raw_points(tmp_path):
    hours: dict[str, int] = {}
    for one in found(files.records, tmp_path):
        hours[one.what] = hours.get(one.what, 0) + one.seconds // 3600
    assert set(hours) == {"home", "work"}
    assert hours["home"] > hours["work"] > 30


def test_the_older_timeline_is_read_too(tmp_path):
    assert set(said(found(files.semantic_history, tmp_path))) == {
        ("place", "work", "09:00", 480),
        ("place", "cycling", "17:00", 30),
    }


def test_a_repeated_event_skips_its_exception_and_keeps_its_hour_when_the_clocks_change(tmp_path):
    rows = [one for one in found(files.calendar, tmp_path) if one.what == "a meeting"]
    assert [one.day.isoformat() for one in rows] == ["2026-03-04", "2026-03-18", "2026-03-25", "2026-04-01"]
    assert {one.local.hour for one in rows} == {9}
    assert [one.offset for one in rows] == [0, 0, 0, 60]


def test_moods_of_daylio_become_moods_where_the_person_has_said_nothing(tmp_path):
    rows = found(files.daylio, tmp_path)
    assert [(one.valence, one.activities) for one in rows if isinstance(one, Felt)] == [(70, ("reading", "friends")), (10, ())]
    diary = Diary(MemoryDeviceStore())
    import_file(diary, tmp_path / "daylio_export.csv", LONDON, now=NOW)
    moods = diary.moods(DAY, DAY)[DAY]
    assert {hour: mood.valence for hour, mood in moods.items()} == {8: 10, 21: 70}


def test_an_imported_mood_lands_in_the_fragment_of_its_time_however_a_day_is_cut(tmp_path):
    path = files.daylio(tmp_path)
    for per_day, fragments in ((12, {4, 10}), (24, {8, 21}), (48, {16, 43})):
        diary = Diary(MemoryDeviceStore())
        import_file(diary, path, LONDON, now=NOW, per_day=per_day)
        assert set(diary.moods(DAY, DAY)[DAY]) == fragments


def test_a_time_with_its_own_offset_keeps_it_and_utc_is_told_by_the_place(tmp_path):
    tokyo = Context(ZoneInfo("Asia/Tokyo"))
    (mail,) = [one for one in found(files.mailbox, tmp_path, tokyo) if isinstance(one, Entry) and one.offset == 60]
    assert f"{mail.local:%H:%M}" == "09:00"
    assert {one.offset for one in found(files.my_activity, tmp_path, tokyo) if isinstance(one, Entry)} == {540}


def test_an_import_that_was_interrupted_goes_on_without_doubling(tmp_path):
    diary, path = Diary(MemoryDeviceStore()), files.records(tmp_path)
    rows = found(files.records, tmp_path)

    def broken():
        yield from rows[:7]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        absorb(diary, broken())
    import_file(diary, path, LONDON, now=NOW)
    whole = Diary(MemoryDeviceStore())
    import_file(whole, path, LONDON, now=NOW)
    assert diary.export()["days"] == whole.export()["days"]


def test_activitywatch_is_asked_on_this_machine_only(tmp_path):
    buckets = json.loads(files.activitywatch(tmp_path).read_text())["buckets"]

    class Api(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.split("?")[0].removeprefix("/api/0/buckets/")
            body = buckets if not name else buckets[name.split("/")[0]]["events"]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        rows = list(fetch(LONDON, since=NOW.replace(day=1), until=NOW, url=url))
        server.shutdown()
    assert set(said(rows)) == EXPECTED["ActivityWatch"]
    with pytest.raises(UsageError, match="does not answer"):
        list(fetch(LONDON, since=NOW, until=NOW, url=url))
    with pytest.raises(UsageError, match="not on this machine"):
        list(fetch(LONDON, since=NOW, until=NOW, url="https://activitywatch.example"))


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("https://www.youtube.com/watch?v=1", "video"),
        ("https://docs.google.com/d/1", "work"),
        ("https://www.google.co.uk/search?q=x", "search"),
        ("https://mail.google.com/", "mail"),
        ("https://en.wikipedia.org/wiki/X", "learning"),
        ("https://www.gov.uk/tax", "public services"),
        ("https://notyoutube.example/", "other site"),
        ("http://[broken", "other site"),
        ("javascript:alert(1)", "other site"),
    ],
)
def test_sites_have_classes(url, what):
    assert site_class(url) == what


def test_apps_have_classes():
    assert [app_class(one) for one in ("org.mozilla.firefox", "Code", "line", "deadline", "")] == [
        "browser", "work", "messages", "other app", "other app",
    ]  # fmt: skip


@pytest.mark.parametrize("place", [(91.0, 0.0), (0.0, 181.0), (float("nan"), 0.0)])
def test_what_is_no_place_is_refused(place):
    with pytest.raises(ValueError, match="degrees"):
        cell_of(*place)
