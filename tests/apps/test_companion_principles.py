"""Privacy by design, principle by principle (Cavoukian 2009): what docs/companion.md names is what these tests prove."""

import ast
import json
import re
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import choral.apps.companion as package
from choral.apps.companion.device.diary import Mood
from choral.apps.companion.device.entries import Entry
from choral.apps.companion.device.home import STORE
from choral.apps.companion.device.labelling import chosen
from choral.apps.companion.device.signals import companion_signals
from choral.apps.companion.device.tasks import Desk as Operator
from choral.apps.companion.device.tasks import ratings_filter, ratings_task
from choral.apps.companion.page import Settings
from choral.apps.companion.page.pulse import Pulse
from choral.cli.companion import agent_of
from choral.device import Agent, Budget, FixedConditions, Unreachable
from choral.device.ledger import DEFAULT_TRUSTS
from choral.errors import StoreError
from choral.numerics import SeededEntropy
from choral.storage import SqliteDeviceStore
from tests.apps.companion_files import CANARIES, EACH
from tests.apps.companion_site import CANARY, GOOD, NOW, TODAY, Site, lived, settings_form
from tests.device import setting

FOLDER = Path(package.__file__).parent
DOCS = Path(__file__).parents[2] / "docs" / "companion.md"
NETWORK = {"httpx", "socket", "urllib.request", "http.client", "requests", "aiohttp", "smtplib", "ftplib", "ssl"}
PRINCIPLES = (
    "Proactive not reactive; preventative not remedial",
    "Privacy as the default setting",
    "Privacy embedded into design",
    "Full functionality: positive-sum, not zero-sum",
    "End-to-end security: full lifecycle protection",
    "Visibility and transparency: keep it open",
    "Respect for user privacy: keep it user-centric",
)


class Server(setting.Desk):
    """The tests' server with the shared model in its check-outs, and a count of what was asked of it."""

    def __init__(self, task):
        super().__init__(task)
        self.now, self.asked = NOW, 0

    def fetch(self, path):
        self.asked += 1
        return super().fetch(path)

    def checkout(self, one, **changes):
        algorithm = ratings_filter()
        params = algorithm.check_out(algorithm.init(SeededEntropy(1)), SeededEntropy(1))
        return super().checkout(one, **{"params": params, **changes})


def question():
    """The companion's one task, as an operator publishes it."""
    keys = (setting.SHUFFLER, setting.SERVER)
    shuffler, server = (key.public_key().public_bytes_raw() for key in keys)
    start, expires = NOW - timedelta(days=1), NOW + timedelta(days=60)
    return ratings_task(Operator(start, expires, shuffler_key=shuffler, server_key=server, delay_seconds=0))


def with_server(folder):
    """A companion that knows a server, whose person has agreed to nothing yet."""
    server = Server(question())

    def agents(opened, settings):
        return Agent(
            store=opened.store,
            signals=companion_signals(),
            names=setting.NAMES,
            operators=setting.OPERATORS,
            transport=server,
            entropy=SeededEntropy(9),
            budget=Budget.nats(day=8, year=64, life=64, trusts=(*DEFAULT_TRUSTS, *(["sum"] * settings.trusts_sums))),
            witness=opened.vault,
        )

    site = Site(folder, agents=agents).begin()
    settings = Settings(server="https://learn.example", operator="ab" * 32)
    site.desk.choose(site.desk.open_room(), settings)
    site.desk.open_room().agent.refresh(site.now)
    return site, server


def switch_on(site):
    """Press both switches: the trust, then the purpose."""
    page = site.post("/privacy/sums", on="1")
    (terms,) = re.findall(r'name="terms" value="([0-9a-f]{64})"', page)
    site.post("/privacy/consent", terms=terms, agree="1")
    return terms


def lived_hour(site, valence=80):
    """Label the hour that goes on, and say how it feels."""
    hour = site.desk.now().hour
    site.post("/today/label", day=TODAY, first=hour, last=hour, activity="a walk")
    site.post("/today/mood", day=TODAY, fragment=hour, valence=valence, energy=50)


def test_1_what_could_harm_is_dropped_before_anything_is_kept(tmp_path):
    site = Site(tmp_path).begin()
    for make in EACH.values():
        site.send("/import", make(tmp_path), headers={"X-Mail-Addresses": "alice@example.org"})
    kept = json.dumps(site.diary.export(), ensure_ascii=False).encode()
    assert site.diary.extent() is not None
    assert not [canary for canary in CANARIES if canary in kept]
    assert list((site.home.folder / "incoming").iterdir()) == []


def test_2_by_default_nothing_is_watched_allowed_or_sent(tmp_path):
    site, server = with_server(tmp_path)
    assert Settings() == Settings(is_watching=False, trusts_sums=False, server="", operator="")
    asked = server.asked
    lived_hour(site)
    Pulse(site.desk, FixedConditions(setting.READY)).beat()
    assert server.received == []
    assert server.asked > asked, "it looks what is on offer, and says nothing"
    page = site.get("/privacy")
    assert 'aria-checked="true"' not in page
    assert page.count('aria-checked="false"') == 2
    assert "Nothing.</strong>" in page
    alone = Site(tmp_path / "alone").begin()
    assert "knows no server" in alone.get("/privacy")


def test_3_there_is_one_door_out_and_no_other_module_can_reach_a_network():
    reaching = {}
    for path in sorted(FOLDER.rglob("*.py")):
        names = {name for node in ast.walk(ast.parse(path.read_text())) for name in _imported(node)}
        if names & NETWORK:
            reaching[str(path.relative_to(FOLDER))] = names & NETWORK
    assert reaching == {"importers/activitywatch.py": {"httpx"}}, "and that one asks this machine alone"


def _imported(node):
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        return {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return set()


def test_4_alone_and_offline_everything_works(tmp_path):
    site = Site(tmp_path, agents=agent_of).begin()
    lived(site.diary, days=14, last=TODAY - timedelta(days=1))
    yesterday = site.diary.day(TODAY - timedelta(days=1))
    site.diary.add(Entry(one.start + 86_400, one.seconds, 0, one.kind, one.what, one.source) for one in yesterday)
    site.desk.renew(site.desk.open_room())
    assert "% sure" in site.get("/today")
    assert 'class="film"' in site.get("/week")
    assert 'class="series"' in site.get("/mood")
    assert 'class="card insight' in site.get("/mood")
    site.post("/today/mood", day=TODAY, fragment=12, valence=5, energy=5)
    assert len(site.diary.note("turns")) == 1, "a low mood is an occasion for a suggestion, with no server at all"


def test_5_it_is_safe_from_the_first_byte_to_the_last(tmp_path):
    site = Site(tmp_path).begin()
    site.diary.add([Entry(int(NOW.timestamp()), 60, 0, "app", CANARY, "test")])
    site.diary.keep_note("secret", CANARY)
    assert CANARY.encode() not in site.data(), "encrypted while open"
    site.post("/lock")
    assert CANARY.encode() not in site.data(), "encrypted while locked"
    site.unlock()
    copy = (site.home.folder / STORE).read_bytes()
    key = site.desk.open_room().opened.vault.key()
    site.post("/data/forget", sure="forget")
    other = tmp_path / "copy.sqlite"
    other.write_bytes(copy)
    new_key = site.desk.open_room().opened.vault.key()
    assert new_key != key
    with pytest.raises(StoreError):
        SqliteDeviceStore(other, new_key)
    site.diary.keep_note("secret", CANARY)
    site.ask("POST", "/data/erase", {"sure": "erase"})
    assert site.data() == b""


def test_6_what_left_is_shown_byte_for_byte_with_its_price(tmp_path):
    site, server = with_server(tmp_path)
    switch_on(site)
    lived_hour(site)
    Pulse(site.desk, FixedConditions(setting.READY)).beat()
    site.now += timedelta(minutes=12)
    server.now = site.now
    Pulse(site.desk, FixedConditions(setting.READY)).beat()
    (report,) = server.received
    page = site.get("/privacy")
    assert report.hex(" ") in page
    assert "1 report, " in page
    assert "delivered" in page
    assert "ε 4" in page
    (sent,) = site.ask("GET", "/data/export").json()["device"]["sent"]
    assert bytes.fromhex(sent["bytes"]) == report
    assert sent["epsilon"] == 4.0
    assert sent["sealed_payload"] in page.replace(" ", "")


def test_7_the_person_decides_and_takes_back(tmp_path):
    site, server = with_server(tmp_path)
    terms = switch_on(site)
    lived_hour(site)
    assert len(site.desk.open_room().agent.export()["journal"]) == 1
    site.post("/privacy/consent", terms=terms)
    assert site.desk.open_room().agent.export()["journal"] == []
    switch_on(site)
    site.post("/today/mood", day=TODAY, fragment=12, valence=9, energy=9, external="on")
    assert site.desk.open_room().agent.export()["journal"] == [], "because of something else: left out of all learning"
    site.post("/privacy/sums")
    assert site.desk.open_room().agent.export()["consents"] == []
    Pulse(site.desk, FixedConditions(setting.READY)).beat()
    assert server.received == []
    site.diary.label(TODAY, {3: chosen("a museum")})
    site.diary.feel(TODAY, {3: Mood(50, 50, False, 0)})
    site.post("/data/redact", day=TODAY, first=3, last=3)
    assert "museum" not in site.ask("GET", "/data/export").text


def journal(site):
    return [one["data"] for one in site.desk.open_room().agent.export()["journal"]]


def test_an_hour_is_told_once_in_either_order_and_what_is_taken_back_is_not_learnt(tmp_path):
    site, server = with_server(tmp_path)
    switch_on(site)
    site.post("/today/mood", day=TODAY, fragment=9, valence=40, energy=50)
    assert journal(site) == []
    site.post("/today/label", day=TODAY, first=8, last=9, activity="a walk")
    site.post("/today/mood", day=TODAY, fragment=9, valence=70, energy=50)
    site.post("/today/label", day=TODAY, first=9, last=9, activity="cooking")
    assert [one["valence"] for one in journal(site)] == [70]
    lived_hour(site)
    site.post("/today/label", day=TODAY, first=9, last=9, activity="")
    assert [one["hour"] for one in journal(site)] == [12]
    site.post("/data/redact", day=TODAY, first=12, last=12)
    assert journal(site) == []
    lived_hour(site, 60)
    site.post("/today/mood", day=TODAY, fragment=12, unsay="1", valence=60, energy=50)
    assert journal(site) == []
    assert server.received == []


@pytest.mark.parametrize("change", [{"per_day": 48}, {"zone": "Asia/Tokyo"}])
def test_what_was_told_of_hours_that_are_cut_or_clocked_otherwise_is_taken_back(tmp_path, change):
    site, _ = with_server(tmp_path)
    switch_on(site)
    lived_hour(site)
    settings = site.desk.open_room().settings
    road = {"server": settings.server, "operator": settings.operator}
    site.post("/settings", **settings_form(**road))
    assert len(journal(site)) == 1
    site.post("/settings", **settings_form(**road, **change))
    assert journal(site) == []


def test_a_companion_that_locks_itself_soon_still_has_its_turn_at_night(tmp_path):
    site, server = with_server(tmp_path)
    switch_on(site)
    lived_hour(site)
    pulse = Pulse(site.desk, FixedConditions(replace(setting.READY, idle=False)))
    pulse.beat()
    assert server.received == [], "somebody uses it"
    site.now += timedelta(minutes=15, seconds=20)
    server.now = site.now
    pulse.beat()
    assert len(server.received) == 1, "left alone: its turn, and then it locks"
    assert site.desk.open_room() is None
    site.now += timedelta(hours=1)
    assert pulse.beat() == ()


def test_a_turn_that_fails_keeps_nobody_from_locking(tmp_path):
    site, _ = with_server(tmp_path)

    def broken(opened, settings):
        raise StoreError("the disk is full")

    site.desk.agents = broken
    site.now += timedelta(minutes=15, seconds=20)
    with pytest.raises(StoreError):
        Pulse(site.desk, FixedConditions(setting.READY)).beat()
    assert site.desk.open_room() is None


def test_a_server_that_does_not_answer_keeps_nobody_from_locking(tmp_path):
    site, server = with_server(tmp_path)
    asked, let_go = threading.Event(), threading.Event()

    def silent(path):
        asked.set()
        let_go.wait(timeout=20)
        raise Unreachable("it does not answer")

    server.fetch = silent
    form = settings_form(server="https://other.example", operator="cd" * 32)
    waiting = threading.Thread(target=site.ask, args=("POST", "/settings", form), kwargs={"cookies": dict(site.cookies)})
    waiting.start()
    try:
        assert asked.wait(timeout=20)
        assert site.ask("POST", "/lock").headers["location"] == "/unlock"
        assert site.desk.open_room() is None
        assert waiting.is_alive()
    finally:
        let_go.set()
        waiting.join()


def test_another_server_is_another_question(tmp_path):
    site, server = with_server(tmp_path)
    switch_on(site)
    lived_hour(site)
    assert len(journal(site)) == 1
    page = site.post("/settings", **settings_form(server="https://other.example", operator="cd" * 32))
    assert "Every yes to the server before is taken back" in page
    kept = site.desk.open_room().agent.export()
    assert (kept["consents"], kept["waiting"], kept["journal"]) == ([], [], [])
    assert not site.desk.open_room().settings.trusts_sums
    site.now += timedelta(minutes=12)
    Pulse(site.desk, FixedConditions(setting.READY)).beat()
    assert server.received == []


def test_without_the_trust_that_a_purpose_rests_on_it_cannot_be_switched_on(tmp_path):
    site, _ = with_server(tmp_path)
    (terms,) = re.findall(r'name="terms" value="([0-9a-f]{64})"', site.get("/privacy"))
    answer = site.ask("POST", "/privacy/consent", {"terms": terms, "agree": "1"})
    assert answer.status_code == 409
    assert "allow the trust first" in answer.text
    assert site.desk.open_room().agent.export()["consents"] == []


def test_nothing_of_a_person_is_logged(tmp_path, capfd, caplog):
    site, _ = with_server(tmp_path)
    with caplog.at_level("DEBUG"):
        site.diary.keep_note("secret", CANARY)
        site.send("/import", EACH["Daylio"](tmp_path))
        site.ask("POST", "/today/label", {"day": CANARY, "first": CANARY, "last": 1, "activity": CANARY})
        site.ask("POST", "/data/passphrase", {"before": CANARY, "passphrase": CANARY, "again": CANARY})
        site.unlock(CANARY)
        site.ask("GET", f"/today?day={CANARY}")
    heard = "".join(capfd.readouterr()) + "".join(
        record.getMessage() for record in caplog.records if "httpx" not in record.name
    )
    assert CANARY not in heard
    assert GOOD not in heard


def test_the_document_answers_each_principle_with_a_mechanism_and_a_test_that_exists():
    text = DOCS.read_text()
    names = {node.name for node in ast.parse(Path(__file__).read_text()).body if isinstance(node, ast.FunctionDef)}
    for number, principle in enumerate(PRINCIPLES, start=1):
        section = text.split(f"### {number}. {principle}")[1].split("\n#")[0]
        tests = re.findall(r"`(test_\w+)`", section)
        assert any(name.startswith(f"test_{number}_") for name in tests), principle
        assert set(tests) <= names, set(tests) - names
