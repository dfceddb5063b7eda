"""Every route of the companion under every kind of stranger: the routes come from the application's own table."""

import pytest
from starlette.routing import Mount, Route

from choral.apps.companion.device.labelling import chosen
from choral.apps.companion.page import WAYS
from choral.pages import INTERACTIVE
from tests.apps.companion_site import CANARY, GOOD, NOW, Site

EACH = pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.method} {way.path}")
OPEN = [way for way in WAYS if way.rule == "open"]
EACH_OPEN = pytest.mark.parametrize("way", OPEN, ids=lambda way: f"{way.method} {way.path}")


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A companion that holds a secret; each test leaves it open."""
    site = Site(tmp_path_factory.mktemp("full")).begin()
    site.diary.keep_note("secret", CANARY)
    site.diary.label(NOW.date(), {3: chosen("a museum")})
    return site


def routes_of(app):
    """What the application really routes, under its wrappers."""
    inner = app
    while not hasattr(inner, "routes"):
        cells = getattr(inner, "__closure__", None) or ()
        guard = getattr(inner, "__self__", None)
        inner = guard.app if guard is not None else next(cell.cell_contents for cell in cells if callable(cell.cell_contents))
    return inner.routes


def test_the_table_is_the_application_and_each_way_has_a_rule(full):
    routes = routes_of(full.app)
    assert {type(route) for route in routes} == {Route, Mount}
    routed = {(method, route.path) for route in routes if isinstance(route, Route) for method in route.methods - {"HEAD"}}
    assert routed == {(way.method, way.path) for way in WAYS}
    assert [route.path for route in routes if isinstance(route, Mount)] == ["/static"]
    assert len(WAYS) == len(routed)


def test_only_the_entrance_answers_without_an_open_companion():
    """A new route is open-only unless it is added here, on purpose."""
    assert {(way.method, way.path) for way in WAYS if way.rule != "open"} == {
        ("GET", "/"),
        ("GET", "/begin"),
        ("POST", "/begin"),
        ("GET", "/unlock"),
        ("POST", "/unlock"),
    }


@EACH
def test_without_the_cookie_of_the_door_nothing_answers(full, way):
    for cookies in ({}, {"choral-8123": "0" * 64}, {"choral-open-8123": full.cookies["choral-open-8123"]}):
        answer = full.ask(way.method, way.path, cookies=cookies)
        assert answer.status_code == 401
        assert "museum" not in answer.text


@EACH_OPEN
def test_another_browser_behind_the_door_sees_nothing_of_an_open_companion(full, way):
    door_only = {"choral-8123": full.cookies["choral-8123"]}
    for cookies in (door_only, {**door_only, "choral-open-8123": "0" * 64}, {**door_only, "choral-open-8123": ""}):
        answer = full.ask(way.method, way.path, cookies=cookies)
        assert (answer.status_code, answer.headers.get("location")) in ((303, "/unlock"), (423, None))
        assert (answer.status_code == 303) is (way.method == "GET")
        assert "museum" not in answer.text
    assert full.diary.note("secret") == CANARY


@EACH_OPEN
def test_once_it_is_locked_the_old_session_opens_nothing(full, way):
    full.desk.lock()
    try:
        answer = full.ask(way.method, way.path)
        assert answer.status_code == (303 if way.method == "GET" else 423)
        assert "museum" not in answer.text
        assert not full.desk.home.is_open
    finally:
        full.unlock()
    assert full.diary.note("secret") == CANARY


@EACH
def test_another_name_of_this_machine_is_refused(full, way):
    for host in ("evil.example", "localhost:8123", "127.0.0.1:8124", ""):
        assert full.ask(way.method, way.path, host=host).status_code == 403


@pytest.mark.parametrize("way", [way for way in WAYS if way.method == "POST"], ids=lambda way: way.path)
def test_nothing_changes_unless_the_page_itself_asks(full, way):
    for origin in (None, "null", "http://evil.example", "https://127.0.0.1:8123", "http://127.0.0.1:9"):
        assert full.ask("POST", way.path, origin=origin).status_code == 403
    assert full.ask("POST", way.path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert full.diary.note("secret") == CANARY


@pytest.mark.parametrize("path", sorted({way.path for way in WAYS}))
def test_another_method_is_refused(full, path):
    for method in {"PUT", "DELETE", "OPTIONS", "GET", "POST"} - {way.method for way in WAYS if way.path == path}:
        answer = full.ask(method, path)
        assert answer.status_code == 405
        assert "museum" not in answer.text


@EACH
def test_every_answer_carries_the_strict_headers_and_is_kept_by_nobody(full, way):
    for cookies in (None, {}):
        answer = full.ask("GET", way.path, cookies=cookies)
        assert {name: answer.headers[name] for name in INTERACTIVE} == INTERACTIVE


def test_a_companion_that_exists_is_not_begun_again(full):
    for method in ("GET", "POST"):
        answer = full.ask(method, "/begin", {"passphrase": "another one", "again": "another one"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert full.diary.note("secret") == CANARY


def test_before_the_first_run_every_way_leads_to_it(tmp_path):
    site = Site(tmp_path).enter()
    for way in OPEN:
        assert site.ask(way.method, way.path).headers["location"] == "/begin"
    assert not site.home.folder.exists()


def test_the_keys_of_a_session_are_for_no_script_no_other_site_and_no_other_port(tmp_path):
    site = Site(tmp_path).enter()
    answer = site.ask("POST", "/begin", {"passphrase": GOOD, "again": GOOD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("choral-open-8123=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


def test_locking_and_unlocking_gives_another_key(full):
    before = full.cookies["choral-open-8123"]
    full.desk.lock()
    full.unlock()
    assert full.cookies["choral-open-8123"] != before
    old = {**full.cookies, "choral-open-8123": before}
    assert full.ask("GET", "/today", cookies=old).headers["location"] == "/unlock"


def test_a_form_cannot_lead_off_the_page(full):
    for to in ("https://evil.example/", "//evil.example/", "/\\evil.example", "", "javascript:alert(1)"):
        assert full.ask("POST", "/reveal", {"to": to}).headers["location"] == "/today"
    assert full.ask("POST", "/reveal", {"to": "/week?day=2026-03-04"}).headers["location"] == "/week?day=2026-03-04"
