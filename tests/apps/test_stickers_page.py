"""The chat page over HTTP: who may see it, what it does, and that nothing typed stays."""

import asyncio
import json
import re
from datetime import timedelta

import httpx
import pytest

from choral.apps.stickers.page import application
from choral.numerics import SeededEntropy
from choral.pages import INTERACTIVE, Door
from choral.pages.loopback import LINK_LIFE, SESSION_LIFE
from tests.apps.stickers_phone import StickerDesk, phone, quality_task, small_task
from tests.apps.test_stickers_laws import CANARY, MARKS, Held
from tests.device.setting import NOW

HOST = "127.0.0.1:8123"
ORIGIN = f"http://{HOST}"
ROUTES = [
    ("GET", "/"),
    ("GET", "/panel"),
    ("GET", "/export"),
    ("GET", "/static/stickers.js"),
    ("GET", "/missing"),
    ("POST", "/suggest"),
    ("POST", "/choose"),
    ("POST", "/train"),
    ("POST", "/consent"),
    ("POST", "/forget"),
]


class Site:
    """A phone's page with a browser of a few lines before it."""

    def __init__(self, *, agree=True):
        self.now, self.desk = NOW, StickerDesk(small_task(), quality_task())
        self.phone = phone(self.desk, agree=agree)
        self.door = Door(SeededEntropy(3))
        self.app = application(self.phone, self.door, hosts={HOST}, clock=lambda: self.now)
        self.cookies = {}

    def ask(self, method, path, body=None, *, origin=ORIGIN, host=HOST, cookies=None, headers=None):
        async def go():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            given = {"Host": host} | ({"Origin": origin} if origin and method == "POST" else {}) | (headers or {})
            content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
            async with httpx.AsyncClient(
                transport=transport, base_url=ORIGIN, trust_env=False, cookies=self.cookies if cookies is None else cookies
            ) as client:
                return await client.request(method, path, headers=given, content=content if method == "POST" else None)

        return asyncio.run(go())

    def enter(self):
        answer = self.ask("GET", self.door.link("", self.now))
        self.cookies = dict(answer.cookies)
        return answer

    def typed(self, text):
        answer = self.ask("POST", "/suggest", {"text": text})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def site():
    made = Site()
    made.enter()
    return made


def test_a_link_works_once_and_gives_a_cookie_that_scripts_and_other_sites_cannot_use():
    site = Site()
    link = site.door.link("", NOW)
    answer = site.ask("GET", link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert site.ask("GET", link).status_code == 401


def test_a_link_and_a_session_end_with_time():
    site = Site()
    link = site.door.link("", site.now)
    site.now += LINK_LIFE + timedelta(seconds=1)
    assert site.ask("GET", link).status_code == 401
    site.enter()
    assert site.ask("GET", "/").status_code == 200
    site.now += SESSION_LIFE + timedelta(seconds=1)
    assert site.ask("GET", "/").status_code == 401


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_answers_without_the_cookie(method, path):
    site = Site()
    for cookies in ({}, {"choral-8123": "0" * 64}, {"choral-8123": ""}, {"choral-9999": "x"}):
        answer = site.ask(method, path, cookies=cookies)
        assert answer.status_code == 401
        assert "link" in answer.text


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("host", ["evil.example", "localhost:8123", "127.0.0.1", "127.0.0.1:8124", ""])
def test_no_route_answers_to_another_name_of_this_machine(site, method, path, host):
    assert site.ask(method, path, host=host).status_code == 403


@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "POST"])
@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "https://127.0.0.1:8123", "http://127.0.0.1:9"])
def test_nothing_changes_unless_the_page_itself_asks(site, path, origin):
    assert site.ask("POST", path, origin=origin).status_code == 403


def test_a_request_from_another_site_is_refused_even_with_the_origin_of_this_page(site):
    assert site.ask("POST", "/train", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_leaving_ends_a_session(site):
    (session,) = site.cookies.values()
    site.door.leave(session)
    assert site.ask("GET", "/").status_code == 401


@pytest.mark.parametrize("path", ["/", "/missing", "/static/stickers.js", "/panel"])
def test_every_answer_carries_the_strict_headers(site, path):
    answer = site.ask("GET", path)
    assert {name: answer.headers[name] for name in INTERACTIVE} == INTERACTIVE
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_the_page_has_no_inline_script_style_or_foreign_address(site):
    text = site.ask("GET", "/").text
    assert re.findall(r"<script[^>]*>", text) == ['<script type="module" src="/static/stickers.js">']
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert not re.search(r'(?:src|href)="(?!/)', text.replace('href="#content"', ""))
    script = site.ask("GET", "/static/stickers.js").text
    assert not re.search(r"https?://|eval|localStorage|sessionStorage|document\.cookie", script)


@pytest.mark.parametrize("text", ["おはよう", "thank you"])
def test_suggestions_have_pictures_and_names(site, text):
    found = site.typed(text)
    assert len(found["stickers"]) == 10
    assert all(one["symbol"] and one["name"] for one in found["stickers"])


def test_what_was_chosen_and_trained_rises(site):
    first = site.typed("thank you")
    last = first["stickers"][9]
    for _ in range(3):
        found = site.typed("thank you")
        place = found["stickers"].index(last)
        taken = site.ask("POST", "/choose", {"display": found["display"], "place": place}).json()
        assert taken == last
        panel = site.ask("POST", "/train").text
        assert "learnt from one new choice" in panel
    assert site.typed("thank you")["stickers"][0] == last


def test_the_panel_shows_every_byte_that_was_sent_what_it_means_and_what_it_cost(site):
    found = site.typed("thank you")
    site.ask("POST", "/choose", {"display": found["display"], "place": 1})
    site.ask("POST", "/train")
    panel = site.ask("GET", "/panel").text
    assert len(site.desk.received) == 2
    for report in site.desk.received:
        assert report.hex() in re.sub(r"\s", "", panel)
    for row in site.phone.agent.sent():
        assert row.outgoing.payload.hex() in re.sub(r"\s", "", panel)
        assert row.outgoing.meaning.split(":")[0].split("'")[0] in panel
    paid = site.phone.agent.ledger().account("nobody").life_micro / 1e6
    assert f"ε {paid:g} in all" in panel.replace("10.0", "10")
    assert "0 of 4 reports" not in panel
    assert "3 of 4 reports for life left" in panel


def test_consent_is_off_by_default_and_a_switch_away_in_both_directions():
    site = Site(agree=False)
    site.enter()
    panel = site.ask("GET", "/").text
    assert panel.count('role="switch" aria-checked="false"') == 2
    assert 'aria-checked="true"' not in panel
    (first, *_) = re.findall(r'data-terms="([0-9a-f]{64})"', panel)
    on = site.ask("POST", "/consent", {"terms": first, "agreed": True}).text
    assert on.count('aria-checked="true"') == 1
    off = site.ask("POST", "/consent", {"terms": first, "agreed": False}).text
    assert 'aria-checked="true"' not in off


def test_forgetting_and_exporting(site):
    found = site.typed("thank you")
    site.ask("POST", "/choose", {"display": found["display"], "place": 1})
    assert site.ask("GET", "/export").json()["stickers"]["waiting"]
    assert "is deleted" in site.ask("POST", "/forget").text
    assert not site.ask("GET", "/export").json()["stickers"]["waiting"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/suggest", b"", 400),
        ("/suggest", b"[]", 400),
        ("/suggest", b"{", 400),
        ("/suggest", b"[" * 9_000, 400),
        ("/suggest", {"text": 5}, 400),
        ("/suggest", b'{"text": "' + b"a" * 20_000 + b'"}', 413),
        ("/choose", {"display": 1}, 400),
        ("/choose", {"display": True, "place": 0}, 400),
        ("/choose", {"display": 99, "place": 0}, 409),
        ("/consent", {"terms": "zz", "agreed": True}, 400),
        ("/consent", {"terms": "0" * 64, "agreed": True}, 409),
        ("/missing", {}, 404),
    ],
)
def test_what_is_not_the_pages_own_is_refused_in_words(site, path, body, status):
    answer = site.ask("POST", path, body)
    assert answer.status_code == status
    assert "<h1>" in answer.text


def test_no_text_stays_with_the_page(site):
    found = site.typed(CANARY)
    site.ask("POST", "/choose", {"display": found["display"], "place": 0})
    site.ask("POST", "/suggest", json.dumps({"text": 7, "also": CANARY}, ensure_ascii=False).encode())
    for holder in (site.phone, site.app, site.door):
        assert not [text for text in Held(holder).texts() if any(mark in text for mark in MARKS)]
    for path in ("/", "/panel", "/export"):
        assert not any(mark in site.ask("GET", path).text for mark in MARKS)
