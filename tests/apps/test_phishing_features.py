"""What a device sees in a link and its page, beside the published columns, and what it refuses to read."""

import csv
import gzip
import os
import socket
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from choral.apps.phishing.device import markup
from choral.apps.phishing.device.canonical import canonical, marks
from choral.apps.phishing.device.columns import HANNOUSSE_LEAKING, HANNOUSSE_PAGE, HANNOUSSE_TRANSPORT, HANNOUSSE_URL
from choral.apps.phishing.device.context import Context, context_features
from choral.apps.phishing.device.features import MORE, OF_PAGE, PUBLIC, WIDE, Constants, constants, look, shipped_document
from choral.apps.phishing.device.lookalike import FAR, Brands, distance, shipped_brands
from choral.apps.phishing.device.markup import MOST_BYTES, read_page
from choral.apps.phishing.device.nesting import MOST_ATTRIBUTES, MOST_DEPTH, require_readable
from choral.apps.phishing.device.sentences import SENTENCES, said
from choral.apps.phishing.device.urls import read_link, url_features
from choral.apps.phishing.study.data import SOURCE
from choral.errors import Refused, UsageError
from tests.apps.phishing_device import LinkDesk, device

HERE = Context("en", "GB", datetime(2026, 11, 21, 3, tzinfo=UTC))  # a Saturday night
BANK = read_link("https://www.mybank.co.uk/login?next=/home&x=1")
LEAST_AGREEMENT = 0.999  # share of links whose column is exactly ours; the least measured is .9994

LOGIN = b"""<!doctype html><html lang="ja"><head><title>Sign in</title>
<link rel="stylesheet" href="https://cdn.other.example.net/a.css"><link rel="shortcut icon" href="/i.ico">
<script src="app.js"></script></head><body><p>Welcome<p>back <form action="https://evil.example.org/p.php" method=post>
<input type=TEXT name=u><input type="Password" name=p><input type=hidden name=h></form>
<a href="#">Help</a><a href="https://www.other.example.net/about">About</a><img src="https://img.other.example.net/x.png">
<iframe src="//frames.example.com/f" width=0 height=0 frameborder=0></iframe>
\xc2\xa9 2026 Other Corporation <script>if (event.button == 2) prompt("no")</script></body></html>"""


@pytest.fixture(scope="module")
def rows():
    folder = os.environ.get("CHORAL_DATA_DIR")
    if not folder or not (Path(folder) / SOURCE).exists():
        pytest.skip("needs the published links: set CHORAL_DATA_DIR")
    with gzip.open(Path(folder) / SOURCE, "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def compared(rows):
    """Each column's share of links for which ours is the same number; a link that is refused counts as none."""
    agree, refused = dict.fromkeys(HANNOUSSE_URL, 0), 0
    for row in rows:
        try:
            ours = url_features(read_link(row["url"]))
        except Refused:
            refused += 1
            continue
        for name in HANNOUSSE_URL:
            agree[name] += abs(float(row[name]) - ours[name]) < 1e-6
    return {name: count / (len(rows) - refused) for name, count in agree.items()}, refused


@pytest.mark.parametrize("name", HANNOUSSE_URL)
def test_url_features_are_those_of_the_published_table(compared, name):
    assert compared[0][name] >= LEAST_AGREEMENT


def test_only_links_with_control_characters_are_refused_of_the_published_ones(compared):
    assert compared[1] == 3


def test_what_needs_a_look_up_is_no_feature():
    assert not HANNOUSSE_LEAKING & set(WIDE)
    assert len(PUBLIC) == 52
    assert set(WIDE) == set(PUBLIC) | set(MORE)
    assert set(SENTENCES) == set(WIDE)
    assert set(PUBLIC) >= HANNOUSSE_TRANSPORT


def test_a_link_and_its_page_have_every_feature_and_a_link_alone_those_that_are_not_of_a_page():
    assert set(look(BANK.text, LOGIN, HERE).features) == set(WIDE)
    assert set(WIDE) - set(look(BANK.text, None, HERE).features) == OF_PAGE - {"foreign_language"}


def test_a_link_is_taken_apart_by_public_suffixes():
    assert (BANK.suffix, BANK.label, BANK.subdomain, BANK.registered) == ("co.uk", "mybank", "www", "mybank.co.uk")
    ours = url_features(BANK)
    assert (ours["parameters"], ours["path_depth"], ours["nb_www"], ours["phish_hints"]) == (2, 1, 1, 1)
    assert url_features(read_link("http://192.168.0.1/a"))["ip"]
    assert url_features(read_link("http://paypal.com@evil.example/"))["user_in_link"]


@pytest.mark.parametrize("given", ["example.com", "example.com:8080/x", "//example.com", " https://example.com "])
def test_a_scheme_that_is_missing_is_https(given):
    assert read_link(given).host == "example.com"


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("https://evil.example\\@paypal.com/", "evil.example"),
        ("https:\\\\evil.example\\login", "evil.example"),
        ("https:/evil.example/", "evil.example"),
        ("https:///evil.example/", "evil.example"),
        ("https://paypal.com%2f@evil.example/", "evil.example"),
        ("https://paypal.com:443@evil.example/", "evil.example"),
        ("https://%65vil%2Eexample/", "evil.example"),
        ("https://evil.example./", "evil.example"),
        ("https://evil\u3002example/", "evil.example"),
        ("https://ｅｖｉｌ．example/", "evil.example"),
        ("https://ev\u00adil.example/", "evil.example"),
        ("\ufeffhttps://evil.example\n", "evil.example"),
        ("http://3221225985/", "192.0.2.1"),
        ("http://0300.0.0x2.1/", "192.0.2.1"),
        ("http://[::ffff:192.0.2.1]:8080/", "::ffff:c000:201"),
    ],
)
def test_a_host_is_the_one_that_a_browser_would_open_however_it_is_spelt(given, host):
    link = read_link(given)
    assert link.host == host
    plain = f"[{host}]" if ":" in host else host
    assert set(marks(f"https://{plain}/")) <= set(marks(link.text))
    assert url_features(link)["length_hostname"] == len(host)


PARTS = st.text(st.sampled_from("aé.%25fF2e0x41:/@\\?#[]\u3002-\uff21ßI\u200d\u00ad "), max_size=24)


@settings(max_examples=300, deadline=None)
@given(st.tuples(st.sampled_from(["https://", "http:/", "https:\\\\", ""]), PARTS).map("".join))
def test_labels_are_matched_by_the_host_that_is_judged_and_reading_again_changes_nothing(text):
    try:
        link = read_link(text)
    except Refused:
        return
    plain = f"[{link.host}]" if ":" in link.host else link.host
    assert canonical(link.text).split("/")[2] == canonical(f"https://{plain}/").split("/")[2]
    assert read_link(link.text) == link


def test_an_address_of_numbers_is_one_in_any_spelling():
    plain = url_features(read_link("http://192.0.2.1/a"))
    assert plain["ip"]
    assert url_features(read_link("http://0xC0000201/a")) == plain


def test_page_features_say_what_stands_in_the_bytes():
    page = read_page(LOGIN, BANK)
    said_of_page = page.features
    assert page.asks_password
    assert page.language == "ja"
    expected = {
        "password_boxes": 1, "forms": 1, "forms_elsewhere": 1, "forms_by_mail": 0, "forms_nowhere": 0, "forms_unencrypted": 0,
        "iframes": 1, "paragraphs": 2, "hyperlinks": 2, "hyperlinks_out": 0.5, "hidden_inputs": 1, "login_form": 1,
        "nb_extCSS": 1, "links_in_tags": 200 / 3, "ratio_intMedia": 50, "ratio_extMedia": 50, "safe_anchor": 50, "iframe": 1,
        "popup_window": 1, "right_clic": 1, "onmouseover": 0, "empty_title": 0, "domain_in_title": 1,
        "domain_with_copyright": 1, "external_favicon": 1,
    }  # fmt: skip
    assert {name: said_of_page[name] for name in expected} == expected
    assert set(HANNOUSSE_PAGE) <= set(said_of_page)
    assert said_of_page["nb_hyperlinks"] == 2 + 3 + 2 + 1 + 1 + 3  # anchors, links and scripts, media, forms, styles, icons


def test_columns_that_are_always_0_in_the_published_table_are_here_too(rows):
    dead = {name for name in HANNOUSSE_PAGE if not any(float(row[name]) for row in rows)}
    assert dead == {"ratio_nullHyperlinks", "sfh", "submit_email"}
    page = read_page(b"<form action='mailto:a@b.c'></form><form action=''></form><a href='#'>x</a>", BANK)
    assert not any(page.features[name] for name in dead)
    assert (page.features["forms_by_mail"], page.features["forms_nowhere"]) == (1, 1)


class Cloak(BaseHTTPRequestHandler):
    """A site that shows crawlers something else than people."""

    asked: tuple = ()

    def do_GET(self):
        agent = self.headers.get("User-Agent", "")
        type(self).asked += (agent,)
        body = b"<title>Gardening</title><p>Roses." if "bot" in agent else LOGIN
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Silent."""


def test_a_site_that_cloaks_is_seen_as_this_person_sees_it_and_nothing_is_fetched_for_it(monkeypatch):
    """The whole app judges both pages while no socket can be opened; the site is asked by the clients alone."""
    Cloak.asked = ()
    watch = device(LinkDesk(), agree=False)
    server = HTTPServer(("127.0.0.1", 0), Cloak)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/login"
        crawler = httpx.get(url, headers={"User-Agent": "somebot/1.0"}, trust_env=False).content
        person = httpx.get(url, headers={"User-Agent": "Mozilla/5.0 (a person)"}, trust_env=False).content
        assert len(Cloak.asked) == 2
        monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("something was fetched"))
        for seen, asks in ((person + b"<img src='/pixel.png'>", True), (crawler, False)):
            answer = watch.receive(url, seen, HERE, HERE.at)
            assert answer.seen.asks_password == asks
            assert answer.seen.features["forms_elsewhere"] == asks
        assert len(Cloak.asked) == 2
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_context_is_night_weekend_another_country_and_another_language():
    link = read_link("https://shop.example.de/")
    assert context_features(HERE, link, "ja") == {
        "at_night": 1, "at_weekend": 1, "foreign_suffix": 1, "foreign_language": 1,
    }  # fmt: skip
    assert not context_features(HERE, read_link("https://shop.example.co.uk/"), "en")["foreign_suffix"]
    with pytest.raises(ValueError, match="time zone"):
        Context("en", "GB", datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(UsageError, match="no locale"):
        Context.of("<script>", HERE.at)


@pytest.mark.parametrize(
    ("link", "brand", "distance", "named", "mixed"),
    [
        ("https://www.paypal.com/", "", FAR, False, False),
        ("https://www.paypa1.com/", "paypal", 0, False, False),
        ("https://papyal.com/", "paypal", 1, False, False),
        ("https://paypal.secure-login.example/", "paypal", 0, True, False),
        ("https://xn--pypal-4ve.com/", "paypal", 0, False, True),
        ("https://раураl.com/", "paypal", 0, False, True),
        ("https://arnazon.com/", "amazon", 0, False, False),
        ("https://accounts.snapchat.com.evil.example/", "snapchat", 0, True, False),
        ("https://gardening.example/", "", FAR, False, False),
        ("https://日本のサイト.jp/", "", FAR, False, False),
    ],
)
def test_hosts_that_look_like_a_protected_brand_are_near_it(link, brand, distance, named, mixed):
    found = shipped_brands().likeness(read_link(link))
    assert (found.brand, found.distance, found.named, found.scripts > 1) == (brand, distance, named, mixed)


def test_a_team_protects_its_own_brands(tmp_path):
    path = tmp_path / "brands.csv"
    path.write_text("brand,domains\nkoralle,koralle.example\n")
    assert Brands.read(path).likeness(read_link("https://k0ralle.com/")).brand == "koralle"
    path.write_text("brand,domains\nkoralle,\n")
    with pytest.raises(UsageError, match="line 2"):
        Brands.read(path)
    path.write_text("name\nkoralle\n")
    with pytest.raises(UsageError, match="columns brand,domains"):
        Brands.read(path)


@given(st.text("abc", max_size=7), st.text("abc", max_size=7))
def test_the_distance_is_symmetric_and_0_for_equal_names(one, other):
    assert distance(one, other) == distance(other, one)
    assert distance(one, one) == 0
    assert 0 <= distance(one, other) <= FAR


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no link"),
        ("javascript:alert(1)", "no address of a page"),
        ("data:text/html,<p>", "no address of a page"),
        ("file:///etc/passwd", "no address of a page"),
        ("https://exa\x00mple.com", "control characters"),
        ("https://exam\nple.com", "control characters"),
        ("https://[::1", "no host"),
        ("https:///", "no host"),
        ("https://" + "a" * 300 + ".com", "no host"),
        ("https://exa mple.com/", "no host"),
        ("https://example.com:99999/", "no host"),
        ("https://exa%00mple.com/", "no host"),
        ("https://.example.com/", "no host"),
        ("https://moc.elpmaxe\u202e/", "no host"),
        ("https://example.com/" + "a" * 20_000, "16,384"),
    ],
)
def test_what_is_no_link_is_refused_in_words(text, why):
    with pytest.raises(Refused, match=why):
        read_link(text)


HOSTILE = st.one_of(
    st.text(max_size=300),
    st.text(st.sampled_from("htps:/@[]%.?#&=а-xn0"), max_size=60).map("https://".__add__),
    st.tuples(st.sampled_from(["http://", "https://", "javascript:", "data:", ""]), st.text(max_size=100)).map("".join),
    st.integers(1, 20_000).map(lambda n: "https://example.com/" + "%25" * n),
)


@settings(max_examples=100, deadline=None)
@given(HOSTILE)
def test_any_text_is_scored_or_refused(text):
    try:
        seen = look(text, None, HERE)
    except Refused:
        return
    assert np.isfinite(constants().wide.rows([seen.features])).all()


_PIECES = (
    "<div>|</div>|<form action=|'|\"|<input type=password>|<a href='http://[|<!--|-->|<p|>|&#0;|<script>|</script>|<svg><title>|"
    "<table>|<title>|\x00|javascript:|<iframe src='//[x'>|<html lang=>|é"
)
PIECES = st.sampled_from(_PIECES.split("|"))


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=500), st.lists(PIECES, max_size=40).map(lambda parts: "".join(parts).encode())))
def test_any_bytes_are_a_page_or_refused(data):
    try:
        page = read_page(data, BANK)
    except Refused:
        return
    assert all(np.isfinite(value) for value in page.features.values())


def formatted(unit):
    """Many different <b>, each followed by this."""
    return b"".join(b"<b class=x%d>" % number + unit for number in range(MOST_DEPTH - 10))


MANY = b"".join(b"a%d " % number for number in range(MOST_ATTRIBUTES + 1))
TANGLED = {
    "nested": b"<div>" * 100_000,
    "bold": b"<b>" * 100_000,
    "commented": b"<!-- </div> --><div>" * 20_000,
    "misclosed": b"<div></span>" * 20_000,
    "scripted": b"<script>'</div>'</script><div>" * 10_000,
    "a comment in a title": b"<title><!--</title>" + b"<div>" * 20_000,
    "a comment in an attribute": b"<a title='<!--'></a>" + b"<div>" * 20_000,
    "closed in an attribute": b"<div title='</div>'>" * 20_000,
    "closed in a bogus comment": b"<div><!x</div>" * 20_000,
    "closed in a frame": b"<iframe></div></iframe><div>" * 10_000,
    "closed beyond an object": b"<div><object></div></object>" * 15_000,
    "closed beyond a cell": b"<div><table><td></div></table>" * 15_000,
    "closed by a cell without a table": b"<td><div></td>" * 30_000,
    "a form around it": b"<form><div></form>" * 20_000,
    "a list in an item": b"<li><ul></li>" * 20_000,
    "styled in a choice": b"<select><style></select>" + b"<div>" * 20_000,
    "no empty tags in a drawing": b"<svg>" + b"<link>" * 20_000,
    "no slash but a value": b"<svg>" + b"<g a=x/>" * 20_000,
    "words on an island": b"<svg><foreignObject>" + b"<x/>" * 20_000,
    "formatting brought back": formatted(b"<p>") + b"<p>x" * 5_000,
    "attributes": b"<a " + MANY + b">",
    "attributes of a script": b"<script " + MANY + b">",
    "attributes after a style in a choice": b"<select><style></select><a " + MANY + b">",
    "attributes after a style in frames": b"<frameset></frameset><style></frameset><a " + MANY + b">",
    "attributes in quotes": b"<a " + b"".join(b"a%d='>' " % number for number in range(MOST_ATTRIBUTES + 1)) + b">",
}


@pytest.mark.parametrize("name", TANGLED)
def test_a_page_that_would_keep_the_device_busy_is_refused_before_it_is_parsed(name):
    with pytest.raises(Refused, match=r"no honest page does|tangled"):
        require_readable(TANGLED[name])


OLD_TABLE = b"<table>" + b"<tr><td><font size=2>words<br><a name=x><td><p>more<p>words" * 2_000 + b"</table>"
SIDE_BY_SIDE = {
    "a list": b"<ul>" + b"<li><p>x<br><img src=a>" * 5_000 + b"</ul>",
    "a script": b"<script>" + b"a<b;" * 5_000 + b"</script>",
    "an old table": OLD_TABLE,
    "definitions": b"<dl>" + b"<dt>a<dd>b<p>c" * 5_000 + b"</dl>",
    "a choice": b"<select>" + b"<option>a" * 5_000 + b"</select>",
    "drawings": b"<p><svg viewBox='0 0 1 1'><path d='M0 0'/><title>x</title><g><rect/></g></svg></p>" * 3_000,
    "headings": b"<h1><span>a</span></h2><div><b>x</div>" * 3_000,
    "a picture in the link": b"<img src='data:image/png;base64," + b"A" * 200_000 + b"'>",
}


@pytest.mark.parametrize("name", SIDE_BY_SIDE)
def test_pages_with_many_elements_side_by_side_are_read(name):
    require_readable(SIDE_BY_SIDE[name])


def test_a_page_that_is_too_long_is_refused():
    with pytest.raises(Refused, match="bytes"):
        read_page(b"x" * (MOST_BYTES + 1), BANK)


def _depth(tree):
    deepest, level = 0, [tree.root]
    while level:
        deepest, level = deepest + 1, [child for node in level for child in node.iter()]
    return deepest


UNITS = st.sampled_from(
    b"<div> </div> <p> </p> <b> </b> <b/id=1> <a> </a> <table> </table> <td> </td> <tr> </tr> <li> </li> <ul> </ul> <form> "
    b"</form> <object> </object> <svg> </svg> <g> </g> <g/> <title> </title> <select> </select> <option> <input> <script> "
    b"</script> <style> </style> <span> </span> <h1> </h2> <template> </template> <math> </math> <mi> </mi> <x/> <button> "
    b"</button> <dd> </dd> <caption> </caption> <!-- --> <foreignObject> </foreignObject> <textarea>".split()
)


@settings(max_examples=60, deadline=None)
@given(st.lists(UNITS, min_size=1, max_size=4), st.lists(UNITS, max_size=3))
def test_no_page_that_is_let_through_is_much_deeper_than_the_limit(unit, before):
    """What tags do together is tried out: the same few of them thousands of times."""
    page = b"".join(before) + b"".join(unit) * 3_000
    try:
        require_readable(page)
    except Refused:
        return
    assert _depth(LexborHTMLParser(page)) <= 5 * MOST_DEPTH


def test_scales_are_those_that_ship_and_what_is_unknown_counts_as_the_mean():
    scales = constants()
    seen = look("https://example.com/", None, HERE).features
    for layout, low, high in ((scales.public, -3, 3), (scales.in_unit, 0, 1), (scales.wide, -3, 3)):
        row = layout.rows([seen])[0]
        assert row.shape == (len(layout.names),)
        assert low <= row.min() <= row.max() <= high
        assert row[list(layout.names).index("sfh")] == layout.unknown[list(layout.names).index("sfh")]
    assert scales.public.rows([]).shape == (0, 52)
    with pytest.raises(ValueError, match="not finite"):
        scales.public.rows([{"nb_dots": float("inf")}])


@pytest.mark.parametrize("change", [{"names": ["x"]}, {"standard": {}}, {"unit": None}])
def test_constants_of_something_else_are_refused(change):
    with pytest.raises(UsageError, match="public constants"):
        Constants.of({**shipped_document(), **change})


def test_every_feature_is_said_in_words():
    for name in WIDE:
        for value in (0.0, 0.5, 3.0):
            words = said(name, value, "paypal")
            assert words
            assert "{" not in words


def test_without_its_extra_the_app_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "selectolax.lexbor", None)
    with pytest.raises(UsageError, match=r"choral\[phishing\]"):
        markup.read_page(b"<p>", BANK)
