"""The link page as a person uses it: paste a link, drop a page, be warned before a password, see what was sent."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn

from choral.apps.phishing.page import application
from choral.apps.phishing.records import RECORDS_NEEDED
from choral.numerics import SystemEntropy
from choral.pages import Door
from tests.apps.phishing_device import BAD, HERE, LOGIN, LinkDesk, device
from tests.device.setting import NOW

pytestmark = pytest.mark.browser
PHISH = "http://paypal-login.192-0-2-7.account-verify.tk/wp-admin/login.php?cmd=1"
GARDEN = "https://www.gardening.example.com/roses"
WIDTHS = [390, 1280]


@contextmanager
def links_page():
    """A device and a link to its page."""
    watch = device(LinkDesk(), agree=False)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        door = Door(SystemEntropy())
        app = application(watch, door, hosts={host}, clock=lambda: NOW, here=lambda now: HERE)
        web = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", server_header=False))
        thread = threading.Thread(target=web.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            until = time.monotonic() + 10
            while not web.started and time.monotonic() < until:
                time.sleep(0.01)
            yield watch, lambda: door.link(f"http://{host}", NOW)
        finally:
            web.should_exit = True
            thread.join()


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
    page.get_by_role("button", name="Look at it").click()
    answer = page.locator("#answer .verdict")
    answer.wait_for()
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
        for number in range(RECORDS_NEEDED):
            look(page, BAD.format(number), LOGIN)
            page.get_by_role("button", name="It is phishing").click()
            page.get_by_text("You said that it is phishing").wait_for()
            page.get_by_text(f"{number + 1} of them labelled").wait_for()
        page.get_by_role("button", name="Learn now").click()
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
        for name, link, data in (("stop", PHISH, LOGIN), ("calm", GARDEN, None), ("long", GARDEN + "/" + "x" * 3_000, LOGIN)):
            look(page, link, data)
            page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            cards = page.locator(".card").evaluate_all("all => all.map(one => Math.round(one.getBoundingClientRect().width))")
            assert len(set(cards)) == 1
