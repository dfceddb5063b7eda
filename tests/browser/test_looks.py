"""What looks for faults of our pages finds each of them where it is planted."""

import pytest

from tests.browser.looks import FAULTS

pytestmark = pytest.mark.browser
SOUND = '<!doctype html><html lang="en"><title>A page</title><main><h1>A heading</h1>{}</main></html>'


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        ("<h2>Below</h2><p>Text</p><button style='padding: 1em'>Press</button>", ""),
        ("<p style='width: 3000px'>Text</p>", "wider"),
        ("<h1>Another</h1>", "not one h1"),
        ("<p id=one></p><p id=one></p>", "two elements"),
        ("<p aria-labelledby=two>Text</p>", "names two"),
        ("<h3>Below</h3>", "heading level"),
        ("<button style='padding: 1em'></button>", "no name"),
        ("<input style='padding: 1em'>", "no name"),
        ("<button style='padding: 0; font-size: 9px'>Press</button>", "too small"),
        ("<p style='color: #888'>Text</p>", "too little contrast"),
        ("<div style='background: #333'><p style='color: #0b5394'>Text</p></div>", "too little contrast"),
    ],
)
def test_each_fault_is_found_where_it_is_planted(browser, planted, complaint):
    page = browser.new_page()
    page.set_content(SOUND.format(planted))
    found = page.evaluate(FAULTS)
    page.close()
    assert (len(found) == 1 and complaint in found[0]) if complaint else found == []
