"""The link page over HTTP: who may see it, what it says, that it warns, and that a dropped page is never shown or run."""

import asyncio
import base64
import json
import re

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from choral.apps.phishing.device.markup import MOST_BYTES
from choral.apps.phishing.device.records import WINDOW
from choral.apps.phishing.page import application
from choral.numerics import SeededEntropy
from choral.pages import INTERACTIVE, Door
from tests.apps.phishing_device import BAD, GOOD, HERE, LOGIN, LinkDesk, device, feed, kept
from tests.device.setting import NOW

HOST = "127.0.0.1:8124"
ORIGIN = f"http://{HOST}"
PHISH = "http://paypal-login.192-0-2-7.account-verify.tk/wp-admin/login.php?cmd=1"
ROUTES = [
    *(("GET", path) for path in ("/", "/panel", "/export", "/static/phishing.js", "/missing")),
    *(("POST", path) for path in ("/look", "/report", "/refresh", "/train", "/consent", "/forget")),
]


class Site:
    """A device's page with a browser of a few lines before it."""

    def __init__(self, *, agree=True):
        self.desk = LinkDesk()
        self.watch = device(self.desk, agree=agree)
        self.door = Door(SeededEntropy(3))
        self.app = application(self.watch, self.door, hosts={HOST}, clock=lambda: NOW, here=lambda now: HERE)
        self.cookies = {}

    def ask(self, method, path, body=None, *, origin=ORIGIN):
        async def go():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            given = {"Host": HOST} | ({"Origin": origin} if method == "POST" else {})
            content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, trust_env=False, cookies=self.cookies) as client:
                return await client.request(method, path, headers=given, content=content if method == "POST" else None)

        return asyncio.run(go())

    def entered(self):
        self.cookies = dict(self.ask("GET", self.door.link("", NOW)).cookies)
        return self

    def look(self, link, page=None):
        return self.ask("POST", "/look", {"link": link, "page": None if page is None else base64.b64encode(page).decode()})


@pytest.fixture(scope="module")
def site():
    return Site().entered()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_the_cookie_nothing_is_shown_and_nothing_is_done(method, path):
    answer = Site().ask(method, path)
    assert answer.status_code == 401
    assert "one person" in answer.text


@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "POST"])
def test_another_site_can_make_it_do_nothing(site, path):
    assert site.ask("POST", path, {}, origin="https://evil.example").status_code == 403


def test_every_answer_tells_the_browser_to_run_and_fetch_nothing_foreign(site):
    for method, path in ROUTES:
        headers = site.ask(method, path).headers
        assert headers["content-security-policy"] == INTERACTIVE["Content-Security-Policy"]
        assert headers["cache-control"] == "no-store"


def test_it_stops_before_a_password_box_above_the_threshold(site):
    text = site.look(PHISH, LOGIN).text
    assert "Do not type your password" in text
    assert 'role="alert"' in text
    assert text.count("<progress") == 3
    assert re.search(r"\d+ %</strong> likely", text)


def test_without_a_password_box_it_warns_and_a_garden_is_left_in_peace(site):
    assert "looks like phishing" in site.look(PHISH).text
    calm = site.look(GOOD.format("calm")).text
    assert "Nothing here stands out" in calm
    assert "alert" not in calm


def test_what_is_no_link_is_refused_in_words_and_not_kept(site):
    before = len(kept(site.watch))
    for link, page in (("javascript:alert(1)", None), (GOOD, b"<div>" * 5_000), ("https://" + "a" * 20_000, None), ("", None)):
        answer = site.look(link, page)
        assert answer.status_code == 200
        assert "cannot be judged" in answer.text
    assert len(kept(site.watch)) == before


def test_neither_the_link_nor_the_page_is_ever_run_or_opened(site):
    hostile = "https://example.com/\"><script>alert('x')</script>"
    text = site.look(hostile, b"<title><script>alert(2)</script></title><img src=x onerror=alert(3)>").text
    assert "<script" not in text
    assert "onerror" not in text
    assert "href=" not in text
    assert "<iframe" not in text


def test_the_same_link_looked_at_twice_is_one_record():
    site = Site().entered()
    for _ in range(3):
        site.look(BAD.format(1), LOGIN)
    assert len(kept(site.watch)) == 1
    site.look(BAD.format(1))
    assert len(kept(site.watch)) == 2


def test_the_persons_word_decides_and_is_forgotten_on_request():
    site = Site().entered()
    assert "You said that it is not phishing" in site.ask("POST", "/report", {"link": PHISH, "phishing": False}).text
    assert "known to be no phishing" in site.look(PHISH, LOGIN).text
    assert "1 label of your own" in site.ask("GET", "/panel").text
    assert "is forgotten" in site.ask("POST", "/forget").text
    assert "Do not type" in site.look(PHISH, LOGIN).text


def test_consent_learning_and_every_byte_sent_are_shown():
    site = Site(agree=False).entered()
    assert "you have not agreed" in site.look(BAD.format(0), LOGIN).text
    (offer,) = site.watch.agent.offers()
    assert "You said yes" in site.ask("POST", "/consent", {"terms": offer.terms_hash.hex(), "agreed": True}).text
    for number in range(WINDOW):
        site.look(BAD.format(number), LOGIN)
        site.ask("POST", "/report", {"link": BAD.format(number), "phishing": True})
    assert f"{WINDOW} links noted, {WINDOW} of them labelled" in site.ask("GET", "/panel").text
    text = site.ask("POST", "/train").text
    (sent,) = site.watch.agent.sent()
    assert sent.outgoing.report[:16].hex(" ") in text
    assert "0 links noted" in text
    assert "1 report made" in text
    assert site.ask("GET", "/export").json()["reported_links"]
    assert "You said no" in site.ask("POST", "/consent", {"terms": offer.terms_hash.hex(), "agreed": False}).text


def test_the_newest_labels_come_from_the_servers_public_list():
    site = Site().entered()
    site.desk.offer(feed((PHISH, True), ("https://fine.example/", False)).release())
    assert "newest that there are" in site.ask("POST", "/refresh").text
    assert "2 public labels" in site.ask("GET", "/panel").text
    site.desk.down = RuntimeError("broken")
    assert site.ask("POST", "/refresh").status_code == 500


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/look", b"["), ("/look", b"[]"), ("/look", {}), ("/look", {"link": 1}), ("/look", {"link": "x", "page": "é"}),
        ("/look", {"link": "x", "page": 5}), ("/consent", {"terms": "zz"}), ("/report", {}), ("/look", b"[" * 9_999),
    ],
)  # fmt: skip
def test_what_is_not_the_pages_own_request_is_refused(site, path, body):
    assert site.ask("POST", path, body).status_code == 400


def test_a_page_beyond_all_bounds_is_refused_while_it_comes(site):
    assert site.ask("POST", "/look", b"x" * (3 * MOST_BYTES)).status_code == 413
    assert "cannot be judged" in site.look(GOOD, b"x" * (MOST_BYTES + 1)).text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60), st.one_of(st.none(), st.binary(max_size=60)))
def test_whatever_is_pasted_or_dropped_is_answered(site, link, page):
    assert site.look(link, page).status_code == 200
    assert site.ask("POST", "/report", {"link": link, "phishing": True}).status_code in (200, 409)


def test_a_page_in_utf16_hides_no_password_box_and_a_binary_file_is_no_page(site):
    assert "Do not type your password" in site.look(PHISH, LOGIN.decode().encode("utf-16")).text
    for data, why in (
        (LOGIN.decode().encode("utf-16-le"), "NUL bytes"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "NUL bytes"),
        (b"", "empty"),
    ):
        answer = site.look(PHISH, data).text
        assert "cannot be judged" in answer
        assert why in answer


def test_a_name_like_a_protected_brand_is_said_even_if_the_model_is_calm(site):
    answer = site.look("https://p\u0430ypal.com/").text
    assert "the name is like that of paypal" in answer
    assert "xn--" in answer
    assert "Nothing here stands out" not in answer
    assert "like that of" not in site.look("https://www.paypal.com/").text


def test_no_sign_of_a_link_is_invisible_where_it_is_shown(site):
    answer = site.look("https://example.com/\u202egpj\u200b.exe").text
    assert "<code>https://example.com/%E2%80%AEgpj%E2%80%8B.exe</code>" in answer
