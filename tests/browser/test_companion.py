"""The companion as a person uses it: first run, import, a day labelled, a suggestion, what left, lock, export, erase."""

import json
import socket
import threading
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
import uvicorn

from choral.apps.companion.device.diary import Import
from choral.apps.companion.page import application
from tests.apps.companion_files import CANARIES, EACH
from tests.apps.companion_site import GOOD, NOW, Site, lived
from tests.browser.looks import FAULTS

pytestmark = pytest.mark.browser
LONG = ("Donaudampfschifffahrtsgesellschaftskapitänsmützen.json", "吾輩は猫である名前はまだ無いどこで生れたかとんと見当.json")
PAGES = ("today", "week", "mood", "suggestions", "privacy", "data", "settings", "import", "welcome", "welcome/consent")


@contextmanager
def served(site):
    """A link to the site's page on a real socket."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        app = application(site.desk, site.door, hosts={host})
        web = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", server_header=False))
        thread = threading.Thread(target=web.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            until = time.monotonic() + 10
            while not web.started and time.monotonic() < until:
                time.sleep(0.01)
            yield f"http://{host}"
        finally:
            web.should_exit = True
            thread.join()
            site.desk.lock()


@contextmanager
def opened(browser, site, origin, *, width=1280, scheme="light", scripts=True, told=()):
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts, accept_downloads=True
    )
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(site.door.link(origin, site.now))
    yield page
    assert [one for one in complaints if not any(words in one for words in told)] == []
    context.close()


def begin(page):
    page.get_by_label("A passphrase, at least 8 characters").fill(GOOD)
    page.get_by_label("The same again").fill(GOOD)
    page.get_by_role("button", name="Begin").click()


def unlock(page, passphrase=GOOD):
    page.get_by_label("Passphrase", exact=True).fill(passphrase)
    page.get_by_role("button", name="Unlock").click()


def send(page, paths):
    """Send files, and wait until the page has told what became of each."""
    page.get_by_label("Files to read").set_input_files(paths)
    page.get_by_role("button", name="Import", exact=True).click()
    page.locator("[data-told][data-done=yes]").wait_for(timeout=20_000)
    return page.locator("[data-told] p").all_text_contents()


def test_the_first_evening_from_the_passphrase_to_the_erase(browser, tmp_path):
    site = Site(tmp_path)
    (tmp_path / "files").mkdir()
    files = [make(tmp_path / "files") for make in EACH.values()]
    files[0] = files[0].rename(files[0].with_name(LONG[0]))
    with served(site) as origin, opened(browser, site, origin, told=("status of 403",)) as page:
        begin(page)
        told = send(page, files)
        assert len(told) == len(EACH)
        assert all(f"({kind})" in one for kind, one in zip(EACH, told, strict=True)), told
        assert not page.locator(".problem").count()
        assert not list((site.home.folder / "incoming").iterdir())
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        again = send(page, files[:1])
        assert "nothing is doubled" in again[0]
        page.get_by_role("link", name="Go on").click()
        assert page.locator('[aria-checked="true"]').count() == 0
        page.get_by_role("link", name="To today").click()

        page.get_by_role("link", name="Label 00:00–06:00").click()  # the first tap
        page.locator(".picker .choice").first.click()  # the second
        assert page.locator(".line.said").first.inner_text().split()[:2] == ["00:00–06:00", "sleeping"]
        page.get_by_label("How it feels").last.fill("12")
        page.get_by_label("Energy").last.fill("20")
        page.get_by_role("button", name="Keep", exact=True).click()
        assert "Kept" in page.locator("main > .told").inner_text()

        page.get_by_role("link", name="Suggestions").click()
        for _ in range(12):  # a coin decides: now and then nothing is suggested
            if page.get_by_role("button", name="Never this").count():
                break
            site.now += timedelta(days=1)
            page.goto(site.door.link(origin, site.now))
            unlock(page)
            page.get_by_label("How it feels").first.fill("10")
            page.get_by_role("button", name="Keep", exact=True).click()
            page.goto(f"{origin}/suggestions")
        page.get_by_role("button", name="Never this").click()
        assert "Never these" in page.inner_text("main")

        page.get_by_role("link", name="Privacy").click()
        assert "Nothing." in page.inner_text("main")
        with page.expect_download() as download:
            page.goto(f"{origin}/data")
            page.get_by_role("link", name="Export everything").click()
        kept = json.loads(download.value.path().read_text())
        assert {"2026-03-04"} <= set(kept["diary"]["days"])
        assert kept["device"]["sent"] == []

        page.get_by_role("button", name="Lock").click()
        assert page.title() == "Notes"
        unlock(page, "not the passphrase")
        assert "does not open" in page.get_by_role("alert").inner_text()
        unlock(page)
        assert page.locator("h1").inner_text() == "Today"
        assert not any(canary in site.data() for canary in CANARIES)
        page.goto(f"{origin}/data")
        page.get_by_label("Type erase to be sure").fill("erase")
        page.get_by_role("button", name="Erase everything").click()
        assert page.locator("h1").inner_text() == "Erased"
    assert [path for path in site.home.folder.rglob("*") if path.is_file()] == []


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Six weeks of a life, and a day that is half labelled."""
    site = Site(tmp_path_factory.mktemp("full"))
    site.desk.create(GOOD, NOW)
    lived(site.diary, days=42)
    site.diary.label(NOW.date(), dict.fromkeys((*range(3, 7), 9, 10, 12)))
    for place, name in enumerate(LONG):
        site.diary.imported(
            bytes([place]) * 32, Import("Google Maps Timeline", name, 0, 1_234_567, 0, 1, "the file is cut off")
        )
    site.desk.renew(site.desk.open_room())
    with served(site) as origin:
        yield site, origin


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_whoever_sees_little_or_has_a_small_screen_can_use_every_page(browser, full, tmp_path, width, scheme):
    site, origin = full
    with opened(browser, site, origin, width=width, scheme=scheme) as page:
        unlock(page)
        for name in (*PAGES, "today?at=9&to=9"):
            page.goto(f"{origin}/{name}")
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            page.screenshot(path=tmp_path / f"{name[:8].replace('/', '-')}-{width}-{scheme}.png", full_page=True)
            assert page.evaluate(FAULTS) == [], name


def test_it_is_used_without_a_script_but_for_files(browser, full):
    site, origin = full
    with opened(browser, site, origin, scripts=False) as page:
        unlock(page)
        page.goto(f"{origin}/today")
        page.get_by_role("button", name="Yes").first.click()
        page.goto(f"{origin}/import")
        assert "needs this page’s own script" in page.inner_text("main")
        assert page.get_by_role("button", name="Import", exact=True).is_disabled()


def test_the_keyboard_alone_labels_an_hour(browser, full):
    site, origin = full
    with opened(browser, site, origin) as page:
        unlock(page)
        page.goto(f"{origin}/today?at=12&to=12")
        page.locator(".picker .choice").first.focus()
        name = page.locator(".picker .choice").first.inner_text()
        page.keyboard.press("Enter")
        page.locator("#h12.said, .line.said").first.wait_for()
        assert site.diary.labels(NOW.date(), NOW.date())[NOW.date()][12].activity == name


def test_discreet_mode_shows_nothing_until_it_is_revealed(browser, full):
    site, origin = full
    with opened(browser, site, origin) as page:
        unlock(page)
        page.goto(f"{origin}/data")
        page.get_by_role("button", name="Switch discreet mode on").click()
        try:
            assert page.title() == "Notes"
            page.get_by_role("button", name="Cover").click()
            assert page.inner_text("main").split() == ["Notes", "Show"]
            page.get_by_role("button", name="Show").click()
            assert page.locator("h1").inner_text() == "Today"
        finally:
            site.desk.session.reveal(site.now)
            page.goto(f"{origin}/data")
            page.get_by_role("button", name="Switch discreet mode off").click()
        assert page.title() == "Your data · companion"
