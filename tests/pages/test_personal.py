"""A page about one person: what its own script may ask, how it refuses, and that one thread does all of it."""

import asyncio
import base64
import json
import threading
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import JSONResponse

from choral.errors import Refused
from choral.numerics import SeededEntropy
from choral.pages import INTERACTIVE, Door, personal

NOW, HOST = datetime(2027, 1, 5, 12, tzinfo=UTC), "127.0.0.1:8125"
ORIGIN = f"http://{HOST}"
READS = ("text", "number", "is_true", "hash", "data")


class Site:
    """A page that answers with what it was asked."""

    def __init__(self):
        self.door, self.threads = Door(SeededEntropy(3)), set()
        self.app = personal(
            self.door,
            package="choral.pages",
            shows={"/": lambda: self.told("shown")},
            acts={
                **{f"/{name}": self.reads(name) for name in READS},
                "/no": self.refuses(Refused("the device says no")),
                "/broken": self.refuses(RuntimeError("a secret")),
            },
            hosts={HOST},
            clock=lambda: NOW,
            most_bytes=1_000,
        )
        self.cookies = dict(self.ask("GET", self.door.link("", NOW)).cookies)

    def told(self, value):
        self.threads.add(threading.get_ident())
        return JSONResponse(value.hex() if isinstance(value, bytes) else value)

    def reads(self, name):
        return lambda asked: self.told(getattr(asked, name)("x"))

    def refuses(self, error):
        def act(asked):
            raise error

        return act

    def ask(self, method, path, body=None):
        async def go():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            cookies = getattr(self, "cookies", {})
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, trust_env=False, cookies=cookies) as client:
                return await client.request(method, path, headers={"Host": HOST, "Origin": ORIGIN}, content=content)

        return asyncio.run(go())


@pytest.fixture(scope="module")
def site():
    return Site()


@pytest.mark.parametrize(
    ("path", "value", "answer"),
    [
        ("/text", "a\ud800b", "a?b"),
        ("/number", -3, -3),
        ("/is_true", True, True),
        ("/is_true", 1, False),
        ("/is_true", None, False),
        ("/hash", "0f" * 32, "0f" * 32),
        ("/data", base64.b64encode(b"\x00page").decode(), b"\x00page".hex()),
        ("/data", None, None),
    ],
)
def test_what_the_page_sends_is_read(site, path, value, answer):
    assert site.ask("POST", path, {"x": value}).json() == answer


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *((f"/{name}", body) for name in READS for body in (b"", b"[]", b"{", b"[" * 900, b"\xff")),
        *(("/text", {"x": value}) for value in (None, 5, ["a"])),
        *(("/number", {"x": value}) for value in (None, True, 1.0, "1")),
        *(("/hash", {"x": value}) for value in ("0F" * 32, "0f" * 31, 5)),
        *(("/data", {"x": value}) for value in ("é", "a", 5)),
    ],
)
def test_what_is_not_the_pages_own_is_refused(site, path, body):
    answer = site.ask("POST", path, body)
    assert answer.status_code == 400
    assert "not the page&#39;s own; reload" in answer.text


def test_what_is_too_large_is_refused(site):
    assert site.ask("POST", "/text", {"x": "a" * 900}).status_code == 200
    answer = site.ask("POST", "/text", {"x": "a" * 1_000})
    assert answer.status_code == 413
    assert "too large" in answer.text


def test_a_refusal_comes_in_the_devices_words_and_a_mistake_of_ours_quotes_nothing(site):
    said, broken, missing = site.ask("POST", "/no", {}), site.ask("POST", "/broken", {}), site.ask("GET", "/missing")
    assert (said.status_code, broken.status_code, missing.status_code) == (409, 500, 404)
    assert '<p class="why">The device says no.</p>' in said.text
    assert "secret" not in broken.text
    for answer in (said, broken, missing):
        assert {name: answer.headers[name] for name in INTERACTIVE} == INTERACTIVE


def test_a_device_belongs_to_one_thread(site):
    for _ in range(5):
        site.ask("GET", "/")
        site.ask("POST", "/text", {"x": "a"})
    assert len(site.threads) == 1
    assert threading.get_ident() not in site.threads


def test_without_the_cookie_only_how_pages_look_is_told():
    site = Site()
    site.cookies = {}
    assert [site.ask("GET", path).status_code for path in ("/static/choral.css", "/static/icon.svg")] == [200, 200]
    closed = ("/", "/static/personal.css", "/static/panel.js", "/static/../", "/static/choral.css/", "/missing")
    assert {site.ask("GET", path).status_code for path in closed} == {401}
    assert site.ask("POST", "/text", {"x": "a"}).status_code == 401


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(READS)), st.binary(max_size=80))
def test_whatever_is_sent_is_answered(site, name, body):
    assert site.ask("POST", f"/{name}", body).status_code in (200, 400)
