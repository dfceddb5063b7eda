"""The link page as a person uses it: paste a link, drop a page, be warned before a password, see what was sent."""

from contextlib import contextmanager

import pytest

from choral.apps.phishing.device.records import WINDOW
from choral.apps.phishing.page import application
from choral.numerics import SystemEntropy
from choral.pages import Door
from tests.apps.phishing_device import BAD, HERE, LOGIN, LinkDesk, device
from tests.browser.conftest import served_at
from tests.browser.looks import FAULTS
from tests.device.setting import NOW

pytestmark = pytest.mark.browser
PHISH = "http://paypal-login.192-0-2-7.account-verify.tk/wp-admin/login.php?cmd=1"
GARDEN = "https://www.gardening.example.com/roses"
WIDTHS = [390, 1280]


@contextmanager
def links_page():
    """A device and a link to its page."""
    watch, door = device(LinkDesk(), agree=False), Door(SystemEntropy())
    with served_at(lambda host: application(watch, door, hosts={host}, clock=lambda: NOW, here=lambda now: HERE)) as host:
        yield watch, lambda: door.link(f"http://{host}", NOW)


@pytest.fixture(scope="module")
def served():
    with links_page() as found:
        yield found


@contextmanager
def opened(browser, link, *, width=1280, scheme="light"):
    """The page; everything that it asks for goes to its own address, and the browser complains of nothing."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, complaints, asked = context.new_page(), [], set()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.add(request.url.split("/")[2]))
    page.goto(link)
    yield page
    assert complaints == []
    assert asked == {link.split("/")[2]}
    context.close()


def look(page, link, data=None):
    """Paste the link, choose the page's file if there is one, and wait for the answer."""
    page.locator("#answer").evaluate("answer => answer.replaceChildren()")
    page.get_by_label("A link that you received").fill(link)
    page.get_by_label("Its page").set_input_files(
        [] if data is None else {"name": "page.html", "mimeType": "text/html", "buffer": data}
    )
    if data is None:  # else the file is looked at as it comes
        page.get_by_role("button", name="Look at it").click()
    answer = page.locator("#answer .verdict")
    answer.wait_for()
    page.locator("#ask button:enabled").wait_for()
    return answer


def test_it_stops_the_person_before_the_password_and_says_why(browser, served):
    with opened(browser, served[1]()) as page:
        answer = look(page, PHISH, LOGIN)
        assert answer.get_attribute("role") == "alert"
        assert "Do not type your password" in answer.get_by_role("heading", level=2).inner_text()
        reasons = answer.locator(".reasons li")
        assert reasons.count() == 3
        assert all("phishing" in text for text in reasons.all_inner_texts())
        assert "Nothing here stands out" in look(page, GARDEN).inner_text()


def test_a_page_that_is_dropped_is_looked_at_with_its_link(browser, served):
    with opened(browser, served[1]()) as page:
        page.get_by_label("A link that you received").fill(PHISH)
        page.evaluate(
            """text => {
                const carried = new DataTransfer();
                carried.items.add(new File([text], "page.html", { type: "text/html" }));
                for (const kind of ["dragover", "drop"])
                    document.getElementById("drop").dispatchEvent(
                        new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
            }""",
            LOGIN.decode(),
        )
        page.locator("#answer .verdict.stop").wait_for()


def choose(page, data):
    page.get_by_label("Its page").set_input_files({"name": "page.html", "mimeType": "text/html", "buffer": data})


def test_a_page_alone_is_judged_with_the_address_that_a_browser_wrote_into_it(browser, served):
    with opened(browser, served[1]()) as page:
        choose(page, b"<!DOCTYPE html>\n<!-- saved from url=(0073)" + PHISH.encode() + b" -->\n<html>" + LOGIN)
        page.locator("#answer .verdict.stop").get_by_text("what the file says of itself").wait_for()
        assert page.get_by_label("A link that you received").input_value() == PHISH


def test_a_page_alone_that_does_not_say_where_it_is_from_asks_for_its_link(browser, served):
    with opened(browser, served[1]()) as page:
        choose(page, LOGIN)
        page.locator("#hint").get_by_text("Paste the link that led to this page").wait_for()
        assert page.evaluate("document.activeElement.id") == "link"
        page.keyboard.insert_text(PHISH[:30] + "\n" + PHISH[30:])
        page.keyboard.press("Enter")
        page.locator("#answer .verdict.stop").wait_for()


def test_garbage_is_refused_where_the_person_looks_and_nothing_of_it_is_kept(browser, served):
    before = served[0].export()
    with opened(browser, served[1]()) as page:
        for link, data, why in (
            ("https://example.com/" + "a" * 20_000, None, "characters"),
            ("https://exa\x07mple.com/", None, "control characters"),
            ("javascript:alert(1)", None, "no address of a page"),
            ("", None, "no link"),
            (GARDEN, b"<div" * 2**18, "1,048,576 bytes"),
            (GARDEN, b"<div><b <table></p>" * 20_000, "nests over"),
            (GARDEN, b"\x7fELF\0\0" * 1_000, "NUL bytes"),
        ):
            assert why in look(page, link, data).inner_text()
    assert served[0].export() == before


def test_an_ended_session_and_a_program_that_is_gone_are_said_in_words(browser):
    with links_page() as (_, link):
        context = browser.new_context()
        page = context.new_page()
        page.goto(link())
        context.clear_cookies()
        assert "session is over" in look(page, GARDEN).inner_text()
        page.get_by_role("button", name="Learn now").click()
        page.locator("#said").get_by_text("session is over").wait_for()
        page.goto(link().split("/enter")[0])
        assert page.locator(".brand").evaluate("one => getComputedStyle(one).fontWeight") == "700", "it looks like a page"
        page.goto(link())
    assert "does not answer" in look(page, GARDEN).inner_text()
    context.close()


def test_a_hostile_link_and_page_run_nothing(browser, served):
    with opened(browser, served[1]()) as page:
        hostile = b"<title><script>document.title='owned'</script></title><img src=x onerror=\"document.title='owned'\">"
        look(page, "https://example.com/\"><img/src=x/onerror=document.title='owned'>", hostile)
        assert page.title().startswith("Is this link safe?")
        assert "cannot be judged" in look(page, "javascript:alert(1)").inner_text()


def test_by_keyboard_a_person_agrees_labels_learns_and_sees_every_byte(browser):
    with links_page() as (watch, link), opened(browser, link()) as page:
        switch = page.get_by_role("switch")
        switch.focus()
        page.keyboard.press("Enter")
        page.locator("[aria-checked=true]").wait_for()
        assert page.evaluate("document.activeElement.getAttribute('role')") == "switch"
        for number in range(WINDOW):
            look(page, BAD.format(number), LOGIN)
            page.get_by_role("button", name="It is phishing").press("Enter")
            page.locator("#said").get_by_text("You said that it is phishing").wait_for()
            page.get_by_text(f"{number + 1} of them labelled").wait_for()
            page.get_by_role("heading", name="Stop. Do not type").wait_for()
        page.locator("[data-report=true]:focus").wait_for()
        page.get_by_role("button", name="Learn now").press("Enter")
        page.get_by_text("1 report made").wait_for()
        page.get_by_text("0 links noted").wait_for()
        page.locator("details.report summary").click()
        (sent,) = watch.agent.sent()
        assert sent.outgoing.report[:16].hex(" ") in page.get_by_label("The report in hexadecimal").inner_text()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen_in_light_and_dark(browser, served, width, scheme, tmp_path):
    with opened(browser, served[1](), width=width, scheme=scheme) as page:
        page.screenshot(path=tmp_path / "empty.png", full_page=True)
        assert page.evaluate(FAULTS) == []
        for name, link, data in (("stop", PHISH, LOGIN), ("calm", GARDEN, None), ("long", GARDEN + "/" + "x" * 3_000, LOGIN)):
            look(page, link, data)
            page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
            assert page.evaluate(FAULTS) == [], name
            cards = page.locator(".card").evaluate_all("all => all.map(one => Math.round(one.getBoundingClientRect().width))")
            assert len(set(cards)) == 1
