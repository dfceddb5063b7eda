"""The release page as a person sees it: phone and desktop, light and dark, with and without JavaScript."""

import io
from contextlib import contextmanager

import pytest
from PIL import Image

from choral.apps.dashboard import application
from tests.apps.real_server import NAMES, finished_server
from tests.browser.conftest import served
from tests.browser.looks import FAULTS

pytestmark = pytest.mark.browser
WIDTHS = (390, 1280)
BOXES = "all => all.map(one => { const b = one.getBoundingClientRect(); return [b.left, b.right, b.top, b.bottom] })"


@pytest.fixture(scope="module")
def site():
    app, _ = finished_server()
    with served(application(app)) as address:
        yield address


@pytest.fixture(scope="module")
def paths():
    """The index, the task's page and the release's page."""
    _, release = finished_server()
    return "/", f"/tasks/{release.task.hex()}", f"/releases/{release.hash.hex()}"


@pytest.fixture(scope="module")
def release_page(site, paths):
    return site + paths[-1]


def shown():
    """Estimate and error of each bar."""
    arrays = finished_server()[1].arrays
    told = arrays["item"] != NAMES.index("nothing")
    return list(zip(arrays["estimate"][told], arrays["stderr"][told], strict=True))[:20]


@contextmanager
def opened(browser, address, *, width=1280, scheme="light", javascript=True, scale=1):
    """The page, and what the browser complained about."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=javascript, device_scale_factor=scale
    )
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto(address)
    yield page, complaints
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen_and_the_browser_complains_of_nothing(browser, site, paths, width, scheme, tmp_path):
    for number, path in enumerate(paths):
        with opened(browser, site + path, width=width, scheme=scheme) as (page, complaints):
            page.screenshot(path=tmp_path / f"{number}.png", full_page=True)
            assert page.evaluate(FAULTS) == []
            assert page.evaluate("[...document.querySelectorAll('.scroll')].every(one => one.scrollWidth <= one.clientWidth)")
            assert complaints == []


@pytest.mark.parametrize("width", WIDTHS)
def test_bars_are_as_long_as_the_estimates_and_carry_their_error_bars(browser, release_page, width):
    with opened(browser, release_page, width=width) as (page, _):
        bars = page.locator("svg rect.bar").evaluate_all(BOXES)
        whiskers = page.locator("svg .whisker line:first-child").evaluate_all(BOXES)
    items = shown()
    assert len(bars) == len(whiskers) == len(items) >= 10
    scale = (bars[0][1] - bars[0][0]) / items[0][0]
    assert scale * items[0][0] > 100
    for (left, right, top, bottom), (low, high, above, below), (estimate, stderr) in zip(bars, whiskers, items, strict=True):
        assert right - left == pytest.approx(scale * estimate, abs=0.5)
        assert (low + high) / 2 == pytest.approx(right, abs=0.5)
        assert high - low == pytest.approx(4 * scale * stderr, abs=2)
        assert top < (above + below) / 2 < bottom


@pytest.mark.parametrize("width", WIDTHS)
def test_labels_bars_and_numbers_do_not_touch(browser, release_page, width):
    with opened(browser, release_page, width=width) as (page, _):
        labels = page.locator("svg .label").evaluate_all(BOXES)
        bars = page.locator("svg .bar").evaluate_all(BOXES)
        whiskers = page.locator("svg .whisker line:first-child").evaluate_all(BOXES)
        numbers = page.locator("svg .number").evaluate_all(BOXES)
        card = page.locator("section.card").evaluate_all(BOXES)[0]
    for label, bar, whisker, number in zip(labels, bars, whiskers, numbers, strict=True):
        assert card[0] < label[0] < label[1] < bar[0] < whisker[1] < number[0] < number[1] < card[1]


def test_each_emoji_is_a_coloured_picture_and_not_a_box(browser, release_page):
    with opened(browser, release_page, scale=2) as (page, _):
        boxes = page.locator("svg .label").evaluate_all(BOXES)
        whole = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    pictures = [whole.crop(tuple(round(2 * edge) for edge in (left, top, right, bottom))) for left, right, top, bottom in boxes]
    assert all(coloured(picture) > 0.05 for picture in pictures)
    assert len({picture.resize((16, 16)).tobytes() for picture in pictures}) == len(pictures)


def coloured(picture):
    """The share of pixels that are far from grey; a missing glyph's box has none."""
    pixels = list(zip(*[iter(picture.tobytes())] * 3, strict=True))
    return sum(max(pixel) - min(pixel) > 60 for pixel in pixels) / len(pixels)


@pytest.mark.parametrize("width", WIDTHS)
def test_it_looks_the_same_without_javascript(browser, release_page, width):
    looks = []
    for javascript in (True, False):
        with opened(browser, release_page, width=width, javascript=javascript) as (page, _):
            looks.append(Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB"))
    assert looks[0].size == looks[1].size
    assert looks[0].tobytes() == looks[1].tobytes()


def test_dark_is_dark_and_light_is_light(browser, release_page):
    brightness = {}
    for scheme in ("light", "dark"):
        with opened(browser, release_page, scheme=scheme) as (page, _):
            picture = Image.open(io.BytesIO(page.screenshot())).convert("L").resize((64, 64))
        brightness[scheme] = sum(picture.tobytes()) / 64**2
    assert brightness["light"] > 200
    assert brightness["dark"] < 60


def test_the_drawing_has_a_name_and_a_description_for_who_cannot_see_it(browser, release_page):
    with opened(browser, release_page) as (page, _):
        drawing = page.get_by_role("img", name="commonest in keyboard.emoji.ja")
        assert drawing.count() == 1
        assert "victory hand" in drawing.locator("desc").text_content()


def test_the_browser_refuses_what_the_policy_forbids(browser, release_page):
    with opened(browser, release_page) as (page, complaints):
        page.evaluate("document.body.appendChild(document.createElement('script')).textContent = 'window.ran = true'")
        assert page.evaluate("window.ran") is None
        assert any("Content Security Policy" in complaint for complaint in complaints)
