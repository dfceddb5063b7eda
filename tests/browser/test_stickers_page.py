"""The chat page as a person uses it: real phone, real server, real catalogue service, each in a process of its own."""

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from choral.apps.stickers.device.events import rank_dictionary
from choral.apps.stickers.device.personal import HttpAccount
from choral.apps.stickers.device.phone import Phone
from choral.apps.stickers.device.tasks import SMALL, Desk, choice_task, rank_task
from choral.apps.stickers.page import application
from choral.cli.local.catalogue import local_catalogue
from choral.cli.local.server import local_server
from choral.device import Budget, HttpTransport
from choral.device.keys import KeyFile
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.numerics import SystemEntropy
from choral.pages import Door
from choral.server.keys import SERVER, SHUFFLER
from choral.storage import SqliteDeviceStore
from tests.browser.conftest import served_at
from tests.browser.looks import FAULTS

pytestmark = pytest.mark.browser
LOGS = "account,sticker,kind,day\n" + "".join(
    f"person-{person},{(7 * person + 13 * step) % 900},purchased,2026-05-01\n" for person in range(12) for step in range(9)
)


def now():
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def servers():
    """A server that asks the two questions, and a catalogue that has learnt from a few logs."""
    with local_server() as server, local_catalogue(SMALL.item - 1) as catalogue:
        desk = Desk(
            start=now() - timedelta(hours=1),
            expires=now() + timedelta(days=30),
            shuffler_key=server.keys.public(SHUFFLER),
            server_key=server.keys.public(SERVER),
            delay_seconds=0,
            reviewer="a test",
        )
        server.publish(rank_dictionary())
        server.publish(choice_task(desk, head=SMALL, epsilon=8.0, minimum=10, goal=10, reports_per_day=4))
        server.publish(rank_task(desk, minimum=10, goal=10))
        tokens = catalogue.accounts([f"person-{person}" for person in range(12)])
        catalogue.load(LOGS)
        catalogue.learn(SMALL.personal - 1)
        yield server, catalogue, tokens


@contextmanager
def chat(servers, folder, person=0):
    """A link to the page of one phone, whose person has agreed to nothing yet."""
    server, catalogue, tokens = servers
    phone = Phone.opened(
        store=SqliteDeviceStore(folder / "store.sqlite", KeyFile(folder / "key").key()),
        names={**MECHANISMS, **ALGORITHMS},
        operators=frozenset({server.keys.operator_key().public_key().public_bytes_raw()}),
        transport=HttpTransport(server.url),
        entropy=SystemEntropy(),
        budget=Budget.nats(day=40, year=100, life=100),
    )
    phone.download(HttpAccount(catalogue.url, tokens[f"person-{person}"]))
    phone.refresh(now())
    door = Door(SystemEntropy())
    try:
        with served_at(lambda host: application(phone, door, hosts={host}, clock=now)) as host:
            yield phone, door.link(f"http://{host}", now())
    finally:
        phone.store.close()


@contextmanager
def opened(browser, link, *, width=1280, scheme="light"):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto(link)
    yield page
    assert complaints == []
    context.close()


def until(page, holds):
    """Wait for something to hold; the page's policy forbids the browser's own way, which evaluates text."""
    end = time.monotonic() + 20
    while not page.evaluate(holds):
        assert time.monotonic() < end, holds
        page.wait_for_timeout(20)


def suggested(page, text):
    """Names of the stickers on the screen for a text, in their order."""
    page.get_by_label("Message", exact=True).fill("")
    until(page, "document.querySelectorAll('#suggestions button').length === 0")
    page.get_by_label("Message", exact=True).fill(text)
    until(page, "document.querySelectorAll('#suggestions button').length > 0")
    return page.locator("#suggestions button").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")


def choose(page, name):
    before = page.locator("#messages li").count()
    page.locator("#suggestions").get_by_role("button", name=name, exact=True).click()
    until(page, f"document.querySelectorAll('#messages li').length > {before}")
    until(page, "document.querySelector('#text').value === ''")


def train(page):
    page.locator("#said").evaluate("one => { one.textContent = '' }")
    page.get_by_role("button", name="Train now").click()
    until(page, "document.querySelector('#said').textContent.includes('learnt')")


def switch_on(page):
    for place in range(page.get_by_role("switch").count()):
        page.get_by_role("switch").nth(place).click()
        until(page, f"document.querySelectorAll('[role=switch]')[{place}].getAttribute('aria-checked') === 'true'")


def test_a_person_types_chooses_trains_and_sees_the_order_change(browser, servers, tmp_path):
    with chat(servers, tmp_path) as (phone, link), opened(browser, link) as page:
        assert page.locator('[role=switch][aria-checked="true"]').count() == 0
        switch_on(page)
        for text in ("おはよう", "thank you"):
            names = suggested(page, text)  # as they stand now: the model begins at random, and other choices move these too
            assert len(names) == 10
            for _ in range(2):
                assert suggested(page, text) == names, "choosing alone changes nothing; learning does"
                choose(page, names[-1])
            train(page)
            after = suggested(page, text)
            assert after != names
            assert after.index(names[-1]) < 9
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=tmp_path / "stickers.png", full_page=True)
        assert page.locator(".report").count() == len(phone.agent.sent()) >= 2
        page.locator(".report summary").first.click()
        shown = "".join(page.locator(".report pre").all_text_contents()).replace(" ", "")
        assert all(row.outgoing.report.hex() in shown for row in phone.agent.sent())
        assert all(row.outcome == "delivered" for row in phone.agent.sent())


def test_the_keyboard_alone_suffices(browser, servers, tmp_path):
    with chat(servers, tmp_path, 1) as (_, link), opened(browser, link) as page:
        names = suggested(page, "thank you")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        until(page, "document.querySelectorAll('#messages .sticker').length === 1")
        assert page.locator("#messages .sticker [role=img]").get_attribute("aria-label") == f"Sticker: {names[1]}"
        assert page.evaluate("document.activeElement.id") == "text"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_whoever_sees_little_or_has_a_small_screen_can_use_the_page(browser, servers, tmp_path, width, scheme):
    with chat(servers, tmp_path, 2) as (_, link), opened(browser, link, width=width, scheme=scheme) as page:
        switch_on(page)
        choose(page, suggested(page, "thank you")[2])
        train(page)
        suggested(page, "おはよう")
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert page.evaluate(FAULTS) == []
        page.screenshot(path=tmp_path / f"{width}-{scheme}.png", full_page=True)


def test_a_text_that_is_sent_goes_nowhere_but_onto_the_screen(browser, servers, tmp_path):
    with chat(servers, tmp_path, 3) as (_, link), opened(browser, link) as page:
        asked = []
        page.on("request", lambda request: asked.append((request.method, request.url, request.post_data or "")))
        page.get_by_label("Message", exact=True).fill("xyzzy plugh")
        page.get_by_role("button", name="Send").click()
        until(page, "document.querySelectorAll('#messages .mine').length === 1")
        assert all("xyzzy" not in url for _, url, _ in asked)
        assert {url.split("/", 3)[3] for _, url, body in asked if "xyzzy" in body} <= {"suggest"}
        assert all("127.0.0.1" in url for _, url, _ in asked)


def test_without_the_link_nothing_is_shown(browser, servers, tmp_path):
    with chat(servers, tmp_path, 4) as (_, link):
        context = browser.new_context()
        page = context.new_page()
        answer = page.goto(link.split("/enter")[0])
        assert answer.status == 401
        assert "for one person" in page.text_content("h1")
        context.close()
