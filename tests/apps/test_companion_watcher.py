"""The watcher: what each desktop tells, what becomes of it, and what it does when nobody tells."""

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from choral.apps.companion.device.diary import Diary
from choral.apps.companion.device.watcher import Desktop, Seen, Watch
from choral.storage import MemoryDeviceStore

NOON = datetime(2026, 3, 4, 12, tzinfo=ZoneInfo("Europe/London"))
TREE = {"nodes": [{"focused": False}, {"nodes": [{"focused": True, "app_id": "firefox", "name": "canary title"}]}]}


def desktop(**answers):
    return Desktop(lambda command: answers.get(command[0]))


def minutes(count):
    return timedelta(minutes=count)


def test_sway_tells_the_program_and_never_the_title():
    seen = desktop(swaymsg=json.dumps(TREE), xprintidle="1000").look()
    assert seen == Seen("firefox", away=False)
    assert "canary" not in repr(seen)


def test_x11_tells_by_window_number():
    answers = {
        ("xprop", "-root", "_NET_ACTIVE_WINDOW"): "_NET_ACTIVE_WINDOW(WINDOW): window id # 0x3a00007",
        ("xprop", "-id", "0x3a00007", "WM_CLASS"): 'WM_CLASS(STRING) = "code", "Code"',
    }
    assert Desktop(lambda command: answers.get(tuple(command))).look() == Seen("Code", away=False)


def test_hyprland_tells_its_active_window():
    assert desktop(hyprctl='{"class": "mpv", "title": "canary"}', busctl="b true").look() == Seen("mpv", away=True)


def test_a_desktop_that_tells_nobody_is_said_to_be_one():
    assert desktop().look() is None
    assert desktop(swaymsg="not json", xprop="none").look() is None


def test_looks_grow_into_one_entry_and_the_diary_keeps_it_once():
    diary, watch = Diary(MemoryDeviceStore()), Watch()
    for minute in range(10):
        watch, entry = watch.grown(Seen("firefox", away=False), NOON + minutes(minute))
        diary.add([entry])
    (entry,) = diary.day(NOON.date())
    assert (entry.what, entry.seconds) == ("browser", 540)


def test_another_program_or_an_absence_begins_a_new_entry():
    watch, found = Watch(), []
    for minute, seen in enumerate([Seen("firefox", False), Seen("firefox", False), Seen("code", False), Seen("code", True)]):
        watch, entry = watch.grown(seen, NOON + minutes(minute))
        found.append((entry.kind, entry.what, entry.seconds))
    assert found == [("app", "browser", 0), ("app", "browser", 60), ("app", "work", 0), ("idle", "away", 0)]


def test_after_sleep_a_jumping_clock_or_midnight_a_new_entry_begins():
    watch, _ = Watch().grown(Seen("firefox", False), NOON)
    for later in (minutes(60), -minutes(60), timedelta(hours=12)):
        _, entry = watch.grown(Seen("firefox", False), NOON + later)
        assert entry.seconds == 0


def test_where_nothing_is_seen_nothing_is_kept():
    watch, _ = Watch().grown(Seen("firefox", False), NOON)
    assert watch.grown(None, NOON + minutes(1)) == (Watch(), None)
