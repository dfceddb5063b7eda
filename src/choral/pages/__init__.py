"""How pages look and who may see them: layout, charts, numbers with their errors, promises in plain words, headers.

Knows: HTML, SVG and guarantees. Must not know: reports, stores, servers, what a product shows.
Interface: `environment`, `page`, `static_files`; `secure`, `Door`, `personal`, `behind`; `chart`; `promises`; numbers.py.
Add here: a filter in numbers.py, a macro in templates/, a rule in static/choral.css.
Tested in: tests/pages, tests/browser.
"""

from choral.pages.asked import Asked
from choral.pages.charts import Bar, Chart, chart
from choral.pages.headers import HEADERS, INTERACTIVE, secure
from choral.pages.layout import environment, page, static_files
from choral.pages.loopback import Door
from choral.pages.numbers import with_error
from choral.pages.personal import behind, in_turn, personal, sentence
from choral.pages.series import Point, Series, series
from choral.pages.words import Promise, promises, spoken

__all__ = [
    "HEADERS",
    "INTERACTIVE",
    "Asked",
    "Bar",
    "Chart",
    "Door",
    "Point",
    "Promise",
    "Series",
    "behind",
    "chart",
    "environment",
    "in_turn",
    "page",
    "personal",
    "promises",
    "secure",
    "sentence",
    "series",
    "spoken",
    "static_files",
    "with_error",
]
