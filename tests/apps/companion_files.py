"""A small file of each kind that the companion can read, made as the programs make them, with canaries that must not stay."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

CANARIES = (b"canary", b"55.9533", b"-3.1883", b"559533000", b"alice@example.org", b"secret-video")
DAY = "2026-03-04"


def day_log(folder: Path) -> Path:
    return _json(
        folder / f"{DAY}.json",
        {
            "zone": "Europe/London",
            "apps": [{"app": "com.google.android.youtube canary", "start": f"{DAY}T09:00:00Z", "end": f"{DAY}T09:20:00Z"}],
            "browsing": [{"url": "https://news.bbc.co.uk/canary", "start": f"{DAY}T10:00:00Z", "end": f"{DAY}T10:05:00Z"}],
            "calls": [{"start": f"{DAY}T11:00:00Z", "end": f"{DAY}T11:10:00Z", "direction": "out", "number": "canary"}],
            "texts": [{"at": f"{DAY}T12:00:00Z", "direction": "in"}],
            "places": [
                {"latitude": 55.9533, "longitude": -3.1883, "start": f"{DAY}T00:00:00Z", "end": f"{DAY}T08:00:00Z"},
                {"latitude": 55.9, "longitude": -3.3, "start": f"{DAY}T09:00:00Z", "end": f"{DAY}T09:30:00Z"},
            ],
        },
    )


def activitywatch(folder: Path) -> Path:
    def event(data: dict[str, str], hour: int) -> dict[str, object]:
        return {"timestamp": f"{DAY}T{hour:02}:00:00+00:00", "duration": 600.5, "data": data}

    buckets = {
        "aw-watcher-window_canary": {"type": "currentwindow", "events": [event({"app": "firefox", "title": "canary"}, 9)]},
        "aw-watcher-afk_canary": {
            "type": "afkstatus",
            "events": [event({"status": "afk"}, 10), event({"status": "not-afk"}, 11)],
        },
        "aw-watcher-web": {"type": "web.tab.current", "events": [event({"url": "https://youtube.com/secret-video"}, 12)]},
        "aw-watcher-input": {"type": "os.hid.input", "events": [event({"presses": "1"}, 13)]},
    }
    return _json(folder / "aw-buckets-export.json", {"buckets": buckets})


def timeline(folder: Path) -> Path:
    segments = [
        {
            "startTime": f"{DAY}T00:00:00.000+00:00",
            "endTime": f"{DAY}T08:00:00.000+00:00",
            "visit": {"topCandidate": {"semanticType": "HOME", "placeLocation": {"latLng": "55.9533°, -3.1883°"}}},
        },
        {
            "startTime": f"{DAY}T08:00:00.000+00:00",
            "endTime": f"{DAY}T08:30:00.000+00:00",
            "activity": {"topCandidate": {"type": "WALKING"}},
        },
        {"startTime": f"{DAY}T08:00:00.000+00:00", "endTime": f"{DAY}T08:30:00.000+00:00", "timelinePath": []},
    ]
    return _json(folder / "Timeline.json", {"semanticSegments": segments})


def records(folder: Path, days: int = 7) -> Path:
    """Raw points: nights in one place, weekdays from nine to five in another."""
    points = []
    for day in range(days):
        for hour in range(24):
            at_work = day < 5 and 9 <= hour < 17
            where = (559000000, -33000000) if at_work else (559533000, -31883000)
            for minute in (0, 30):
                stamp = f"2026-03-{2 + day:02}T{hour:02}:{minute:02}:00Z"
                points.append({"latitudeE7": where[0], "longitudeE7": where[1], "timestamp": stamp})
    return _json(folder / "Records.json", {"locations": points})


def semantic_history(folder: Path) -> Path:
    duration = {"startTimestamp": f"{DAY}T09:00:00Z", "endTimestamp": f"{DAY}T17:00:00Z"}
    way = {"startTimestamp": f"{DAY}T17:00:00Z", "endTimestamp": f"{DAY}T17:30:00Z"}
    place = {"latitudeE7": 559533000, "longitudeE7": -31883000, "semanticType": "TYPE_WORK", "address": "canary"}
    objects = [
        {"placeVisit": {"location": place, "duration": duration}},
        {"activitySegment": {"duration": way, "activityType": "CYCLING"}},
    ]
    return _json(folder / "2026_MARCH.json", {"timelineObjects": objects})


def chromium(folder: Path) -> Path:
    path = folder / "History"
    micros = int((datetime(2026, 3, 4, 9, tzinfo=UTC) - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE urls (id INTEGER PRIMARY KEY, url TEXT, title TEXT)")
        db.execute("CREATE TABLE visits (id INTEGER PRIMARY KEY, url INTEGER, visit_time INTEGER, visit_duration INTEGER)")
        db.executemany(
            "INSERT INTO urls VALUES (?, ?, ?)",
            [(1, "https://www.youtube.com/watch?v=secret-video", "canary"), (2, "https://en.wikipedia.org/wiki/Canary", "")],
        )
        db.executemany(
            "INSERT INTO visits VALUES (?, ?, ?, ?)",
            [(1, 1, micros, 300_000_000), (2, 2, micros + 600_000_000, 0), (3, 2, None, 0)],
        )
        db.commit()
    return path


def firefox(folder: Path) -> Path:
    path = folder / "places.sqlite"
    micros = int(datetime(2026, 3, 4, 9, tzinfo=UTC).timestamp()) * 1_000_000
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url TEXT)")
        db.execute("CREATE TABLE moz_historyvisits (id INTEGER PRIMARY KEY, place_id INTEGER, visit_date INTEGER)")
        db.executemany(
            "INSERT INTO moz_places VALUES (?, ?)",
            [(1, "https://github.com/canary"), (2, "https://mail.google.com/mail/canary")],
        )
        db.executemany("INSERT INTO moz_historyvisits VALUES (?, ?, ?)", [(1, 1, micros), (2, 2, micros + 120_000_000)])
        db.commit()
    return path


def daylio(folder: Path) -> Path:
    rows = [
        "full_date,date,weekday,time,mood,activities,note_title,note",
        '2026-03-04,March 4,Wednesday,9:30 pm,good,"reading | friends","","canary"',
        '2026-03-04,March 4,Wednesday,08:10,awful,"","",""',
        '2026-03-03,March 3,Tuesday,08:10,my own word,"","",""',
    ]
    return _text(folder / "daylio_export.csv", "\n".join(rows) + "\n")


def calendar(folder: Path) -> Path:
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//test//EN",
        "BEGIN:VEVENT", "UID:1", "SUMMARY:canary", "DTSTART;TZID=Europe/London:20260304T090000",
        "DTEND;TZID=Europe/London:20260304T093000",
        "ATTENDEE:mailto:alice@example.org", "RRULE:FREQ=WEEKLY;COUNT=5",
        "EXDATE;TZID=Europe/London:20260311T090000", "END:VEVENT",
        "BEGIN:VEVENT", "UID:2", "SUMMARY:canary", "DTSTART;VALUE=DATE:20260305", "END:VEVENT",
        "END:VCALENDAR",
    ]  # fmt: skip
    return _text(folder / "calendar.ics", "\r\n".join(lines) + "\r\n")


def mailbox(folder: Path) -> Path:
    text = (
        "From alice@example.org Wed Mar 04 09:00:00 2026\nFrom: Alice <alice@example.org>\nTo: bob@example.org\n"
        "Date: Wed, 04 Mar 2026 09:00:00 +0100\nSubject: canary\n\nFrom the heart: canary\nDate: not a header\n\n"
        "From bob@example.org Wed Mar 04 10:00:00 2026\nfrom: Bob <bob@example.org>\n"
        "date: Wed, 04 Mar 2026 10:00:00 +0000\n\ncanary\n\n"
        "From x Wed Mar 04 10:00:00 2026\nFrom: x\nDate: canary\n\n"
    )
    return _text(folder / "mail.mbox", text)


def my_activity(folder: Path) -> Path:
    items = [
        {
            "header": "YouTube",
            "title": "Watched canary",
            "titleUrl": "https://youtube.com/secret-video",
            "time": f"{DAY}T20:00:00.123Z",
        },
        {"header": "Search", "title": "Searched for canary", "time": f"{DAY}T21:00:00Z"},
        {"header": "Search", "title": "Searched for canary"},
    ]
    return _json(folder / "MyActivity.json", items)


def films(folder: Path) -> Path:
    rows = ["Profile Name,Start Time,Duration,Attributes,Title", f"canary,{DAY} 20:00:00,00:45:10,,canary"]
    return _text(folder / "ViewingActivity.csv", "\n".join(rows) + "\n")


def music(folder: Path) -> Path:
    played = [
        {"endTime": f"{DAY} 08:30", "artistName": "canary", "trackName": "canary", "msPlayed": 180_000},
        {"endTime": f"{DAY} 08:31", "artistName": "canary", "trackName": "canary", "msPlayed": 900},
    ]
    return _json(folder / "StreamingHistory0.json", played)


def android(folder: Path) -> Path:
    lines = [
        "user=0", "  In-memory daily stats",
        f'    time="{DAY} 09:00:00" type=ACTIVITY_RESUMED package=com.whatsapp class=canary',
        f'    time="{DAY} 09:10:00" type=ACTIVITY_PAUSED package=com.whatsapp class=canary',
        f'    time="{DAY} 10:00:00" type=ACTIVITY_RESUMED package=com.android.chrome class=canary',
        f'    time="{DAY} 10:15:00" type=SCREEN_NON_INTERACTIVE package=android',
        '    time="not a time" type=ACTIVITY_RESUMED package=com.example',
        f'    time="{DAY} 23:00:00" type=ACTIVITY_RESUMED package=com.spotify.music class=canary',
        f'    time="{DAY} 22:00:00" type=ACTIVITY_PAUSED package=com.spotify.music class=canary',
    ]  # fmt: skip
    return _text(folder / "usage.txt", "\n".join(lines) + "\n")


EACH = {
    "day log": day_log,
    "ActivityWatch": activitywatch,
    "Google Maps Timeline": timeline,
    "Chromium history": chromium,
    "Firefox history": firefox,
    "Daylio": daylio,
    "iCalendar": calendar,
    "mail (mbox)": mailbox,
    "Takeout: My Activity": my_activity,
    "film history": films,
    "music history": music,
    "Android usage events": android,
}


def _json(path: Path, value: object) -> Path:
    return _text(path, json.dumps(value, ensure_ascii=False))


def _text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path
