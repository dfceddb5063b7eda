"""The page of a model as a person sees it: phone and desktop, light and dark."""

import pytest

from choral.apps.dashboard import application
from tests.apps.trained_server import streaming_house, trained_house
from tests.browser.conftest import served
from tests.browser.looks import FAULTS
from tests.browser.test_release_page import BOXES, WIDTHS, opened

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=[trained_house, streaming_house], ids=["rounds", "stream"])
def address(request):
    house, task = request.param()
    with served(application(house.application())) as site:
        yield f"{site}/models/{task.hash.hex()}"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen_and_the_browser_complains_of_nothing(browser, address, width, scheme, tmp_path):
    with opened(browser, address, width=width, scheme=scheme) as (page, complaints):
        page.screenshot(path=tmp_path / "model.png", full_page=True)
        assert page.evaluate(FAULTS) == []
        assert page.evaluate("[...document.querySelectorAll('.scroll')].every(one => one.scrollWidth <= one.clientWidth)")
        assert complaints == []


@pytest.mark.parametrize("width", WIDTHS)
def test_dots_stand_within_their_drawings_on_their_error_bars(browser, address, width):
    with opened(browser, address, width=width) as (page, _):
        drawings = page.locator("svg.series").evaluate_all(BOXES)
        dots = page.locator("svg.series .dot circle").evaluate_all(BOXES)
        bars = page.locator("svg.series .dot line").evaluate_all(BOXES)
    assert len(dots) == len(bars) > 7
    for (left, right, top, bottom), (bar_left, _, above, below) in zip(dots, bars, strict=True):
        assert any(a <= left and right <= b and c <= top and bottom <= d for a, b, c, d in drawings)
        assert left <= bar_left <= right
        assert above <= (top + bottom) / 2 + 1
        assert below >= (top + bottom) / 2 - 1
