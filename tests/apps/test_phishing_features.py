"""What a device sees in a link and its page, beside the published columns, and what it refuses to read."""

import csv
import gzip
import os
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choral.apps.phishing import markup
from choral.apps.phishing.columns import HANNOUSSE_LEAKING, HANNOUSSE_PAGE, HANNOUSSE_TRANSPORT, HANNOUSSE_URL
from choral.apps.phishing.context import Context, context_features
from choral.apps.phishing.data import SOURCE
from choral.apps.phishing.features import MORE, OF_PAGE, PUBLIC, WIDE, Constants, constants, look, shipped_document
from choral.apps.phishing.lookalike import FAR, Brands, distance, shipped_brands
from choral.apps.phishing.markup import MOST_BYTES, read_page, require_readable
from choral.apps.phishing.sentences import SENTENCES, said
from choral.apps.phishing.urls import read_link, url_features
from choral.errors import Refused, UsageError

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


def test_a_site_that_cloaks_is_seen_as_this_person_sees_it_and_nothing_is_fetched_for_it():
    Cloak.asked = ()
    server = HTTPServer(("127.0.0.1", 0), Cloak)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/login"
        crawler = httpx.get(url, headers={"User-Agent": "somebot/1.0"}, trust_env=False).content
        person = httpx.get(url, headers={"User-Agent": "Mozilla/5.0 (a person)"}, trust_env=False).content
        assert len(Cloak.asked) == 2
        assert look(url, person, HERE).asks_password
        assert not look(url, crawler, HERE).asks_password
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
        ("https:/one-slash.example", "no address of a page"),
        ("https://exa\x00mple.com", "control characters"),
        ("https://exam\nple.com", "control characters"),
        ("https://[::1", "no host"),
        ("https:///path", "no host"),
        ("https://" + "a" * 300 + ".com", "253"),
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


@pytest.mark.parametrize(
    "page",
    [
        b"<div>" * 100_000,
        b"<b>" * 100_000,
        b"<!-- </div> --><div>" * 20_000,
        b"<div></span>" * 20_000,
        b"<script>'</div>'</script><div>" * 10_000,
    ],
    ids=["nested", "bold", "commented", "misclosed", "scripted"],
)
def test_deep_nesting_is_refused_before_it_is_parsed(page):
    with pytest.raises(Refused, match="nests over"):
        require_readable(page)


def test_pages_with_many_elements_side_by_side_are_read():
    require_readable(b"<ul>" + b"<li><p>x<br><img src=a>" * 5_000 + b"</ul>")
    require_readable(b"<script>" + b"a<b;" * 5_000 + b"</script>")
    with pytest.raises(Refused, match="bytes"):
        require_readable(b"x" * (MOST_BYTES + 1))


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
