"""A companion's page with a browser of a few lines before it, on a clock that the test moves."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx

from choral.apps.companion.device.diary import Label, Mood
from choral.apps.companion.device.entries import Entry
from choral.apps.companion.device.home import Home
from choral.apps.companion.page import Desk, Watching, application
from choral.cli.companion import agent_of
from choral.device.passphrase import Cost
from choral.numerics import SeededEntropy
from choral.pages import Door

HOST = "127.0.0.1:8123"
ORIGIN = f"http://{HOST}"
NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)  # a Wednesday
TODAY = NOW.date()
GOOD = "correct horse battery staple"
CHEAP = Cost(passes=1, memory_kib=64, lanes=1)
CANARY = "a canary sings of emmeline"
ACTIVE = {7: "washing and dressing", 8: "commuting", 18: "commuting", 20: "cooking", 22: "television"}


def settings_form(**changes):
    """What the settings page sends when nothing was changed, and then what was."""
    whole = {"zone": "", "per_day": 24, "times": 3, "quiet_from": 22, "quiet_to": 8, "lock_minutes": 15}
    return {**whole, "country": "", "server": "", "operator": "", **changes}


class Site:
    """One person's companion, and the browser that knows its link."""

    def __init__(self, folder, *, agents=agent_of, look=lambda: None, ring=None):
        self.now = NOW
        self.home = Home(folder / "companion", cost=CHEAP)
        self.desk = Desk(
            home=self.home,
            zone=ZoneInfo("Europe/London"),
            clock=lambda: self.now,
            entropy=SeededEntropy(3),
            agents=agents,
            watching=Watching(look),
            ring=ring,
        )
        self.door = Door(SeededEntropy(4))
        self.app = application(self.desk, self.door, hosts={HOST})
        self.cookies = {}

    def ask(self, method, path, form=None, *, origin=ORIGIN, host=HOST, cookies=None, headers=None, content=None):
        async def go():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            given = {"Host": host} | ({"Origin": origin} if origin and method != "GET" else {}) | (headers or {})
            kept = self.cookies if cookies is None else cookies
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, trust_env=False, cookies=kept) as client:
                if method == "POST" and content is None:
                    return await client.request(method, path, headers=given, data=form or {})
                return await client.request(method, path, headers=given, content=content)

        answer = asyncio.run(go())
        if cookies is None:
            self.cookies |= dict(answer.cookies)
        return answer

    def get(self, path):
        answer = self.ask("GET", path)
        assert answer.status_code == 200, (answer.status_code, answer.headers.get("location"), answer.text)
        return answer.text

    def post(self, path, **form):
        """Press a button; the page it leads to."""
        answer = self.ask("POST", path, form)
        assert answer.status_code == 303, answer.text
        return self.get(answer.headers["location"].split("#")[0])

    def send(self, path, file, *, name=None, headers=None):
        """Send a file as the page's script does."""
        given = {"X-File-Name": quote(name or file.name), **(headers or {})}
        return self.ask("POST", path, content=file.read_bytes(), headers=given)

    def enter(self):
        """Follow the printed link."""
        self.ask("GET", self.door.link("", self.now))
        return self

    def begin(self):
        """Follow the link and make a companion."""
        self.enter()
        answer = self.ask("POST", "/begin", {"passphrase": GOOD, "again": GOOD})
        assert (answer.status_code, answer.headers["location"]) == (303, "/welcome")
        return self

    def unlock(self, passphrase=GOOD):
        return self.ask("POST", "/unlock", {"passphrase": passphrase})

    @property
    def diary(self):
        return self.desk.open_room().diary

    def data(self):
        """Every byte in its folder."""
        return b"".join(path.read_bytes() for path in self.home.folder.rglob("*") if path.is_file())


def lived(diary, *, days, last=TODAY, seed=5):
    """Days of a plausible life in a diary, directly: entries, labels and moods of each."""
    draws = SeededEntropy(seed)
    for number in range(days):
        day = last - timedelta(days=number)
        noise = [int(draw) for draw in draws.below(4, 40)]
        diary.add(_entries(day))
        wakes = 6 + noise[0] % 3
        diary.label(day, {hour: Label(_activity(hour, day, wakes), "person") for hour in range(24)})
        moods = zip((9, 13, 17, 21), (45, 50, 55, 60), noise, strict=True)
        at = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        diary.feel(day, {hour: Mood(base + drawn - 20, 30 + drawn, False, at + 3600 * hour) for hour, base, drawn in moods})


def _activity(hour, day, wakes):
    if hour < wakes or hour == 23:
        return "sleeping"
    if 9 <= hour < 18:
        return "working" if day.weekday() < 5 else "a walk"
    return ACTIVE.get(hour, "eating" if hour == 19 else "reading a book")


def _entries(day):
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    place = [Entry(midnight, 8 * 3600, 0, "place", "home", "timeline")]
    apps = [
        Entry(midnight + hour * 3600 + minute * 60, 540, 0, "app", what, "watcher")
        for hour in range(8, 22)
        for minute, what in ((0, "work" if hour < 18 else "video"), (30, "browser"), (45, "messages"))
    ]
    return [*place, *apps]
