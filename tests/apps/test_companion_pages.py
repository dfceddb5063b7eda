"""The companion's pages over HTTP: what they show, what they change, and what they never keep."""

import json
import re
import sqlite3
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from choral.apps.companion.device.diary import Label, Mood
from choral.apps.companion.device.entries import Entry
from choral.apps.companion.device.home import STORE
from choral.apps.companion.device.labelling import chosen
from choral.apps.companion.device.turns import Turn
from choral.apps.companion.device.watcher import Seen
from choral.apps.companion.page import Settings
from choral.apps.companion.page.desk import learn
from choral.apps.companion.page.families import FAMILIES, by_family, family
from choral.apps.companion.page.forms import incoming
from choral.apps.companion.page.mind import keep_turns, turns_of
from choral.apps.companion.page.settings import recut
from choral.errors import StoreError
from tests.apps.companion_files import CANARIES, EACH, day_log, daylio, timeline
from tests.apps.companion_site import CANARY, GOOD, NOW, TODAY, Site, lived, settings_form

SECOND = int(NOW.timestamp())


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path).begin()
    yield made
    made.desk.lock()


def low_mood(site, fragment=12):
    """Say that it feels bad, now."""
    return site.post("/today/mood", day=TODAY, fragment=fragment, valence=10, energy=20)


# First run and lock


def test_the_first_run_asks_twice_for_a_passphrase_and_makes_nothing_before(tmp_path):
    site = Site(tmp_path).enter()
    assert site.ask("GET", "/").headers["location"] == "/begin"
    for first, again in (("short", "short"), (GOOD, "another one")):
        answer = site.ask("POST", "/begin", {"passphrase": first, "again": again})
        assert answer.status_code == 409
        assert 'role="alert"' in answer.text
        assert first not in answer.text
    assert not site.home.exists
    assert site.begin().get("/welcome/consent").count("knows no server") == 1


def test_wrong_passphrases_are_told_alike_and_then_cost_time(site):
    site.post("/lock")
    answers = [site.unlock(wrong) for wrong in ("not it", GOOD[:-1], GOOD.upper())]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert len({answer.text for answer in answers}) == 1
    for passphrase in (GOOD, "not it"):
        answer = site.unlock(passphrase)
        assert answer.status_code == 429
        assert "wait" in answer.text
    site.now += timedelta(seconds=10)
    assert site.unlock().headers["location"] == "/today"


def test_a_wrong_passphrase_in_another_browser_does_not_lock_this_one(site):
    door_only = {"choral-8123": site.cookies["choral-8123"]}
    assert site.ask("POST", "/unlock", {"passphrase": "not it"}, cookies=door_only).status_code == 403
    assert site.get("/today")


def test_it_locks_by_itself_and_a_page_that_was_left_open_changes_nothing(site):
    site.now += timedelta(minutes=16)
    answer = site.ask("POST", "/today/label", {"day": TODAY, "first": 1, "last": 1, "activity": "sleeping"})
    assert answer.status_code == 423
    assert not site.home.is_open
    site.unlock()
    assert site.diary.labels(TODAY, TODAY) == {}


def test_a_store_of_a_newer_version_is_told_and_left_alone(site):
    site.post("/lock")
    with sqlite3.connect(site.home.folder / STORE) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = (site.home.folder / STORE).read_bytes()
    answer = site.unlock()
    assert answer.status_code == 409
    assert "update choral" in answer.text
    assert (site.home.folder / STORE).read_bytes() == before


class Ring:
    """A keyring of one value that can be locked."""

    def __init__(self):
        self.kept, self.is_locked = b"", False

    def witness(self):
        self._require()
        return self.kept

    def keep(self, value):
        self._require()
        self.kept = value

    def _require(self):
        if self.is_locked:
            raise StoreError("the operating system's keyring does not answer; unlock it and try again")


def test_a_keyring_opens_it_if_the_person_wished_and_a_locked_one_says_so(tmp_path):
    ring = Ring()
    site = Site(tmp_path, ring=ring).begin()
    site.post("/lock")
    answer = site.ask("POST", "/unlock", {"ring": "1"})
    assert (answer.status_code, "does not hold" in answer.text) == (409, True)
    site.unlock()
    site.post("/data/passphrase", before=GOOD, passphrase="another good one", again="another good one", ring="on")
    site.post("/lock")
    assert site.ask("POST", "/unlock", {"ring": "1"}).headers["location"] == "/today"
    site.post("/lock")
    ring.is_locked = True
    answer = site.ask("POST", "/unlock", {"ring": "1"})
    assert (answer.status_code, "unlock it and try again" in answer.text) == (409, True)
    assert site.unlock("another good one").headers["location"] == "/today"


# Today


def test_two_taps_label_hours_and_a_third_takes_it_back(site):
    page = site.get(f"/today?day={TODAY}&at=0&to=6")
    assert page.count('name="activity"') > len(by_family())
    page = site.post("/today/label", day=TODAY, first=0, last=6, activity="sleeping")
    assert "7 of 13 hours labelled" in page
    assert "<strong>sleeping</strong>" in page
    site.post("/today/label", day=TODAY, first=0, last=2, activity="")
    assert sorted(site.diary.labels(TODAY, TODAY)[TODAY]) == [3, 4, 5, 6]


def test_guesses_come_with_their_confidence_and_one_tap_says_yes(site):
    lived(site.diary, days=10, last=TODAY - timedelta(days=1))
    site.diary.add(Entry(one.start + 86_400, one.seconds, 0, one.kind, one.what, one.source) for one in
                   site.diary.day(TODAY - timedelta(days=1)))  # fmt: skip
    site.desk.renew(site.desk.open_room())
    page = site.get("/today")
    yes = re.search(r'name="first" value="(\d+)"><input type="hidden" name="last" value="(\d+)"><button class="button main" '
                    r'name="activity" value="([^"]+)"', page)  # fmt: skip
    assert "% sure" in page
    first, last, activity = int(yes[1]), int(yes[2]), yes[3]
    site.post("/today/label", day=TODAY, first=first, last=last, activity=activity)
    assert site.diary.labels(TODAY, TODAY)[TODAY][first] == Label(activity, "person")


def test_hours_that_have_not_begun_cannot_be_labelled_or_felt(site):
    site.post("/today/label", day=TODAY, first=11, last=20, activity="working")
    assert sorted(site.diary.labels(TODAY, TODAY)[TODAY]) == [11, 12]
    assert site.ask("POST", "/today/mood", {"day": TODAY, "fragment": 13, "valence": 1, "energy": 1}).status_code == 400


def test_a_mood_has_a_fine_scale_and_another_cause_is_kept_apart(site):
    site.post("/today/mood", day=TODAY, fragment=12, valence=73, energy=8)
    assert site.diary.moods(TODAY, TODAY)[TODAY][12] == Mood(73, 8, False, SECOND)
    page = site.post("/today/mood", day=TODAY, fragment=12, valence=5, energy=8, external="on")
    assert "left out of all learning" in page
    assert "because of something else" in page
    site.post("/today/mood", day=TODAY, fragment=12, unsay="1", valence=5, energy=8)
    assert TODAY not in site.diary.moods(TODAY, TODAY)


def test_a_day_on_which_the_clock_is_changed_is_shown_as_it_was(site):
    site.now = site.now.replace(month=3, day=29, hour=20)
    site.enter().unlock()
    page = site.get("/today?day=2026-03-29")
    assert "it has 23 hours" in page
    assert 'id="h1"' not in page
    site.post("/today/label", day="2026-03-29", first=0, last=3, activity="sleeping")
    assert 1 not in next(iter(site.diary.labels(site.now.date(), site.now.date()).values()))


def test_a_question_is_shown_when_it_is_due_and_until_it_is_answered(site):
    site.diary.keep_note("questions", {"day": str(TODAY), "plan": [SECOND + 600], "asked": [], "open": None})
    asked = []
    for _ in range(12):
        asked.append("How do you feel right now?" in site.get("/today"))
        site.now += timedelta(minutes=5)
    assert asked == [False, False, *[True] * 9, False]
    site.diary.keep_note("questions", {"day": str(TODAY), "plan": [SECOND + 3600], "asked": [], "open": None})
    assert "How do you feel right now?" in site.get("/today")
    hour = site.desk.now().hour
    assert "How do you feel right now?" not in site.post("/today/mood", day=TODAY, fragment=hour, valence=50, energy=50)


# Week and mood


def test_the_week_is_seven_strips_with_the_same_in_words(site):
    lived(site.diary, days=3)
    page = site.get("/week")
    assert page.count('class="film" role="img"') == 7
    assert page.count('<span class="frame') == 7 * 24
    assert 'aria-label="Monday: 00:00–0' in page
    assert page.count('class="frame g1"') >= 20
    assert 'class="mark v' in page


def test_each_group_has_its_own_colour_and_word():
    assert {family(name) for _, names in by_family() for name in names} == set(FAMILIES)
    assert family("something from a newer version") == -1


def test_mood_is_drawn_with_its_uncertainty_and_without_other_causes(site):
    lived(site.diary, days=20)
    site.diary.feel(TODAY, {3: Mood(1, 1, True, SECOND)})
    for path in ("/mood", "/mood?by=week"):
        page = site.get(path)
        assert page.count('class="series"') == 2
        assert "one standard error" in page
        assert "because of something else, which is not drawn" in page
        assert "nothing here is a diagnosis" in page
    assert "No mood was said" in site.get("/mood?day=2020-01-01")


def test_one_mood_a_day_says_that_its_error_cannot_be_told(site):
    site.diary.feel(TODAY, {9: Mood(50, 50, False, SECOND)})
    assert "how sure these are cannot be told" in site.get("/mood")


# Suggestions


def test_a_low_mood_brings_one_small_thing_with_its_reason(site):
    site.post("/today/mood", day=TODAY, fragment=12, valence=95, energy=90)
    assert 'value="never"' not in site.get("/suggestions")
    made = [Turn(SECOND - 60, "best", "a walk", 0.6, 0.75, 10)]
    site.diary.keep_note("turns", [one.to_note() for one in made])
    page = site.get("/suggestions")
    assert page.count('value="never"') == 1
    assert "Go for a short walk" in page
    assert "not enough yet" in page.lower()
    assert "Never these" not in page
    page = site.post("/suggestions/answer", answer="never")
    assert "Never these" in page
    assert 'value="never"' not in page
    site.post("/suggestions/answer", answer="again", activity="a walk")
    assert site.diary.note("refused") == []
    assert [one["answer"] for one in site.diary.note("turns")] == ["not now"]


def test_every_moment_of_choice_is_kept_with_its_chance_and_a_later_mood_is_its_answer(site):
    low_mood(site)
    (first,) = site.diary.note("turns")
    assert first["made_chance"] == 0.75
    assert 0 < first["chance"] <= 1
    site.now += timedelta(minutes=10)
    low_mood(site)
    assert len(site.diary.note("turns")) == 1
    for _ in range(13):
        site.now += timedelta(minutes=10)
        site.get("/today")
    site.post("/today/mood", day=TODAY, fragment=14, valence=60, energy=50)
    assert site.diary.note("turns")[0]["after"] == 60
    assert len(site.diary.note("questions")["plan"]) >= 1


# Import


@pytest.mark.parametrize("kind", EACH)
def test_each_kind_of_file_comes_in_through_the_page_and_is_gone_afterwards(site, tmp_path, kind):
    path = EACH[kind](tmp_path)
    answer = site.send("/import", path, headers={"X-Mail-Addresses": "alice%40example.org"}).json()
    assert f"({kind})" in answer["said"]
    assert "problem" not in answer
    assert path.name in site.get("/import")
    assert list((site.home.folder / "incoming").iterdir()) == []
    assert not any(canary in json.dumps(site.diary.export()).encode() for canary in CANARIES)
    again = site.send("/import", path).json()
    assert "nothing is doubled" in again["said"]


def test_what_cannot_be_read_is_told_and_nothing_is_lost(site, tmp_path):
    site.diary.label(TODAY, {3: chosen("sleeping")})
    cut = tmp_path / "Timeline.json"
    cut.write_bytes(timeline(tmp_path).read_bytes()[:200])
    strange = tmp_path / "holiday.jpg"
    strange.write_bytes(b"\xff\xd8" + bytes(100))
    for path, words in ((strange, "holiday.jpg is none of those"), (cut, "cut off")):
        answer = site.send("/import", path)
        assert words in answer.json()["said"]
    assert answer.status_code in (200, 409)
    assert site.diary.labels(TODAY, TODAY)[TODAY][3].activity == "sleeping"
    assert list((site.home.folder / "incoming").iterdir()) == []


def test_a_file_on_its_way_in_has_no_name_that_a_killed_program_could_leave(tmp_path):
    with incoming(tmp_path) as path:
        path.write_bytes(b"canary")
        if Path("/proc/self/fd").exists():
            assert list((tmp_path / "incoming").iterdir()) == []
        assert path.read_bytes() == b"canary"
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_file_that_is_too_large_is_refused_before_it_is_read(site, tmp_path):
    path = day_log(tmp_path)
    answer = site.send("/import", path, headers={"Content-Length": str(2**30)})
    assert answer.status_code == 413
    assert "512 MB" in answer.json()["said"]
    assert site.diary.imports() == ()


@pytest.mark.parametrize(
    "name", ["../../vault.json", "C:\\Users\\me\\2026-03-04.json", "\x00\x1b[2J.json", "a" * 4000 + ".json"]
)
def test_a_files_name_is_no_path(site, tmp_path, name):
    site.send("/import", day_log(tmp_path), name=name)
    (row,) = site.diary.imports()
    assert "/" not in row.name
    assert "\\" not in row.name
    assert row.name.isprintable()
    assert 1 <= len(row.name) <= 120


def test_what_a_killed_program_left_is_deleted_at_the_next_start(site, tmp_path):
    left = site.home.folder / "incoming" / "left"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(CANARY.encode())
    Site(tmp_path)
    assert not left.exists()


def test_the_watcher_waits_in_memory_while_it_is_locked_and_writes_when_it_is_opened(tmp_path):
    site = Site(tmp_path, look=lambda: Seen("org.mozilla.firefox", away=False)).begin()
    site.post("/settings/watcher", on="1")
    site.post("/lock")
    for _ in range(4):
        site.now += timedelta(seconds=60)
        site.desk.watching.step(site.desk.now())
    assert site.desk.watching.waiting == 1
    site.unlock()
    assert [(one.what, one.seconds) for one in site.diary.day(TODAY)] == [("browser", 180)]
    site.post("/settings/watcher")
    site.desk.watching.step(site.desk.now())
    assert site.desk.watching.waiting == 0


# One's own data


def test_an_export_is_complete_and_can_be_put_back_into_another_companion(site, tmp_path):
    lived(site.diary, days=3)
    site.post("/settings", **settings_form(times=1, zone="Asia/Tokyo"))
    site.send("/import", day_log(tmp_path))
    exported = site.ask("GET", "/data/export")
    assert "attachment" in exported.headers["content-disposition"]
    path = tmp_path / "export.json"
    path.write_bytes(exported.content)
    other = Site(tmp_path / "other").begin()
    for expected in ("entries", "0 labels"):
        assert expected in other.send("/data/restore", path).json()["said"]
    assert other.ask("GET", "/data/export").json()["diary"] == exported.json()["diary"]
    assert Settings.read(other.diary).zone == "Asia/Tokyo"
    other.desk.lock()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": "choral companion export 1"}',
        b'{"format": "choral companion export 2", "diary": {}}',
        b"[" * 100_000,
        {"days": {"2026-03-04": [[1, 2]]}},
        {"days": {"2026-03-04": [["1", 2, 0, "app", "x", "y"]]}},
        {"days": {"2026-03-04": 7}},
        {"labels": {"2026-13-04": {}}},
        {"labels": {"2026-03-04": {"3": ["sleeping", "nobody", 5]}}},
        {"moods": {"2026-03-04": {"3": [101, 5, False, 0]}}},
        {"imports": {"zz": []}},
    ],
)
def test_a_damaged_export_changes_nothing(site, tmp_path, text):
    path = tmp_path / "export.json"
    if isinstance(text, dict):
        whole = {"days": {}, "labels": {}, "moods": {}, "imports": {}, "notes": {}}
        text = json.dumps({"format": "choral companion export 1", "diary": {**whole, **text}}).encode()
    path.write_bytes(text)
    before = site.diary.export()
    answer = site.send("/data/restore", path)
    assert answer.status_code == 409
    assert "export" in answer.json()["said"]
    assert site.diary.export() == before


def test_what_is_redacted_is_gone_from_the_diary_the_guesses_and_the_export(site):
    lived(site.diary, days=2)
    site.diary.label(TODAY, {3: chosen("a museum")})
    site.desk.renew(site.desk.open_room())
    site.post("/data/redact", day=TODAY, first=2, last=4)
    assert not {2, 3, 4} & set(site.diary.labels(TODAY, TODAY)[TODAY])
    assert "museum" not in site.ask("GET", "/data/export").text
    assert not {3} & set(site.desk.open_room().mind.record.labels[TODAY])
    site.post("/data/redact", day=TODAY - timedelta(days=1), last_day=TODAY, hour=0, last_hour=23)
    assert site.diary.labels(TODAY - timedelta(days=1), TODAY) == {}


def test_what_was_redacted_is_cut_from_the_night_before_and_no_import_brings_it_back(site, tmp_path):
    night, path = int(NOW.replace(hour=22, minute=0).timestamp()) - 86_400, timeline(tmp_path)
    site.diary.add([Entry(night, 10 * 3600, 0, "place", "home", "watcher")])
    site.post("/data/redact", day=TODAY, first=2, last=8)
    longer = tmp_path / "Timeline (1).json"
    longer.write_bytes(path.read_bytes() + b"\n")
    for file in (path, longer, daylio(tmp_path)):
        assert site.send("/import", file).status_code == 200
    kept = site.diary.days(TODAY - timedelta(days=1), TODAY)
    spans = [(one.start, one.end) for entries in kept.values() for one in entries]
    redacted = (night + 4 * 3600, night + 11 * 3600)
    assert spans
    assert all(end <= redacted[0] or start >= redacted[1] for start, end in spans)
    assert set(site.diary.moods(TODAY, TODAY)[TODAY]) == {21}, "the file has one at eight, too"
    assert "nothing was logged" in site.get(f"/today?day={TODAY}&at=2&to=8")


@pytest.mark.parametrize(("day", "offset"), [("2026-03-29", 0), ("2025-10-26", 60)])
def test_on_a_day_on_which_the_clock_is_changed_nothing_of_a_redacted_hour_stays(site, day, offset):
    site.now = NOW + timedelta(days=60)
    site.enter().unlock()
    evening = datetime.fromisoformat(f"{day}T00:00+00:00") - timedelta(hours=2, minutes=offset)
    site.diary.add([Entry(int(evening.timestamp()), 12 * 3600, offset, "place", "home", "timeline")])
    assert '<p class="fine">at home</p>' in site.get(f"/today?day={day}&at=3&to=5")
    site.post("/data/redact", day=day, first=3, last=5)
    page = site.get(f"/today?day={day}&at=3&to=5")
    assert '<p class="fine">nothing was logged</p>' in re.findall(r'(?s)id="h3".*?</li>', page)[0]
    assert '<p class="fine">at home</p>' in page


def test_redacting_reaches_what_was_felt_when_something_was_suggested(site):
    hours = {hour: NOW + timedelta(hours=hour) for hour in (-6, -3, -1, 1)}
    turns = tuple(Turn(int(at.timestamp()), "none", "", 0.25, 0.75, 12) for at in hours.values())
    keep_turns(site.diary, turns)
    site.post("/data/redact", day=TODAY, first=11, last=12)
    assert [one.at for one in turns_of(site.diary)] == [turns[0].at, turns[3].at], "a mood of then may be what came after"


def test_a_day_that_no_clock_tells_is_refused_in_words(site):
    for path in ("/today", "/week", "/mood"):
        for day in ("0001-01-01", "9999-12-31", "2026-02-30", ""):
            assert site.ask("GET", f"{path}?day={day}").status_code == 400


def test_an_empty_day_is_a_few_stretches_and_each_takes_two_taps(site):
    site.now = NOW.replace(hour=23, minute=40)
    site.unlock()
    page = site.get("/today")
    assert re.findall(r'<p class="hour">(.*)</p>', page)[:3] == ["00:00–06:00", "06:00–09:00", "09:00–12:00"]
    picker = site.get("/today?at=0&to=5")
    assert re.findall(r'<button class="choice" name="activity" value="([^"]*)"', picker)[0] == "sleeping"
    site.post("/today/label", day=TODAY, first=0, last=5, activity="sleeping")
    assert len(site.diary.labels(TODAY, TODAY)[TODAY]) == 6


def test_forgetting_needs_its_word_keeps_the_settings_and_changes_the_key(site):
    lived(site.diary, days=2)
    site.post("/settings", **settings_form(times=1))
    refused = site.ask("POST", "/data/forget", {"sure": "yes"})
    assert (refused.status_code, "nothing was forgotten" in refused.text.lower()) == (409, True)
    key = site.desk.open_room().opened.vault.key()
    site.post("/data/forget", sure="forget")
    assert site.diary.extent() is None
    assert Settings.read(site.diary).times == 1
    assert site.desk.open_room().opened.vault.key() != key
    assert "0 of 13" in site.get("/today")
    site.post("/lock")
    assert site.unlock().status_code == 303


def test_erasing_leaves_no_file_and_ends_the_session(site):
    site.diary.keep_note("secret", CANARY)
    assert site.ask("POST", "/data/erase", {"sure": "ERASE"}).status_code == 409
    answer = site.ask("POST", "/data/erase", {"sure": "erase"})
    assert "Erased" in answer.text
    assert site.data() == b""
    assert site.ask("GET", "/today").headers["location"] == "/begin"
    assert site.begin().diary.note("secret") is None


def test_another_passphrase_needs_the_one_before(site):
    changed = {"passphrase": "quite another one", "again": "quite another one"}
    assert site.ask("POST", "/data/passphrase", {"before": "not it", **changed}).status_code == 409
    assert site.ask("POST", "/data/passphrase", {"before": GOOD, "passphrase": "short", "again": "short"}).status_code == 409
    assert site.ask("POST", "/data/passphrase", {"before": GOOD, **changed, "again": "other"}).status_code == 409
    site.post("/data/passphrase", before=GOOD, **changed)
    site.post("/lock")
    assert site.unlock(GOOD).status_code == 403
    assert site.unlock("quite another one").status_code == 303


def test_discreet_mode_gives_neutral_titles_and_no_contents_until_revealed(site):
    site.diary.label(TODAY, {3: chosen("a museum")})
    site.post("/data/discreet", on="1")
    site.post("/cover")
    for way in ("/today", "/week", "/mood", "/suggestions", "/privacy", "/data", "/data/export", "/settings", "/import"):
        page = site.get(way)
        assert re.findall(r"<title>(.*)</title>", page) == ["Notes"]
        assert "museum" not in page
        assert "Privacy" not in page
    assert "museum" in site.post("/reveal", to="/today")
    site.now += timedelta(minutes=6)
    assert "museum" not in site.get("/today")
    site.post("/lock")
    assert re.findall(r"<title>(.*)</title>", site.get("/unlock")) == ["Notes"]


# Settings


def test_why_nothing_is_suggested_is_said(site):
    assert "when your mood is low" in site.get("/suggestions")
    keep_turns(site.diary, (Turn(int(site.now.timestamp()) - 3600, "none", "", 0.25, 0.75, 12),))
    page = site.post("/today/mood", day=TODAY, fragment=12, valence=9, energy=9) and site.get("/suggestions")
    assert "drawn on purpose" in page
    assert "from 14:30 on" in page
    keep_turns(site.diary, (Turn(int(site.now.timestamp()) - 3600, "best", "a walk", 0.6, 0.75, 12, "not now"),))
    assert "The last suggestion was at 11:30." in site.get("/suggestions")
    keep_turns(site.diary, ())
    assert "Nothing small fits" in site.ask("POST", "/suggestions/ask", {"minutes": 1}).text


def test_settings_are_kept_in_the_encrypted_diary_and_lived_by(site):
    page = site.post("/settings", **settings_form(lock_minutes=1, country="gb", zone="Asia/Tokyo"))
    assert "Kept." in page
    assert site.desk.now().hour == 21
    assert "Samaritans" in site.get("/mood")
    site.now += timedelta(seconds=61)
    assert site.ask("GET", "/today").headers["location"] == "/unlock"
    assert b"Tokyo" not in site.data()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"zone": "Mars/Olympus"}, 409),
        ({"per_day": 7}, 400),
        ({"lock_minutes": 0}, 400),
        ({"quiet_from": 24}, 400),
        ({"times": "many"}, 400),
        ({"country": "Britain"}, 400),
        ({"server": "https://example.org"}, 409),
        ({"operator": "ab"}, 409),
        ({"server": "http://example.org", "operator": "ab" * 32}, 409),
    ],
)
def test_a_setting_that_cannot_be_is_told_and_changes_nothing(site, change, status):
    answer = site.ask("POST", "/settings", settings_form(**change))
    assert answer.status_code == status
    assert Settings.read(site.diary) == Settings()


def test_shorter_fragments_keep_every_label_and_back_again_too(site):
    site.diary.label(TODAY, {3: chosen("sleeping"), 9: chosen("working")})
    site.diary.feel(TODAY, {9: Mood(60, 40, False, SECOND)})
    before = site.diary.export()
    site.post("/settings", **settings_form(per_day=48))
    assert sorted(site.diary.labels(TODAY, TODAY)[TODAY]) == [6, 7, 18, 19]
    assert sorted(site.diary.moods(TODAY, TODAY)[TODAY]) == [18]
    assert "4 of 26 half hours labelled" in site.get("/today")
    recut(site.diary, 48, 24)
    assert {**site.diary.export(), "notes": 0} == {**before, "notes": 0}


# What it never does


def test_pages_have_no_inline_script_style_or_foreign_address(site):
    lived(site.diary, days=3)
    for path in ("/today?at=3", "/week", "/mood", "/suggestions", "/privacy", "/data", "/settings", "/import", "/welcome"):
        text = site.get(path)
        assert re.findall(r"<script[^>]*>", text) == ['<script src="/static/companion.js" defer>']
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
        assert not re.search(r'(?:src|href|action)="(?![/#])', text)
    script = site.get("/static/companion.js")
    assert not re.search(r"https?://|eval|innerHTML|localStorage|sessionStorage|document\.cookie", script)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/today/label", {"day": "yesterday", "first": 0, "last": 1, "activity": "sleeping"}),
        ("/today/label", {"day": "2026-03-04", "first": 3, "last": 1, "activity": "sleeping"}),
        ("/today/label", {"day": "2026-03-04", "first": 3, "last": 99, "activity": "sleeping"}),
        ("/today/label", {"day": "2026-03-04", "first": 3, "last": 3, "activity": "<script>"}),
        ("/today/mood", {"day": "2026-03-04", "fragment": 3, "valence": 101, "energy": 1}),
        ("/today/mood", {"day": "2026-03-04", "fragment": 3, "valence": "٣", "energy": 1}),
        ("/suggestions/answer", {"answer": "perhaps"}),
        ("/suggestions/ask", {"minutes": 0}),
        ("/privacy/consent", {"terms": "zz"}),
        ("/data/redact", {"day": "2026-03-04", "first": 5, "last": 1}),
        ("/data/redact", {"day": "2026-03-04", "last_day": "2016-03-04", "hour": 1, "last_hour": 2}),
    ],
)
def test_what_no_page_of_ours_sends_is_refused_in_words(site, path, form):
    answer = site.ask("POST", path, form)
    assert answer.status_code == 400
    assert "<h1>This cannot be done</h1>" in answer.text
    assert site.diary.extent() is None


def test_a_form_that_is_too_long_and_a_page_that_is_not_there_are_told(site):
    assert site.ask("POST", "/today/label", {"day": "x" * 70_000}).status_code == 413
    assert site.ask("GET", "/missing").status_code == 404
    assert site.ask("GET", "/today?day=0000-00-00").status_code == 400


def test_every_page_answers_on_an_empty_and_on_a_strange_diary(site):
    site.diary.label(TODAY, {5: Label("something from a newer version", "person"), 6: Label("sleeping", "guess", 60)})
    site.diary.keep_note("settings", {"a member": "of a newer version"})
    site.desk.renew(site.desk.open_room())
    for path in ("/today", "/week", "/mood", "/suggestions", "/privacy", "/data", "/settings", "/import", "/welcome/consent"):
        assert "<h1>" in site.get(path)


def test_settings_that_cannot_be_lived_by_lock_nobody_out(site):
    strange = {"zone": "Mars/Olympus", "per_day": 7, "lock_minutes": -5, "times": 99, "quiet_from": "ten", "is_watching": 1}
    site.diary.keep_note("settings", {**strange, "country": "GB"})
    site.post("/lock")
    assert site.unlock().headers["location"] == "/today"
    assert site.get("/today")
    assert Settings.read(site.diary) == Settings(country="GB", times=99)
    assert Settings.read(site.diary).asking.times == 3


def test_an_export_with_fragments_of_another_length_is_not_mixed_in(site, tmp_path):
    site.diary.label(TODAY, {3: chosen("sleeping")})
    path = tmp_path / "export.json"
    path.write_bytes(site.ask("GET", "/data/export").content)
    other = Site(tmp_path / "other").begin()
    other.diary.label(TODAY, {3: chosen("sleeping")})
    other.post("/settings", **settings_form(per_day=48))
    answer = other.send("/data/restore", path)
    assert (answer.status_code, "an hour" in answer.json()["said"]) == (409, True)
    assert sorted(other.diary.labels(TODAY, TODAY)[TODAY]) == [6, 7]
    other.desk.lock()


def test_what_waits_to_be_said_is_said_to_nobody_else(site):
    site.ask("POST", "/data/redact", {"day": TODAY, "first": 1, "last": 1})
    door_only = {"choral-8123": site.cookies["choral-8123"]}
    for path in ("/unlock", "/missing"):
        assert "Redacted" not in site.ask("GET", path, cookies=door_only).text
    assert "Redacted" in site.get("/today")


def test_a_lesson_that_began_before_a_redaction_does_not_bring_it_back(site):
    site.diary.label(TODAY, {3: chosen("sleeping")})
    site.ask("GET", "/today")
    room = site.desk.open_room()
    learn(room, site.now)
    before = room.mind
    assert 3 in before.record.labels[TODAY]
    asked = {"args": ("POST", "/data/redact", {"day": TODAY, "first": 3, "last": 3}), "kwargs": {"cookies": dict(site.cookies)}}
    redacting = threading.Thread(target=site.ask, **asked)
    with room.lesson:
        redacting.start()
        redacting.join(timeout=0.3)
        room.mind = before
    redacting.join()
    assert 3 not in room.mind.record.labels.get(TODAY, {})
