"""What happens where the browser or the fonts are missing."""

import pytest

from tests.browser.conftest import INSTALL, require


def test_elsewhere_a_missing_browser_skips_and_says_what_to_install():
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        require("Chromium is not there", {})


def test_in_ci_a_missing_browser_fails():
    with pytest.raises(pytest.fail.Exception, match="fonts-noto-color-emoji"):
        require("no font", {"CI": "true"})


def test_nothing_missing_is_no_trouble():
    require("", {"CI": "true"})
    assert "fontconfig" in INSTALL
